/** WebGPU as a device: every operation by shaders of our own. */

import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { BackendInfo, Device } from "../device.ts";
import { type Tensor, tf } from "../tf.ts";
import { differentiable } from "../tape.ts";
import { readAs } from "./cast.ts";
import { fusedConv2d } from "./conv/fused_conv2d.ts";
import { fusedDropout } from "./dense/dropout.ts";
import { fusedDense } from "./dense/fused_dense.ts";
import { copyImages, freeImages, gatherBatch } from "./gather/images.ts";
import { crossEntropy } from "./loss/cross_entropy.ts";
import { differentiablePool } from "./pool/pool.ts";
import { recorderOf, storedType, valuesOnHost } from "./run/recorder.ts";
import { tuneOperations } from "./run/tuner.ts";
import { chooseWays, traceOperations } from "./run/ways.ts";
import { clipNorm, updateScale } from "./update/gradient_scale.ts";
import { updateInPlace } from "./update/update_in_place.ts";

/** Makes the device. */
export function webgpuDevice(info: BackendInfo): Device {
  return {
    name: "webgpu",
    info,
    conv: fusedConv2d,
    dense: fusedDense,
    pool: differentiablePool,
    dropout: fusedDropout,
    crossEntropy: (tensors, count) => crossEntropy(backend(), tensors, count),
    isOne: (scalar) => valuesOnHost(backend(), scalar)?.[0] === 1,
    update: updateInPlace,
    clipNorm({ gradients, ...tensors }, maxNorm) {
      tf.tidy(() => {
        const numbers = gradients.map(asNumbers);
        clipNorm(backend(), { gradients: numbers, ...tensors }, maxNorm);
      });
    },
    updateLossScale: (tensors, growthInterval) =>
      updateScale(backend(), tensors, growthInterval),
    asNumbers,
    asFloats,
    takeValues(tensor) {
      const values = tensor.data() as Promise<Float32Array>;
      return isReadAlone(tensor) ? values : values.then((v) => v.slice());
    },
    images: { gather: gatherBatch, copy: copyImages, free: freeImages },
    tuner: {
      use: (ways) => chooseWays(backend(), ways),
      tune: (step, isKnown) => tuneOperations(backend(), step, isKnown),
      trace: traceOperations,
    },
  };
}

/** A tensor that stores float32 or float16: the same, or a differentiable copy of one that was cast from integers. */
function asNumbers(x: Tensor): Tensor {
  const type = storedType(backend(), x);
  if (type === "float32" || type === "float16") return x;
  return differentiable([x], () => tf.add(x, 0), (dy) => [tf.clone(dy)]);
}

/** A tensor that stores float32: the same, or a differentiable copy. */
function asFloats(x: Tensor): Tensor {
  const numbers = asNumbers(x);
  if (storedType(backend(), numbers) === "float32") return numbers;
  return differentiable(
    [numbers],
    () => readAs(backend(), numbers, "float32"),
    (dy) => [tf.clone(dy)],
  );
}

function backend(): WebGPUBackend {
  return tf.backend() as WebGPUBackend;
}

/** Whether nobody else is given the array that a read gives: another tensor may share the memory. */
function isReadAlone({ dataId }: Tensor): boolean {
  const { values } = recorderOf(backend()).tensorMap.get(dataId);
  return values === null && backend().refCount(dataId) <= 1;
}
