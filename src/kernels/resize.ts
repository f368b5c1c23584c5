/**
 * Images of bytes to tensors: bilinear interpolation and scaling in one kernel.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { dispatch, makeFilled, makeOutput } from "./dispatch.ts";
import { programOf } from "./program.ts";
import { gridOf, indexOf } from "./elementwise.ts";
import { rowVectors } from "./row_vectors.ts";
import type { Shader } from "./shader.ts";
import { range } from "./wgsl.ts";

/** Sizes of images before and after. */
export interface ResizeSizes {
  readonly batch: number;
  readonly inHeight: number;
  readonly inWidth: number;
  readonly channels: number;
  readonly outHeight: number;
  readonly outWidth: number;
}

/**
 * Resizes images and scales them to [0, 1].
 *
 * Output place i reads the input at max(0, (i + 0.5) * in / out - 0.5), as PyTorch's
 * `interpolate(mode="bilinear", align_corners=False)` does. The place is worked out in integers, so that it is the same as
 * on the host.
 *
 * @param backend The backend that will hold the result.
 * @param bytes `[batch, inHeight, inWidth, channels]` in [0, 255], padded to a multiple of 4 bytes.
 * @param sizes Sizes before and after.
 * @returns float32 `[batch, outHeight, outWidth, channels]`.
 */
export function resizeBytes(
  backend: WebGPUBackend,
  bytes: Uint8Array<ArrayBuffer>,
  sizes: ResizeSizes,
): TensorInfo {
  const { batch, channels, outHeight, outWidth } = sizes;
  const words = new Uint32Array(
    bytes.buffer,
    bytes.byteOffset,
    bytes.length / 4,
  );
  const pixels = makeFilled(backend, words);
  const output = makeOutput(backend, [batch, outHeight, outWidth, channels]);
  const key = [
    "resize",
    ...[batch, sizes.inHeight, sizes.inWidth, channels, outHeight, outWidth],
  ].join();
  const isSameSize = sizes.inHeight === outHeight && sizes.inWidth === outWidth;
  const program = programOf(
    backend,
    key,
    () =>
      isSameSize
        ? _scaleShader(batch * outHeight * outWidth * channels)
        : _shader(sizes),
  );
  dispatch(backend, program, [output, pixels]);
  backend.disposeData(pixels.dataId);
  return output;
}

/** Scales without resizing: one invocation per four values. */
function _scaleShader(total: number): Shader {
  const count = Math.ceil(total / 4);
  const workgroups = gridOf(count);
  const values = rowVectors(total);
  const store = values.width === 4
    ? "output[i] = values;"
    : range(4).map((j) =>
      `if (4u * i + ${j}u < ${total}u) {
    output[4u * i + ${j}u] = values[${j}];
  }`
    ).join("\n  ");
  return {
    code: `
@group(0) @binding(0) var<storage, read_write> output: array<${values.type}>;
@group(0) @binding(1) var<storage, read> pixels: array<u32>;

${indexOf(count, workgroups)}
  let values = unpack4x8unorm(pixels[i]);
  ${store}
}
`,
    workgroups,
  };
}

/** One invocation per value. */
function _shader(s: ResizeSizes): Shader {
  const total = s.batch * s.outHeight * s.outWidth * s.channels;
  const workgroups = gridOf(total);
  return {
    code: `
@group(0) @binding(0) var<storage, read_write> output: array<f32>;
@group(0) @binding(1) var<storage, read> pixels: array<u32>;

fn pixel(image: u32, y: u32, x: u32, channel: u32) -> f32 {
  let at = ((image * ${s.inHeight}u + y) * ${s.inWidth}u + x) * ${s.channels}u + channel;
  return f32((pixels[at / 4u] >> (at % 4u * 8u)) & 255u);
}

${indexOf(total, workgroups)}
  let channel = i % ${s.channels}u;
  let column = i / ${s.channels}u % ${s.outWidth}u;
  let row = i / ${s.channels * s.outWidth}u % ${s.outHeight}u;
  let image = i / ${s.channels * s.outWidth * s.outHeight}u;
${_place("y", "row", s.inHeight, s.outHeight)}
${_place("x", "column", s.inWidth, s.outWidth)}
  let topLeft = pixel(image, y0, x0, channel);
  let topRight = pixel(image, y0, x1, channel);
  let bottomLeft = pixel(image, y1, x0, channel);
  let bottomRight = pixel(image, y1, x1, channel);
  let top = topLeft + shareX * (topRight - topLeft);
  let bottom = bottomLeft + shareX * (bottomRight - bottomLeft);
  output[i] = (top + shareY * (bottom - top)) / 255.0;
}
`,
    workgroups,
  };
}

/** Declares the two neighbours along an axis, for example `y0` and `y1`, and the share of the second, `shareY`. */
function _place(
  axis: "x" | "y",
  i: string,
  inSize: number,
  outSize: number,
): string {
  const whole = 2 * outSize;
  return `  let ${axis}Place = max(i32((2u * ${i} + 1u) * ${inSize}u) - ${outSize}, 0);
  let ${axis}0 = u32(${axis}Place / ${whole});
  let ${axis}1 = min(${axis}0 + 1u, ${inSize - 1}u);
  let share${axis.toUpperCase()} = f32(${axis}Place % ${whole}) / ${whole}.0;`;
}
