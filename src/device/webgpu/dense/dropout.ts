/**
 * Dropout as one differentiable operation on the WebGPU backend.
 *
 * @module
 */

import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { Dropout } from "../../device.ts";
import { asNumbers, asTensor, differentiable } from "../../tape.ts";
import { type Tensor, tf } from "../../tf.ts";
import { dispatch, makeOutput, programOf } from "../run/dispatch.ts";
import { storedType } from "../run/recorder.ts";
import { gridOf, indexOf, type Shader } from "../wgsl/wgsl.ts";
import { declareOperand, declareResult } from "../wgsl/operand.ts";
import { makeRandomKey, uniformFunction } from "../wgsl/threefry.ts";

/** Drops elements of a new tensor. No mask is kept: the gradient draws the same numbers again. */
export function fusedDropout(x: Tensor, options: Dropout): Tensor {
  const { rate, key } = options;
  const backend = tf.backend() as WebGPUBackend;
  const run = (values: TensorInfo): Tensor => {
    const random = makeRandomKey(backend, key);
    const output = makeOutput(
      backend,
      values.shape,
      storedType(backend, values),
    );
    const program = programOf(
      backend,
      `dropout,${x.size},${rate}`,
      () => dropoutShader(x.size, { rate, isInPlace: false }),
    );
    dispatch(backend, program, [output, random, values]);
    backend.disposeData(random.dataId);
    return asTensor(output);
  };
  const input = asNumbers(x);
  return differentiable([input], () => run(input), (dy) => [run(dy)]);
}

/** Drops elements of a tensor that was just made, where it is. */
export function dropInPlace(
  backend: WebGPUBackend,
  x: TensorInfo,
  { rate, key }: Dropout,
): void {
  const size = tf.util.sizeFromShape(x.shape);
  const random = makeRandomKey(backend, key);
  const program = programOf(
    backend,
    `dropout in place,${size},${rate}`,
    () => dropoutShader(size, { rate, isInPlace: true }),
  );
  dispatch(backend, program, [x, random]);
  backend.disposeData(random.dataId);
}

/**
 * Writes the shader: one invocation per element. Bindings: the output, the key of the random numbers and, unless it changes
 * the output where it is, the input.
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

/** What dropout multiplies by what it keeps. */
export function dropoutScale(rate: number): string {
  return `${Math.fround(1 / (1 - rate))}f`;
}
