/** Dropout, and the counter-based random numbers of `random.ts` in WGSL: the same numbers on every device. */

import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { Dropout, RandomKey } from "../../device.ts";
import { PARITY, ROTATIONS } from "../../../random.ts";
import { asNumbers, asTensor, differentiable } from "../../tape.ts";
import { type Tensor, tf } from "../../tf.ts";
import {
  dispatch,
  makeFilled,
  makeOutput,
  programOf,
} from "../run/dispatch.ts";
import { storedType } from "../run/recorder.ts";
import { gridOf, indexOf, type Shader } from "../wgsl/wgsl.ts";
import { declareOperand, declareResult } from "../wgsl/operand.ts";

/** Drops elements of a tensor. No mask is kept: the gradient draws the same numbers again. */
export function fusedDropout(x: Tensor, dropout: Dropout): Tensor {
  const backend = tf.backend() as WebGPUBackend;
  const run = (x: TensorInfo): Tensor => {
    const output = makeOutput(backend, x.shape, storedType(backend, x));
    drop(backend, { output, x }, dropout);
    return asTensor(output);
  };
  const input = asNumbers(x);
  return differentiable([input], () => run(input), (dy) => [run(dy)]);
}

/** Drops elements of a tensor that was just made, where it is. */
export function dropInPlace(
  backend: WebGPUBackend,
  x: TensorInfo,
  dropout: Dropout,
): void {
  drop(backend, { output: x }, dropout);
}

/** Drops elements of `x` and writes the rest to the output; without `x`, changes the output in place. */
function drop(
  backend: WebGPUBackend,
  { output, x }: { output: TensorInfo; x?: TensorInfo },
  { rate, key }: Dropout,
): void {
  const size = tf.util.sizeFromShape(output.shape);
  const random = makeRandomKey(backend, key);
  const isInPlace = x === undefined;
  const program = programOf(
    backend,
    `dropout${isInPlace ? " in place" : ""},${size},${rate}`,
    () => dropoutShader(size, { rate, isInPlace }),
  );
  dispatch(
    backend,
    program,
    isInPlace ? [output, random] : [output, random, x],
  );
  backend.disposeData(random.dataId);
}

/** Writes the shader, with one invocation per element. Bindings: output, key of the random numbers, input if it is another. */
function dropoutShader(
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

/** What dropout multiplies by what it keeps. */
export function dropoutScale(rate: number): string {
  return `${Math.fround(1 / (1 - rate))}f`;
}

/** Puts a key on the device. */
export function makeRandomKey(
  backend: WebGPUBackend,
  { seed, stream, step = 0, offset = 0 }: RandomKey,
): TensorInfo {
  return makeFilled(backend, Uint32Array.of(seed, stream, step, offset));
}

/**
 * Writes the function `uniformBits(i)`: the 24 random bits of which `uniforms` makes number `i` of a sequence, by
 * Threefry-2x32 with 20 rounds (Salmon et al., SC 2011).
 */
export function uniformFunction(key: string): string {
  const rounds = [0, 1, 2, 3, 4].flatMap((group) => [
    ...ROTATIONS.slice((group & 1) * 4, (group & 1) * 4 + 4).map((r) =>
      `x.x = x.x + x.y; x.y = ((x.y << ${r}u) | (x.y >> ${32 - r}u)) ^ x.x;`
    ),
    `x = x + vec2u(keys[${(group + 1) % 3}], keys[${(group + 2) % 3}] + ${
      group + 1
    }u);`,
  ]);
  return `
fn uniformBits(i: u32) -> u32 {
  let position = ${key}[3] + i;
  let keys = array<u32, 3>(${key}[0], ${key}[1], ${PARITY}u ^ ${key}[0] ^ ${key}[1]);
  var x = vec2u(position / 2u, ${key}[2]) + vec2u(keys[0], keys[1]);
${rounds.map((line) => `  ${line}`).join("\n")}
  return select(x.x, x.y, position % 2u == 1u) >> 8u;
}
`;
}
