/**
 * Pooling and its gradient. The shaders walk over windows, with one invocation per element or, where channels come in
 * fours, per four of them.
 */

import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { FusedPool } from "../../device.ts";
import {
  poolInputShape,
  poolOutputShape,
  type PoolSizes,
} from "../../sizes.ts";
import { asNumbers, asTensor, differentiable } from "../../tape.ts";
import { type Tensor4D, tf } from "../../tf.ts";
import {
  type Activated,
  type BiasGradient,
  biasGradient,
} from "../dense/fused_dense.ts";
import { dispatch, makeOutput, programOf } from "../run/dispatch.ts";
import { type StoredType, storedType } from "../run/recorder.ts";
import { sourceOfPass, traitsOf } from "../run/ways.ts";
import {
  declareOperand,
  declareResult,
  type Source,
  type Width,
} from "../wgsl/operand.ts";
import { gridOf, indexOf, type Shader } from "../wgsl/wgsl.ts";

/** Pooling of a tensor, differentiable; a NaN is the largest value of its window. */
export function differentiablePool(
  x: Tensor4D,
  { kind, sizes }: FusedPool,
): Tensor4D {
  const backend = tf.backend() as WebGPUBackend;
  const input = asNumbers(x);
  const output = kind === "average"
    ? differentiable(
      [input],
      () => asTensor(averagePool(backend, input, sizes)),
      (dy) => [asTensor(averagePoolGradient(backend, dy, sizes))],
    )
    : differentiable([input], (save) => {
      const { pooled, places } = maxPoolWithPlaces(backend, input, sizes);
      save([asTensor(places)]);
      return asTensor(pooled);
    }, (dy, [places]) => [
      asTensor(maxPoolGradientAt(backend, { dy, places }, sizes)),
    ]);
  return output as Tensor4D;
}

/** Mean of each window, over its elements inside the image. */
export function averagePool(
  backend: WebGPUBackend,
  x: TensorInfo,
  sizes: PoolSizes,
): TensorInfo {
  const { float, width } = elementOf(sizes);
  const shape = poolOutputShape(sizes);
  const output = makeOutput(backend, shape, storedType(backend, x));
  const program = programOf(
    backend,
    poolKey("average pool", sizes),
    () =>
      windowShader(sizes, {
        bindings: `
${declareResult("output", { binding: 0, width })}
${declareOperand("x", { binding: 1, width, source: "buffers" })}`,
        before: `var sum = ${float}();`,
        each: "sum = sum + xRead(at);",
        after: "outputWrite(i, sum / f32(count));",
      }),
  );
  dispatch(backend, program, [output, x]);
  return output;
}

/** Gradient of average pooling: each window spreads its gradient evenly over its elements inside the image. */
export function averagePoolGradient(
  backend: WebGPUBackend,
  dy: TensorInfo,
  s: PoolSizes,
): TensorInfo {
  const { float, width } = elementOf(s);
  const dx = makeOutput(backend, poolInputShape(s), storedType(backend, dy));
  const extent = (first: string, window: number, end: number) =>
    `(min(${first} + ${window}, ${end}) - max(${first}, 0))`;
  const program = programOf(
    backend,
    poolKey("average pool gradient", s),
    () =>
      coverShader(s, {
        bindings: `
${declareResult("output", { binding: 0, width })}
${declareOperand("dy", { binding: 1, width, source: "buffers" })}`,
        before: `var sum = ${float}();`,
        each: `let top = y * ${s.strideHeight} - ${s.padTop};
      let left = x * ${s.strideWidth} - ${s.padLeft};
      let count = ${extent("top", s.windowHeight, s.inHeight)}
        * ${extent("left", s.windowWidth, s.inWidth)};
      sum = sum + dyRead(at) / f32(count);`,
        after: "outputWrite(i, sum);",
      }),
  );
  dispatch(backend, program, [dx, dy]);
  return dx;
}

/** Gradients of a bias and of its activation, given that of the average pooling after them. */
export function averagePoolBiasGradient(
  backend: WebGPUBackend,
  { dy, after }: { dy: TensorInfo; after?: Activated },
  sizes: PoolSizes,
): BiasGradient {
  const dx = averagePoolGradient(backend, dy, sizes);
  const gradients = biasGradient(backend, { dy: dx, after });
  if (gradients.dz !== dx) backend.disposeData(dx.dataId);
  return gradients;
}

/** Largest value of each window; a NaN is ignored. */
export function maxPool(
  backend: WebGPUBackend,
  x: TensorInfo,
  sizes: PoolSizes,
): TensorInfo {
  const pooled = makeOutput(backend, poolOutputShape(sizes));
  findLargest(backend, { x, pooled }, { sizes, nan: "ignored" });
  return pooled;
}

/** The largest values of windows, and where they were. */
export interface PooledWithPlaces {
  /** `[batch, outHeight, outWidth, channels]`. */
  readonly pooled: TensorInfo;
  /** int32, of the same shape: row times `inWidth` plus column of the first largest value. */
  readonly places: TensorInfo;
}

/**
 * Largest value of each window and where it was, which is all that the gradient needs. Of a window that holds a NaN it is the
 * first NaN, so that the loss shows that a network has gone astray.
 */
export function maxPoolWithPlaces(
  backend: WebGPUBackend,
  x: TensorInfo,
  sizes: PoolSizes,
  output: PooledWithPlaces = makePooled(backend, sizes, storedType(backend, x)),
): PooledWithPlaces {
  findLargest(backend, { x, ...output }, { sizes, nan: "largest" });
  return output;
}

/** Makes the tensors that {@linkcode maxPoolWithPlaces} fills. */
export function makePooled(
  backend: WebGPUBackend,
  sizes: PoolSizes,
  stored?: StoredType,
): PooledWithPlaces {
  return {
    pooled: makeOutput(backend, poolOutputShape(sizes), stored),
    places: makeOutput(backend, poolOutputShape(sizes), "int32"),
  };
}

/** Gradient of {@linkcode maxPool}: each gradient goes to the first largest value of its window. */
export function maxPoolGradient(
  backend: WebGPUBackend,
  { dy, x }: { dy: TensorInfo; x: TensorInfo },
  sizes: PoolSizes,
): TensorInfo {
  const places = makeOutput(backend, poolOutputShape(sizes), "int32");
  findLargest(backend, { x, places }, { sizes, nan: "ignored" });
  const dx = maxPoolGradientAt(backend, { dy, places }, sizes);
  backend.disposeData(places.dataId);
  return dx;
}

/** Gradient of max pooling, given where the largest values were: adds up the windows over an element whose largest it is. */
export function maxPoolGradientAt(
  backend: WebGPUBackend,
  { dy, places }: { dy: TensorInfo; places: TensorInfo },
  s: PoolSizes,
): TensorInfo {
  const dx = makeOutput(backend, poolInputShape(s), storedType(backend, dy));
  const source = sourceOf(backend, dy);
  const { float, int, width } = elementOf(s);
  const program = programOf(
    backend,
    `${poolKey("max pool gradient", s)},${source}`,
    () =>
      coverShader(s, {
        bindings: `
${declareResult("output", { binding: 0, width })}
${declareOperand("places", { binding: 1, width, source, type: "i32" })}
${declareOperand("dy", { binding: 2, width, source })}`,
        before: `var sum = ${float}();`,
        each:
          `sum = sum + select(${float}(), dyRead(at), placesRead(at) == ${int}(place));`,
        after: "outputWrite(i, sum);",
      }),
  );
  dispatch(backend, program, [dx, places, dy]);
  return dx;
}

/** What a NaN in a window is: its largest value, or, as in TensorFlow.js, no value at all. */
type NanRule = "largest" | "ignored";

/** Fills those of the results that it is given. */
function findLargest(
  backend: WebGPUBackend,
  { x, ...results }: { x: TensorInfo } & Partial<PooledWithPlaces>,
  { sizes, nan }: { sizes: PoolSizes; nan: NanRule },
): void {
  const names = Object.keys(results) as (keyof PooledWithPlaces)[];
  const source = sourceOf(backend, x);
  const program = programOf(
    backend,
    `${poolKey("max pool", sizes)},${names},${nan},${source}`,
    () => maxPoolShader(sizes, { results: names, nan, source }),
  );
  const [first, ...second] = Object.values(results);
  dispatch(backend, program, [first, x, ...second]);
}

/** Writes the shader of max pooling. Bindings: first result, `x`, second result. */
function maxPoolShader(
  s: PoolSizes,
  { results, nan, source }: {
    results: readonly (keyof PooledWithPlaces)[];
    nan: NanRule;
    source: Source;
  },
): Shader {
  const { float, int, unsigned, bool, width } = elementOf(s);
  const outputs = results.map((result, i) => {
    const binding = 2 * i;
    return result === "pooled"
      ? {
        declaration: declareResult("values", { binding, width }),
        store: "valuesWrite(i, best);",
      }
      : {
        declaration:
          `@group(0) @binding(${binding}) var<storage, read_write> places: array<${int}>;`,
        store: "places[i] = bestPlace;",
      };
  });
  return windowShader(s, {
    bindings: `
${outputs.map(({ declaration }) => declaration).join("\n")}
${declareOperand("x", { binding: 1, width, source })}

// By its bits, as compilers may take \`v != v\` for false.
fn isNan(v: ${float}) -> ${bool} {
  return (bitcast<${unsigned}>(v) & ${unsigned}(0x7fffffffu)) > ${unsigned}(0x7f800000u);
}`,
    before: `var best = ${float}(-3.4028234e38);
  var bestPlace = ${int}(-1);`,
    each: `let value = xRead(at);
      // The first of the window also where it is -infinity.
      let isNew = (value > best) | ${
      nan === "largest"
        ? `(bestPlace < ${int}(0)) | (isNan(value) & !isNan(best))`
        : `((bestPlace < ${int}(0)) & !isNan(value))`
    };
      best = select(best, value, isNew);
      bestPlace = select(bestPlace, ${int}(place), isNew);`,
    after: outputs.map(({ store }) => store).join("\n  "),
  });
}

function sourceOf(backend: WebGPUBackend, { shape }: TensorInfo): Source {
  return sourceOfPass(traitsOf(backend), tf.util.sizeFromShape([...shape]));
}

/** Names a pooling. */
export function poolKey(operation: string, s: PoolSizes): string {
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

/** What an invocation computes with: one channel, or a vector of four. */
interface Element {
  readonly width: Width;
  readonly float: "f32" | "vec4f";
  readonly int: "i32" | "vec4i";
  readonly unsigned: "u32" | "vec4u";
  readonly bool: "bool" | "vec4<bool>";
}

function elementOf({ channels }: PoolSizes): Element {
  return channels % 4 === 0
    ? {
      width: 4,
      float: "vec4f",
      int: "vec4i",
      unsigned: "vec4u",
      bool: "vec4<bool>",
    }
    : { width: 1, float: "f32", int: "i32", unsigned: "u32", bool: "bool" };
}

/** What a shader of pooling consists of, in WGSL. */
interface PoolParts {
  readonly bindings: string;
  /** Before the walk. */
  readonly before: string;
  /** At each step of the walk. */
  readonly each: string;
  /** After the walk. */
  readonly after: string;
}

/** Writes a shader with one invocation per output `i`, which walks over its window. */
function windowShader(s: PoolSizes, parts: PoolParts): Shader {
  const across = s.channels / elementOf(s).width;
  const body = `
  let channel = i % ${across}u;
  let pixel = i / ${across}u;
  let column = i32(pixel % ${s.outWidth}u) * ${s.strideWidth} - ${s.padLeft};
  let row = i32(pixel / ${s.outWidth}u % ${s.outHeight}u) * ${s.strideHeight} - ${s.padTop};
  let image = i32(pixel / ${s.outHeight * s.outWidth}u);
  let firstY = max(row, 0);
  let firstX = max(column, 0);
  let endY = min(row + ${s.windowHeight}, ${s.inHeight});
  let endX = min(column + ${s.windowWidth}, ${s.inWidth});
  let count = (endY - firstY) * (endX - firstX);
  ${parts.before}
  for (var y = firstY; y < endY; y = y + 1) {
    for (var x0 = firstX; x0 < endX; x0 = x0 + 1) {
      let place = y * ${s.inWidth} + x0;
      let at = u32(image * ${
    s.inHeight * s.inWidth
  } + place) * ${across}u + channel;
      ${parts.each}
    }
  }
  ${parts.after}`;
  return shader(s.batch * s.outHeight * s.outWidth * across, parts, body);
}

/** Writes a shader with one invocation per input `i`, at `place` in its image, which walks over the windows that cover it. */
function coverShader(s: PoolSizes, parts: PoolParts): Shader {
  const across = s.channels / elementOf(s).width;
  const body = `
  let channel = i % ${across}u;
  let pixel = i / ${across}u;
  let column = i32(pixel % ${s.inWidth}u);
  let row = i32(pixel / ${s.inWidth}u % ${s.inHeight}u);
  let image = i32(pixel / ${s.inHeight * s.inWidth}u);
  let place = row * ${s.inWidth} + column;
  let lastY = min((row + ${s.padTop}) / ${s.strideHeight}, ${s.outHeight - 1});
  let lastX = min((column + ${s.padLeft}) / ${s.strideWidth}, ${
    s.outWidth - 1
  });
  let firstY = max((row + ${s.padTop} - ${s.windowHeight} + ${s.strideHeight}) / ${s.strideHeight}, 0);
  let firstX = max((column + ${s.padLeft} - ${s.windowWidth} + ${s.strideWidth}) / ${s.strideWidth}, 0);
  ${parts.before}
  for (var y = firstY; y <= lastY; y = y + 1) {
    for (var x = firstX; x <= lastX; x = x + 1) {
      let at = u32((image * ${s.outHeight} + y) * ${s.outWidth} + x) * ${across}u + channel;
      ${parts.each}
    }
  }
  ${parts.after}`;
  return shader(s.batch * s.inHeight * s.inWidth * across, parts, body);
}

function shader(count: number, { bindings }: PoolParts, body: string): Shader {
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
