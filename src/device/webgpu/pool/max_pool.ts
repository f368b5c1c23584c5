/**
 * Max pooling and its gradient.
 *
 * @module
 */

import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import {
  poolInputShape,
  poolOutputShape,
  type PoolSizes,
} from "../../sizes.ts";
import { asNumbers, asTensor, differentiable } from "../../tape.ts";
import { type Tensor4D, tf } from "../../tf.ts";
import {
  coverShader,
  poolKey,
  poolTypes,
  poolWidth,
  windowShader,
} from "./pool_shader.ts";
import { dispatch, makeOutput, programOf } from "../run/dispatch.ts";
import { type StoredType, storedType } from "../run/recorder.ts";
import { sourceOfPass, traitsOf } from "../run/ways.ts";
import { declareOperand, declareResult, type Source } from "../wgsl/operand.ts";
import type { Shader } from "../wgsl/wgsl.ts";

/** Largest value of each window; a NaN is ignored. */
export function maxPool(
  backend: WebGPUBackend,
  x: TensorInfo,
  sizes: PoolSizes,
): TensorInfo {
  const output = makeOutput(backend, poolOutputShape(sizes));
  const source = sourceOf(backend, x);
  const key = `${poolKey("max pool", sizes)},${source}`;
  const program = programOf(
    backend,
    key,
    () => poolShader(sizes, { results: ["value"], nan: "ignored", source }),
  );
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
 * Largest value of each window and its place, which is all that the gradient needs. Of a window that holds a NaN, the first
 * NaN, so that a network which goes astray is seen to.
 */
export function maxPoolWithPlaces(
  backend: WebGPUBackend,
  x: TensorInfo,
  sizes: PoolSizes,
  output: PooledWithPlaces = makePooled(backend, sizes, storedType(backend, x)),
): PooledWithPlaces {
  const { pooled, places } = output;
  const source = sourceOf(backend, x);
  const program = programOf(
    backend,
    `${poolKey("max pool with places", sizes)},${source}`,
    () =>
      poolShader(sizes, {
        results: ["value", "place"],
        nan: "largest",
        source,
      }),
  );
  dispatch(backend, program, [pooled, x, places]);
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

/**
 * Gradient of max pooling, given the input: each gradient goes to the first largest value of its window
 * (a NaN is ignored).
 */
export function maxPoolGradient(
  backend: WebGPUBackend,
  tensors: { dy: TensorInfo; x: TensorInfo },
  sizes: PoolSizes,
): TensorInfo {
  const { dy, x } = tensors;
  const places = makeOutput(backend, poolOutputShape(sizes), "int32");
  const source = sourceOf(backend, x);
  const key = `${poolKey("max pool places", sizes)},${source}`;
  const program = programOf(
    backend,
    key,
    () => poolShader(sizes, { results: ["place"], nan: "ignored", source }),
  );
  dispatch(backend, program, [places, x]);
  const dx = maxPoolGradientAt(backend, { dy, places }, sizes);
  backend.disposeData(places.dataId);
  return dx;
}

/** Gradient of max pooling, given the places of the largest values. */
export function maxPoolGradientAt(
  backend: WebGPUBackend,
  tensors: { dy: TensorInfo; places: TensorInfo },
  sizes: PoolSizes,
): TensorInfo {
  const { dy } = tensors;
  const dx = makeOutput(
    backend,
    poolInputShape(sizes),
    storedType(backend, dy),
  );
  const source = sourceOf(backend, dy);
  const key = `${poolKey("max pool gradient", sizes)},${source}`;
  const program = programOf(backend, key, () => gradientShader(sizes, source));
  dispatch(backend, program, [dx, tensors.places, dy]);
  return dx;
}

/** Max pooling of a tensor on the WebGPU backend, differentiable; a NaN is the largest value of its window. */
export function differentiableMaxPool(x: Tensor4D, sizes: PoolSizes): Tensor4D {
  const backend = tf.backend() as WebGPUBackend;
  const input = asNumbers(x);
  return differentiable([input], (save) => {
    const { pooled, places } = maxPoolWithPlaces(backend, input, sizes);
    save([asTensor(places)]);
    return asTensor(pooled);
  }, (dy, [places]) => [
    asTensor(maxPoolGradientAt(backend, { dy, places }, sizes)),
  ]) as Tensor4D;
}

function sourceOf(backend: WebGPUBackend, { shape }: TensorInfo): Source {
  const size = shape.reduce((product, n) => product * n, 1);
  return sourceOfPass(traitsOf(backend), size);
}

/** What a NaN in a window does: it is the largest value, or it is no value at all, as in TensorFlow.js. */
export type NanRule = "largest" | "ignored";

/** Writes the shader of the pooling. Bindings: first result, `x`, second result. */
export function poolShader(
  s: PoolSizes,
  { results, nan, source }: {
    results: readonly ("value" | "place")[];
    nan: NanRule;
    source: Source;
  },
): Shader {
  const { float, int, unsigned, bool } = poolTypes(s);
  const width = poolWidth(s);
  // The first result is binding 0, the second comes after `x`.
  const outputs = results.map((result, i) => {
    const binding = 2 * i;
    return result === "value"
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

/**
 * Writes the shader of the gradient, which adds up the windows over an input whose largest value it is. Bindings: `dx`,
 * places, `dy`.
 */
export function gradientShader(s: PoolSizes, source: Source): Shader {
  const { float, int } = poolTypes(s);
  const width = poolWidth(s);
  return coverShader(s, {
    bindings: `
${declareResult("output", { binding: 0, width })}
${declareOperand("places", { binding: 1, width, source, type: "i32" })}
${declareOperand("dy", { binding: 2, width, source })}`,
    before: `var sum = ${float}();`,
    each:
      `sum = sum + select(${float}(), dyRead(at), placesRead(at) == ${int}(place));`,
    after: "outputWrite(i, sum);",
  });
}
