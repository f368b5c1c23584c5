/**
 * Finds out which tensors a kernel makes, so that a test can poison the memory of all of them.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import { type Tensor, tf } from "../../../src/device/tf.ts";
import { asTensor } from "../../../src/device/tape.ts";
import { type KernelRun, runKernelOfSeveral, webgpuBackend } from "./run.ts";

/** Runs a kernel twice: to see what it makes, and with NaN in all of that, as {@linkcode runKernelOfSeveral} does. */
export async function runPoisoned(
  run: Omit<KernelRun<readonly TensorInfo[]>, "makes">,
): Promise<Float32Array[]> {
  const backend = await webgpuBackend();
  const tensors: Tensor[] = run.inputs.map(({ values, shape }) =>
    tf.tensor(values, [...shape])
  );
  const makes: number[] = [];
  const make = backend.makeTensorInfo;
  backend.makeTensorInfo = function (shape, ...rest) {
    makes.push(shape.reduce((product, n) => product * n, 1));
    return make.call(this, shape, ...rest);
  };
  try {
    tf.dispose(run.kernel(backend, tensors).map(asTensor));
  } finally {
    backend.makeTensorInfo = make;
  }
  tf.dispose(tensors);
  return await runKernelOfSeveral({ ...run, makes });
}
