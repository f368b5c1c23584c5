/** Safetensors files to test with, good and bad. */

import {
  type NamedTensor,
  openSafetensors,
  type Safetensors,
} from "../../src/io/safetensors.ts";

/** Tensors of several ranks, with a name that a file must not be able to harm anything with. */
export const TENSORS: ReadonlyMap<string, NamedTensor> = new Map([
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
  ["__proto__", { shape: [1], values: new Float32Array([5]) }],
]);

/** Free text that needs escapes. */
export const METADATA = { format: "test", note: 'a "quoted" line\nand 日本' };

/** Puts pieces of a file together. */
export function join(pieces: Iterable<Uint8Array>): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([...pieces].flatMap((piece) => [...piece]));
}

/** Reads all of a safetensors file. */
export async function readSafetensors(path: string): Promise<Safetensors> {
  using file = await openSafetensors(path);
  const tensors = new Map<string, NamedTensor>();
  for (const name of file.entries.keys()) {
    tensors.set(name, await file.read(name));
  }
  return { tensors, metadata: file.metadata };
}

/** Makes a file of a header, text as it is or anything else as JSON, and of zeros after it. */
export function withHeader(
  header: unknown,
  dataBytes = 0,
): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(
    typeof header === "string" ? header : JSON.stringify(header),
  );
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  bytes[0] = text.length;
  bytes[1] = text.length >> 8;
  bytes.set(text, 8);
  return bytes;
}
