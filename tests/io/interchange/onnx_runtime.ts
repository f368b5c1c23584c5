/** What ONNX Runtime makes of a file, in WebAssembly. */

import { runPeer } from "../../peers.ts";

/** Computes logits. */
export async function onnxLogits(
  path: string,
  images: {
    values: Float32Array<ArrayBuffer>;
    shape: readonly [number, number, number, number];
  },
): Promise<{ dims: readonly number[]; values: Float32Array }> {
  const { values, shape } = images;
  const logits = await runPeer(
    ["onnx_runtime.ts", path, JSON.stringify(shape)],
    new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  ) as { dims: number[]; values: (number | null)[] };
  // JSON has null for what is not a number.
  const numbers = logits.values.map((value) => value ?? NaN);
  return { dims: logits.dims, values: new Float32Array(numbers) };
}
