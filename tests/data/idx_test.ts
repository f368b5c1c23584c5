/** Tests of reading IDX. */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { encodeIdx, parseIdx } from "../../src/data/idx.ts";
import { DataError, ShapeError } from "../../src/errors.ts";

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
    "expected 22 bytes for shape [1,2,3] of uint8, found 21 bytes",
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

/** A file of two values of a type, written by hand. */
function ofType(type: number, ...values: number[]): Uint8Array {
  return Uint8Array.of(0, 0, type, 1, 0, 0, 0, 2, ...values);
}

Deno.test("parseIdx() reads whole numbers from 0 to 255 of every type", () => {
  for (
    const [bytes, data] of [
      [ofType(0x09, 7, 127), [7, 127]],
      [ofType(0x0b, 0, 7, 0, 255), [7, 255]],
      [ofType(0x0c, 0, 0, 0, 7, 0, 0, 0, 255), [7, 255]],
      [ofType(0x0d, 0x40, 0xe0, 0, 0, 0x43, 0x7f, 0, 0), [7, 255]],
      [
        ofType(0x0e, 0x40, 0x1c, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0),
        [7, 0],
      ],
    ] as const
  ) assertEquals([...parseIdx(bytes, { path: "x", rank: 1 }).data], [...data]);
});

Deno.test("parseIdx() says of other values what they are", () => {
  for (
    const [bytes, message] of [
      [ofType(0x09, 7, 255), "-1 as number 1 of int8"],
      [ofType(0x0b, 1, 44, 0, 1), "300 as number 0 of int16"],
      [
        ofType(0x0d, 0x3f, 0, 0, 0, 0, 0, 0, 0),
        "0.5 as number 0 of float32",
      ],
      [
        ofType(0x0d, 0x7f, 0xc0, 0, 0, 0, 0, 0, 0),
        "NaN as number 0 of float32",
      ],
    ] as const
  ) {
    const found = refused(bytes, 1);
    assertStringIncludes(found, "expected whole numbers from 0 to 255, found");
    assertStringIncludes(found, message);
  }
  assertStringIncludes(
    refused(ofType(0x0c, 0, 0, 0, 7), 1),
    "expected 16 bytes for shape [2] of int32, found 12 bytes",
  );
});

Deno.test("parseIdx() takes the first column of a table of int32 for labels, as of QMNIST", () => {
  // The label, the series of the writer, the writer, and so on, of two digits.
  const rest = [4, 2100, 3, 35, 281_769, 0, 0];
  const bytes = new Uint8Array(12 + 2 * 4 * 8);
  bytes.set([0, 0, 0x0c, 2, 0, 0, 0, 2, 0, 0, 0, 8]);
  const view = new DataView(bytes.buffer);
  [5, ...rest, 9, ...rest]
    .forEach((value, i) => view.setInt32(12 + 4 * i, value));
  const { shape, data } = parseIdx(bytes, { path: "x", rank: 1 });
  assertEquals([shape, [...data]], [[2], [5, 9]]);
  assertStringIncludes(refused(bytes), "2100 as number 2 of int32");
});

Deno.test("parseIdx() refuses element types that IDX has not", () => {
  for (const type of [0x00, 0x0a, 0x0f]) {
    assertStringIncludes(
      refused(patched([2, type])),
      `found 0${type.toString(16)}`,
    );
  }
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

Deno.test("encodeIdx() writes what parseIdx() reads", () => {
  const array = { shape: [1, 2, 3], data: BYTES.slice(16) };
  assertEquals(encodeIdx(array), BYTES);
});

Deno.test("encodeIdx() refuses a shape that is not that of the data", () => {
  const data = new Uint8Array(6);
  for (const shape of [[], [5], [6, 0], [-2, -3], [1.5, 4], [2 ** 33]]) {
    assertThrows(() => encodeIdx({ shape, data }), ShapeError);
  }
});
