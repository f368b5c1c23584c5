/**
 * The CPU with oneDNN as a device.
 *
 * @module
 */

import type { BackendInfo, Device, NativeLibrary } from "../device.ts";
import { clipNormOnCpu, CPU_INFO, readFactor } from "../tfjs/tfjs_device.ts";
import { nativeCrossEntropy } from "./cross_entropy.ts";
import {
  nativeConvLayer,
  nativeDenseLayer,
  nativeDropoutLayer,
  nativePoolLayer,
} from "./layers.ts";
import { squareSum } from "./sums.ts";
import { floatsOf, ownFloats, soleFloats } from "./tensors.ts";
import { nativeAdam, nativeSgd } from "./update.ts";

let made: Device | undefined;

/**
 * Makes the device, once.
 *
 * @param library What its library is called.
 * @returns The device, whose tensors are on the backend "cpu".
 */
export function oneDnnDevice(library: NativeLibrary): Device {
  const info: BackendInfo = { ...CPU_INFO, library };
  return made ??= {
    name: "onednn",
    info,
    conv: nativeConvLayer,
    dense: nativeDenseLayer,
    pool: (x, { kind, sizes }) => nativePoolLayer(x, kind, sizes),
    dropout: nativeDropoutLayer,
    crossEntropy: nativeCrossEntropy,
    isOne: (scalar) => floatsOf(scalar)[0] === 1,
    sgd(parameters, rates, scale) {
      const factor = readFactor(scale);
      if (factor !== 0) nativeSgd(parameters, rates, factor);
    },
    adam(parameters, rates, { step, scale }) {
      const factor = readFactor(scale);
      if (factor === 0) return;
      const steps = soleFloats(step);
      steps[0]++;
      nativeAdam(parameters, rates, { factor, count: steps[0] });
    },
    clipNorm: clipNormOnCpu((gradients) =>
      gradients.reduce((sum, gradient) => sum + squareSum(gradient), 0)
    ),
    asNumbers: (x) => x,
    asFloats: (x) => x,
    takeValues: (tensor) =>
      ownFloats(tensor) ?? Float32Array.from(tensor.dataSync()),
  };
}
