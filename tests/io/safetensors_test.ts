/**
 * Tests of the safetensors format: its bytes, read independently, and files that are not it.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { DataError } from "../../src/errors.ts";
import {
  decodeSafetensors,
  encodeSafetensors,
  type NamedTensor,
} from "../../src/io/safetensors.ts";

const TENSORS = new Map<string, NamedTensor>([
  ["conv.kernel", {
    shape: [2, 1, 3],
    values: new Float32Array([1, -2, 3.5, 0, -0, 1e-30]),
  }],
  ["scalar", { shape: [], values: new Float32Array([7]) }],
  ["empty", { shape: [0, 4], values: new Float32Array(0) }],
  // A view that does not begin at the start of its memory.
  ["ünï", {
    shape: [2],
    values: new Float32Array([9, 8, 7, 6]).subarray(1, 3),
  }],
]);
const METADATA = { format: "test", note: 'a "quoted" line\nand 日本' };

function encode(): Uint8Array<ArrayBuffer> {
  const pieces = encodeSafetensors({ tensors: TENSORS, metadata: METADATA });
  const bytes = new Uint8Array(pieces.reduce((sum, p) => sum + p.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    bytes.set(piece, offset);
    offset += piece.length;
  }
  return bytes;
}

/** A file with a header of one's own. */
function withHeader(header: unknown, data: number[] = []): Uint8Array {
  const text = new TextEncoder().encode(
    typeof header === "string" ? header : JSON.stringify(header),
  );
  const bytes = new Uint8Array(8 + text.length + data.length);
  bytes[0] = text.length;
  bytes[1] = text.length >> 8;
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

Deno.test("encodeSafetensors() is what decodeSafetensors() reads", () => {
  const { tensors, metadata } = decodeSafetensors(encode(), "file");
  assertEquals(metadata, METADATA);
  assertEquals([...tensors.keys()], [...TENSORS.keys()]);
  for (const [name, { shape, values }] of TENSORS) {
    assertEquals(tensors.get(name)?.shape, shape);
    assertEquals([...tensors.get(name)!.values], [...values]);
  }
});

Deno.test("decodeSafetensors() reads from any place in memory and copies", () => {
  const bytes = encode();
  const memory = new Uint8Array(bytes.length + 3);
  memory.set(bytes, 3);
  const { tensors } = decodeSafetensors(memory.subarray(3), "file");
  memory.fill(0);
  assertEquals(tensors.get("scalar")?.values[0], 7);
});

Deno.test("encodeSafetensors() lays out length, header and data as the format says", () => {
  const bytes = encode();
  let length = 0;
  for (let i = 7; i >= 0; i--) length = length * 256 + bytes[i];
  const text = new TextDecoder().decode(bytes.slice(8, 8 + length));
  assert(text.startsWith("{") && text.trimEnd().endsWith("}"));
  const { __metadata__: metadata, ...entries } = JSON.parse(text);
  assertEquals(metadata, METADATA);
  assertEquals(Object.keys(entries), [...TENSORS.keys()]);
  const data = bytes.slice(8 + length);
  let end = 0;
  for (const [name, { shape, values }] of TENSORS) {
    const { dtype, shape: written, data_offsets: offsets } = entries[name];
    assertEquals([dtype, written], ["F32", shape]);
    assertEquals(offsets, [end, end + 4 * values.length]);
    const view = new DataView(data.buffer);
    values.forEach((value, i) =>
      assertEquals(view.getFloat32(offsets[0] + 4 * i, true), value)
    );
    end = offsets[1];
  }
  assertEquals(data.length, end);
});

Deno.test("encodeSafetensors() aligns the data", () => {
  for (const name of ["w", "kernel", "conv2d_1.kernel"]) {
    const values = new Float32Array(1);
    const [length, header] = encodeSafetensors({
      tensors: new Map([[name, { shape: [1], values }]]),
      metadata: {},
    });
    assertEquals((length.length + header.length) % 8, 0);
  }
});

const ENTRY = { dtype: "F32", shape: [1], data_offsets: [0, 4] };
const WHOLE = encode();
const BAD: [what: string, bytes: Uint8Array, message: string][] = [
  ["nothing", new Uint8Array(0), "not a safetensors file, or truncated"],
  ["seven bytes", new Uint8Array(7), "not a safetensors file, or truncated"],
  ["a page", new TextEncoder().encode("<html>Log in</html>"), "not a safe"],
  ["half of the header", WHOLE.slice(0, 40), "not a safetensors file"],
  ["a file without its last byte", WHOLE.slice(0, -1), "truncated or damaged"],
  ["a file without its data", WHOLE.slice(0, -64), "truncated"],
  ["a header that is no JSON", withHeader("{oops}  "), "not a safetensors"],
  ["a header that is no object", withHeader("123"), "not a safetensors"],
  ["a header of null", withHeader("null"), "not a safetensors"],
  [
    "another type",
    withHeader({ w: { ...ENTRY, dtype: "F16" } }, [0, 0]),
    "tensor w has type F16, and only F32 is supported",
  ],
  [
    "offsets that do not fit the shape",
    withHeader({ w: { ...ENTRY, shape: [2] } }, [0, 0, 0, 0]),
    "tensor w is truncated or damaged (expected 8 bytes)",
  ],
  [
    "offsets beyond the file",
    withHeader({ w: { ...ENTRY, data_offsets: [4, 8] } }, [0, 0, 0, 0]),
    "tensor w is truncated",
  ],
  [
    "offsets before the file",
    withHeader({ w: { ...ENTRY, data_offsets: [-4, 0] } }, [0, 0, 0, 0]),
    "tensor w is truncated",
  ],
  ["no offsets", withHeader({ w: { dtype: "F32", shape: [1] } }), "truncated"],
];
for (const [what, bytes, message] of BAD) {
  Deno.test(`decodeSafetensors() refuses ${what} in one line`, () => {
    const error = assertThrows(
      () => decodeSafetensors(bytes, "weights.safetensors"),
      DataError,
      message,
    );
    assert(error.message.startsWith("Cannot read weights.safetensors: "));
    assertEquals(error.path, "weights.safetensors");
    assertEquals(error.message.includes("\n"), false);
  });
}
