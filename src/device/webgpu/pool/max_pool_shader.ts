/**
 * The shaders of max pooling and its gradient.
 *
 * @module
 */

import type { PoolSizes } from "../../sizes.ts";
import { declareOperand, declareResult, type Source } from "../wgsl/operand.ts";
import type { Shader } from "../wgsl/shader.ts";
import {
  coverShader,
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
${declareResult("output", { binding: 0, width })}
${declareOperand("places", { binding: 1, width, source, type: "i32" })}
${declareOperand("dy", { binding: 2, width, source })}`,
    before: `var sum = ${float}();`,
    each:
      `sum = sum + select(${float}(), dyRead(at), placesRead(at) == ${int}(place));`,
    after: "outputWrite(i, sum);",
  });
}
