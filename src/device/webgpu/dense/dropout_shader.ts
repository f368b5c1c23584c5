/**
 * The shader of dropout.
 *
 * @module
 */

import { gridOf, indexOf } from "../wgsl/elementwise.ts";
import { declareOperand, declareResult } from "../wgsl/operand.ts";
import type { Shader } from "../wgsl/shader.ts";
import { uniformFunction } from "../wgsl/threefry.ts";

/**
 * Writes the shader: one invocation per element. Bindings: the output, the key of the random numbers and, unless it changes
 * the output where it is, the input.
 *
 * @param size Number of elements.
 * @param options Probability in [0, 1) that an element becomes 0, and whether the output is the input.
 * @returns The shader.
 */
export function dropoutShader(
  size: number,
  { rate, isInPlace }: { rate: number; isInPlace: boolean },
): Shader {
  const workgroups = gridOf(size);
  const input = isInPlace ? "output" : "x";
  // On the host the numbers are multiples of 2^-24, so this is exactly `u < rate`.
  const threshold = Math.ceil(rate * 2 ** 24);
  return {
    code: `
${declareResult("output", { binding: 0, width: 1 })}
@group(0) @binding(1) var<storage, read> random: array<u32, 4>;
${
      isInPlace
        ? ""
        : declareOperand("x", { binding: 2, width: 1, source: "buffers" })
    }
${uniformFunction("random")}
${indexOf(size, workgroups)}
  let isDropped = uniformBits(i) < ${threshold}u;
  outputWrite(i, select(${input}Read(i) * ${
      dropoutScale(rate)
    }, 0.0, isDropped));
}
`,
    workgroups,
  };
}

/**
 * What dropout multiplies by what it keeps.
 *
 * @param rate Probability in [0, 1) that a value becomes 0.
 * @returns `1 / (1 - rate)` as an f32 in WGSL.
 */
export function dropoutScale(rate: number): string {
  return `${Math.fround(1 / (1 - rate))}f`;
}
