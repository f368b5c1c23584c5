/**
 * The shaders of max pooling and its gradient.
 *
 * @module
 */

import { declareOperand, type Source } from "./operand.ts";
import type { Shader } from "./shader.ts";
import {
  coverShader,
  type PoolSizes,
  poolTypes,
  poolWidth,
  windowShader,
} from "./pool_shader.ts";

/** What a NaN in a window does: it is the largest value, or it is no value at all, as in TensorFlow.js. */
export type NanRule = "largest" | "ignored";

/**
 * Writes the shader of the pooling. Bindings: first result, `x`, second result.
 *
 * @param s Sizes of the pooling.
 * @param options What to store of each window, where to read from, and what a NaN does; where it is ignored, a window of
 * nothing but NaN has the lowest float32 and the place -1.
 * @returns The shader.
 */
export function poolShader(
  s: PoolSizes,
  { results, nan, source }: {
    results: readonly ("value" | "place")[];
    nan: NanRule;
    source: Source;
  },
): Shader {
  const { float, int, unsigned, bool } = poolTypes(s);
  const [first, second] = results;
  const outputs = [first, second].map((result) =>
    result === "value"
      ? { type: float, variable: "best" }
      : { type: int, variable: "bestPlace" }
  );
  const secondBinding = second === undefined
    ? ""
    : `@group(0) @binding(2) var<storage, read_write> output2: array<${
      outputs[1].type
    }>;`;
  return windowShader(s, {
    textures: source === "textures" ? { 1: poolWidth(s) } : undefined,
    bindings: `
@group(0) @binding(0) var<storage, read_write> output: array<${
      outputs[0].type
    }>;
${declareOperand("x", { binding: 1, width: poolWidth(s), source })}
${secondBinding}

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
    after: `output[i] = ${outputs[0].variable};${
      second === undefined ? "" : `\n  output2[i] = ${outputs[1].variable};`
    }`,
  });
}

/**
 * Writes the shader of the gradient, which adds up the windows over an input whose largest value it is. Bindings: `dx`,
 * places, `dy`.
 *
 * @param s Sizes of the pooling.
 * @param source Where to read from.
 * @returns The shader.
 */
export function gradientShader(s: PoolSizes, source: Source): Shader {
  const { float, int } = poolTypes(s);
  const width = poolWidth(s);
  return coverShader(s, {
    bindings: `
@group(0) @binding(0) var<storage, read_write> output: array<${float}>;
${declareOperand("places", { binding: 1, width, source, type: "i32" })}
${declareOperand("dy", { binding: 2, width, source })}`,
    textures: source === "textures" ? { 1: width, 2: width } : undefined,
    before: `var sum = ${float}();`,
    each:
      `sum = sum + select(${float}(), dyRead(at), placesRead(at) == ${int}(place));`,
    after: "output[i] = sum;",
  });
}
