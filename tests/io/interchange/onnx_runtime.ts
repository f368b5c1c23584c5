/**
 * What ONNX Runtime makes of a file, in WebAssembly.
 *
 * @module
 */

import { env, InferenceSession, Tensor } from "onnxruntime-web";

// More threads would need workers, which the permissions of the tests do not allow to end.
env.wasm.numThreads = 1;

/**
 * Computes logits.
 *
 * @param path The ONNX file.
 * @param images Values of `[count, imageSize, imageSize, 1]`.
 * @param imageSize Height and width.
 * @returns Logits, `[count, classes]`, with their dimensions.
 */
export async function onnxLogits(
  path: string,
  images: Float32Array,
  imageSize: number,
): Promise<{ dims: readonly number[]; values: Float32Array }> {
  const session = await InferenceSession.create(await Deno.readFile(path));
  const count = images.length / imageSize ** 2;
  const dims = [count, imageSize, imageSize, 1];
  const { logits } = await session.run({
    images: new Tensor("float32", images, dims),
  });
  await session.release();
  return { dims: logits.dims, values: logits.data as Float32Array };
}
