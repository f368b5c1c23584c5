/**
 * Batches of images straight from images of bytes that are on the device: gather, crop, flip, bilinear resize, scale and
 * normalize in one kernel.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { makeFilled, makeOutput, record } from "../run/dispatch.ts";
import { gatherShader } from "./gather_images_shader.ts";
import { type GatherSizes, wordsPerImage } from "../../gather_sizes.ts";
import { programOf } from "../run/program.ts";

/**
 * Makes a batch of images.
 *
 * Output place i reads what is resized at max(0, (i + 0.5) * in / out - 0.5), as PyTorch's
 * `interpolate(mode="bilinear", align_corners=False)` does. The place is worked out in integers, so that it is the same as
 * on the host.
 *
 * @param backend The backend that holds the images and will hold the result.
 * @param images The images of bytes, `[count, height, width, channels]`, four to a word.
 * @param options Sizes, and which images: `wordsPerImage` int32 for each image of the batch.
 * @returns float32 `[batch, height, width, channels]`.
 */
export function gatherImages(
  backend: WebGPUBackend,
  images: TensorInfo,
  { sizes, rows }: { sizes: GatherSizes; rows: Int32Array<ArrayBuffer> },
): TensorInfo {
  const batch = rows.length / wordsPerImage(sizes);
  const { output: { height, width }, channels } = sizes;
  const output = makeOutput(backend, [batch, height, width, channels]);
  const program = programOf(
    backend,
    `gather images,${batch},${JSON.stringify(sizes)}`,
    () => gatherShader(batch, sizes),
  );
  const table = makeFilled(backend, new Uint32Array(rows.buffer));
  // Whoever asks for a batch is not to wait for the work before it.
  record(backend, program, [output, images, table]);
  backend.disposeData(table.dataId);
  return output;
}
