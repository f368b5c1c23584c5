/**
 * Max pooling and its gradient.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { dispatch, makeOutput, programOf } from "./dispatch.ts";
import { gridOf, indexOf } from "./elementwise.ts";
import type { Shader } from "./gemm_plan.ts";

/** Sizes of a pooling. */
export interface PoolSizes {
  readonly batch: number;
  readonly inHeight: number;
  readonly inWidth: number;
  readonly channels: number;
  readonly outHeight: number;
  readonly outWidth: number;
  readonly windowHeight: number;
  readonly windowWidth: number;
  readonly strideHeight: number;
  readonly strideWidth: number;
  readonly padTop: number;
  readonly padLeft: number;
}

/**
 * Largest value of each window; of a window that holds a NaN, NaN.
 *
 * @param backend The backend that holds the tensor.
 * @param x float32 `[batch, inHeight, inWidth, channels]`.
 * @param sizes Sizes of the pooling.
 * @returns float32 `[batch, outHeight, outWidth, channels]`.
 */
export function maxPool(
  backend: WebGPUBackend,
  x: TensorInfo,
  sizes: PoolSizes,
): TensorInfo {
  const output = makeOutput(backend, _outputShape(sizes));
  const key = _key("max pool", sizes);
  const program = programOf(backend, key, () => _poolShader(sizes, ["value"]));
  dispatch(backend, program, [output, x]);
  return output;
}

/** The largest values of windows, and where they were. */
export interface PooledWithPlaces {
  /** float32 `[batch, outHeight, outWidth, channels]`. */
  readonly pooled: TensorInfo;
  /** int32, of the same shape: row times `inWidth` plus column of the first largest value. */
  readonly places: TensorInfo;
}

/**
 * Largest value of each window and its place, which is all that the gradient needs.
 *
 * @param backend The backend that holds the tensor.
 * @param x float32 `[batch, inHeight, inWidth, channels]`.
 * @param sizes Sizes of the pooling.
 * @returns Values and places.
 */
export function maxPoolWithPlaces(
  backend: WebGPUBackend,
  x: TensorInfo,
  sizes: PoolSizes,
): PooledWithPlaces {
  const pooled = makeOutput(backend, _outputShape(sizes));
  const places = makeOutput(backend, _outputShape(sizes), "int32");
  const program = programOf(
    backend,
    _key("max pool with places", sizes),
    () => _poolShader(sizes, ["value", "place"]),
  );
  dispatch(backend, program, [pooled, x, places]);
  return { pooled, places };
}

/**
 * Gradient of max pooling, given the input: each gradient goes to the first largest value of its window.
 *
 * @param backend The backend that holds the tensors.
 * @param tensors `dy`, `[batch, outHeight, outWidth, channels]`, and the input `x` of the pooling, float32.
 * @param sizes Sizes of the pooling.
 * @returns float32 `[batch, inHeight, inWidth, channels]`.
 */
export function maxPoolGradient(
  backend: WebGPUBackend,
  tensors: { dy: TensorInfo; x: TensorInfo },
  sizes: PoolSizes,
): TensorInfo {
  const { dy, x } = tensors;
  const places = makeOutput(backend, _outputShape(sizes), "int32");
  const key = _key("max pool places", sizes);
  const program = programOf(backend, key, () => _poolShader(sizes, ["place"]));
  dispatch(backend, program, [places, x]);
  const dx = maxPoolGradientAt(backend, { dy, places }, sizes);
  backend.disposeData(places.dataId);
  return dx;
}

/**
 * Gradient of max pooling, given the places of the largest values.
 *
 * @param backend The backend that holds the tensors.
 * @param tensors float32 `dy` and int32 `places`, `[batch, outHeight, outWidth, channels]`.
 * @param sizes Sizes of the pooling.
 * @returns float32 `[batch, inHeight, inWidth, channels]`.
 */
export function maxPoolGradientAt(
  backend: WebGPUBackend,
  tensors: { dy: TensorInfo; places: TensorInfo },
  sizes: PoolSizes,
): TensorInfo {
  const { batch, inHeight, inWidth, channels } = sizes;
  const dx = makeOutput(backend, [batch, inHeight, inWidth, channels]);
  const key = _key("max pool gradient", sizes);
  const program = programOf(backend, key, () => _gradientShader(sizes));
  dispatch(backend, program, [dx, tensors.places, tensors.dy]);
  return dx;
}

function _outputShape(sizes: PoolSizes): number[] {
  return [sizes.batch, sizes.outHeight, sizes.outWidth, sizes.channels];
}

/** One invocation per output and, where channels come in fours, per four of them. */
function _poolShader(
  s: PoolSizes,
  results: readonly ("value" | "place")[],
): Shader {
  const width = s.channels % 4 === 0 ? 4 : 1;
  const [float, int] = width === 4 ? ["vec4f", "vec4i"] : ["f32", "i32"];
  const typeOf = (result: "value" | "place") =>
    result === "value" ? float : int;
  const [first, second] = results;
  return _shader(
    s.batch * s.outHeight * s.outWidth * s.channels / width,
    `
@group(0) @binding(0) var<storage, read_write> output: array<${typeOf(first)}>;
@group(0) @binding(1) var<storage, read> x: array<${float}>;
${
      second === undefined
        ? ""
        : `@group(0) @binding(2) var<storage, read_write> output2: array<${
          typeOf(second)
        }>;`
    }
`,
    `
  let channel = i % ${s.channels / width}u;
  let pixel = i / ${s.channels / width}u;
  let column = i32(pixel % ${s.outWidth}u) * ${s.strideWidth} - ${s.padLeft};
  let row = i32(pixel / ${s.outWidth}u % ${s.outHeight}u) * ${s.strideHeight} - ${s.padTop};
  let image = i32(pixel / ${s.outHeight * s.outWidth}u);
  var best = ${float}(-3.4028234e38);
  var place = ${int}(-1);
  for (var dy = 0; dy < ${s.windowHeight}; dy = dy + 1) {
    let y = row + dy;
    if (y < 0 || y >= ${s.inHeight}) {
      continue;
    }
    for (var dx = 0; dx < ${s.windowWidth}; dx = dx + 1) {
      let x0 = column + dx;
      if (x0 < 0 || x0 >= ${s.inWidth}) {
        continue;
      }
      let at = (image * ${s.inHeight} + y) * ${s.inWidth} + x0;
      let value = x[u32(at) * ${s.channels / width}u + channel];
      // The first of the window also where it is -infinity; NaN is larger than all.
      let isNew = (value > best) | (place < ${int}(0)) | ((value != value) & (best == best));
      best = select(best, value, isNew);
      place = select(place, ${int}(y * ${s.inWidth} + x0), isNew);
    }
  }
  output[i] = ${first === "value" ? "best" : "place"};${
      second === undefined ? "" : "\n  output2[i] = place;"
    }`,
  );
}

/** One invocation per input (and per four channels): adds up the windows over it whose largest value it is. */
function _gradientShader(s: PoolSizes): Shader {
  const width = s.channels % 4 === 0 ? 4 : 1;
  const [float, int] = width === 4 ? ["vec4f", "vec4i"] : ["f32", "i32"];
  return _shader(
    s.batch * s.inHeight * s.inWidth * s.channels / width,
    `
@group(0) @binding(0) var<storage, read_write> output: array<${float}>;
@group(0) @binding(1) var<storage, read> places: array<${int}>;
@group(0) @binding(2) var<storage, read> dy: array<${float}>;
`,
    `
  let channel = i % ${s.channels / width}u;
  let pixel = i / ${s.channels / width}u;
  let column = i32(pixel % ${s.inWidth}u);
  let row = i32(pixel / ${s.inWidth}u % ${s.inHeight}u);
  let image = i32(pixel / ${s.inHeight * s.inWidth}u);
  let place = row * ${s.inWidth} + column;
  // The windows that cover this pixel.
  let lastY = min((row + ${s.padTop}) / ${s.strideHeight}, ${s.outHeight - 1});
  let lastX = min((column + ${s.padLeft}) / ${s.strideWidth}, ${
      s.outWidth - 1
    });
  let firstY = max((row + ${s.padTop} - ${s.windowHeight} + ${s.strideHeight}) / ${s.strideHeight}, 0);
  let firstX = max((column + ${s.padLeft} - ${s.windowWidth} + ${s.strideWidth}) / ${s.strideWidth}, 0);
  var sum = ${float}();
  for (var y = firstY; y <= lastY; y = y + 1) {
    for (var x = firstX; x <= lastX; x = x + 1) {
      let at = u32((image * ${s.outHeight} + y) * ${s.outWidth} + x) * ${
      s.channels / width
    }u + channel;
      sum = sum + select(${float}(), dy[at], places[at] == ${int}(place));
    }
  }
  output[i] = sum;`,
  );
}

function _shader(count: number, bindings: string, body: string): Shader {
  const workgroups = gridOf(count);
  return {
    code: `${bindings}
${indexOf(count, workgroups)}
${body}
}
`,
    workgroups,
  };
}

function _key(operation: string, s: PoolSizes): string {
  return [
    operation,
    s.batch,
    s.inHeight,
    s.inWidth,
    s.channels,
    s.outHeight,
    s.outWidth,
    s.windowHeight,
    s.windowWidth,
    s.strideHeight,
    s.strideWidth,
    s.padTop,
    s.padLeft,
  ].join(",");
}
