/**
 * Tests of reading IDX.
 *
 * @module
 */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { parseIdx } from "../../src/data/idx.ts";
import { DataError } from "../../src/errors.ts";

/** A 1x2x3 array with a header written by hand. */
const BYTES = Uint8Array.of(
  ...[0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3],
  ...[10, 20, 30, 40, 50, 255],
);

function refused(bytes: Uint8Array, rank?: number): string {
  const path = "folder/file";
  const error = assertThrows(() => parseIdx(bytes, { path, rank }), DataError);
  assertEquals(error.path, path);
  assertStringIncludes(error.message, path);
  assertEquals(error.message.includes("\n"), false);
  return error.message;
}

function patched(...changes: [place: number, byte: number][]): Uint8Array {
  const bytes = BYTES.slice();
  for (const [place, byte] of changes) bytes[place] = byte;
  return bytes;
}

Deno.test("parseIdx() reads shape and data without copying", () => {
  const array = parseIdx(BYTES, { path: "x", rank: 3 });
  assertEquals(array.shape, [1, 2, 3]);
  assertEquals([...array.data], [10, 20, 30, 40, 50, 255]);
  assertEquals(array.data.buffer, BYTES.buffer);
});

Deno.test("parseIdx() reads a view that does not start its buffer", () => {
  const padded = new Uint8Array(BYTES.length + 5);
  padded.set(BYTES, 5);
  assertEquals(parseIdx(padded.subarray(5), { path: "x" }).shape, [1, 2, 3]);
});

Deno.test("parseIdx() reads sizes of more than one byte, high byte first", () => {
  const bytes = new Uint8Array(8 + 258);
  bytes.set([0, 0, 8, 1, 0, 0, 1, 2]);
  assertEquals(parseIdx(bytes, { path: "x" }).shape, [258]);
});

Deno.test("parseIdx() refuses a truncated file", () => {
  assertStringIncludes(
    refused(BYTES.subarray(0, 21)),
    "expected 22 bytes for shape [1,2,3], found 21 bytes",
  );
});

Deno.test("parseIdx() refuses every truncated header", () => {
  for (let length = 0; length < 16; length++) {
    assertStringIncludes(refused(BYTES.subarray(0, length)), "header");
  }
});

Deno.test("parseIdx() refuses trailing bytes", () => {
  const longer = new Uint8Array(23);
  longer.set(BYTES);
  assertStringIncludes(refused(longer), "found 23 bytes");
});

Deno.test("parseIdx() refuses a wrong magic number", () => {
  assertStringIncludes(refused(patched([0, 1])), "found 01 00");
  assertStringIncludes(refused(patched([0, 0x1f], [1, 0x8b])), "found 1f 8b");
});

Deno.test("parseIdx() refuses element types other than bytes", () => {
  for (const type of [0x00, 0x09, 0x0b, 0x0c, 0x0d, 0x0e]) {
    refused(patched([2, type]));
  }
  assertStringIncludes(refused(patched([2, 0x0d])), "found 0d");
});

Deno.test("parseIdx() refuses another number of dimensions", () => {
  assertStringIncludes(refused(BYTES, 1), "expected 1 dimension(s), found 3");
  refused(Uint8Array.of(0, 0, 8, 0));
});

Deno.test("parseIdx() refuses a dimension of zero", () => {
  assertStringIncludes(refused(patched([7, 0])), "[0,2,3]");
});

Deno.test("parseIdx() refuses dimensions whose product overflows", () => {
  const bytes = new Uint8Array(4 + 4 * 255).fill(255);
  bytes.set([0, 0, 8, 255]);
  refused(bytes);
  refused(patched([4, 255], [8, 255], [12, 255]));
});
