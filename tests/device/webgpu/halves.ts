/** Kernels on tensors that store float16, to test against the same kernels on float32 tensors of the same numbers. */

import { assertEquals } from "@std/assert";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { throwIfDeviceFailed } from "../../../src/device/device.ts";
import { type Tensor, tf } from "../../../src/device/tf.ts";
import { asFloats, asTensor } from "../../../src/device/tape.ts";
import { readAs } from "../../../src/device/webgpu/cast.ts";
import { storedType } from "../../../src/device/webgpu/run/recorder.ts";
import { assertClose } from "../../compare.ts";
import { type Input, webgpuBackend } from "./run.ts";

/** Half of the last place of a float16, for numbers that are normal and for those that are not. */
export const ROUNDING = { relative: 2 ** -11, absolute: 2 ** -25 };

/** Rounds numbers to the nearest that float16 has. */
export function toHalves(values: Float32Array): Float32Array<ArrayBuffer> {
  return Float32Array.from(values, Math.f16round);
}

/** What a kernel gives. */
export interface HalfOutput {
  readonly tensor: TensorInfo;
  /** Whether it has to store float16 where the kernel was given that. */
  readonly isHalf: boolean;
}

/**
 * Runs a kernel on float16 tensors and on float32 tensors of the same numbers, and compares: what stores float16 may differ by
 * its rounding, everything by `sums`, which is for float32 sums that are added in another order.
 */
export async function checkHalves(
  inputs: readonly (Input & { isFloat?: boolean })[],
  run: (
    backend: WebGPUBackend,
    tensors: readonly Tensor[],
    stored: "float32" | "float16",
  ) => readonly HalfOutput[],
  sums: { relative?: number; absolute?: number } = {},
): Promise<void> {
  const backend = await webgpuBackend();
  const results: Float32Array[][] = [];
  const before = backend.numDataIds();
  for (const stored of ["float32", "float16"] as const) {
    const tensors = inputs.map(({ values, shape, isFloat }) => {
      const rounded = isFloat ? values : toHalves(values);
      return tf.tidy(() =>
        readAs(
          backend,
          tf.tensor(rounded, [...shape]),
          isFloat ? "float32" : stored,
        )
      );
    });
    const outputs = run(backend, tensors, stored);
    const all: Float32Array[] = [];
    for (const { tensor, isHalf } of outputs) {
      assertEquals(
        storedType(backend, tensor),
        isHalf ? stored : "float32",
        "what the output stores",
      );
      const output = asTensor(tensor);
      const floats = tf.tidy(() => tf.clone(asFloats(output)));
      all.push(Float32Array.from(await floats.data()));
      tf.dispose([output, floats]);
    }
    results.push(all);
    tf.dispose(tensors);
  }
  throwIfDeviceFailed();
  assertEquals(backend.numDataIds(), before, "tensors left behind");
  const [floats, halves] = results;
  const { relative = 0, absolute = 0 } = sums;
  halves.forEach((half, i) =>
    assertClose(half, floats[i], {
      relative: relative + ROUNDING.relative,
      absolute: absolute + ROUNDING.absolute,
      what: `output ${i}`,
    })
  );
}
