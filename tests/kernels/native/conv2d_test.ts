/**
 * Tests of convolution and its gradients by native kernels against the references.
 *
 * @module
 */

import {
  nativeConv2d,
  nativeConv2dFilterGradient,
  nativeConv2dInputGradient,
} from "../../../src/kernels/native/conv2d.ts";
import { activated } from "../../../src/kernels/native/activation.ts";
import { nativeTest } from "../../native.ts";
import { type ConvCase, CONVOLUTIONS } from "../conv2d_cases.ts";
import {
  checkConv,
  checkConvFilterGradient,
  checkConvInputGradient,
  type ConvFilterGradient,
  type ConvForward,
  type ConvInputGradient,
  nameConv,
  nameEpilogue,
} from "../conv2d_checks.ts";
import { runNative, runNativeOfSeveral } from "./run.ts";

const forward: ConvForward = ({ x, filter, bias }, { sizes, activation }) =>
  runNative({
    inputs: bias ? [x, filter, bias] : [x, filter],
    kernel: (_, [x, filter, bias]) =>
      activated(nativeConv2d({ x, filter, bias }, sizes), activation),
  });

const inputGradient: ConvInputGradient = ({ dy, filter }, sizes) =>
  runNative({
    inputs: [dy, filter],
    kernel: (_, [dy, filter]) =>
      nativeConv2dInputGradient({ dy, filter }, sizes),
  });

const filterGradient: ConvFilterGradient = async ({ x, dy }, sizes) => {
  const [filter, bias] = await runNativeOfSeveral({
    inputs: [x, dy],
    kernel: (_, [x, dy]) => {
      const { filter, bias } = nativeConv2dFilterGradient({ x, dy }, sizes);
      return [filter, bias];
    },
  });
  return [filter, bias];
};

/** Those of WebGPU, with any activation. */
const CASES: readonly ConvCase[] = [
  ...CONVOLUTIONS,
  { ...CONVOLUTIONS[1], activation: "sigmoid" },
];
for (const convolution of CASES) {
  const what = nameConv(convolution);
  nativeTest(
    `nativeConv2d() ${what}${nameEpilogue(convolution)} is the reference's`,
    () => checkConv(convolution, forward),
  );
}

for (const convolution of CONVOLUTIONS) {
  const what = nameConv(convolution);
  nativeTest(
    `nativeConv2dInputGradient() ${what} is the reference's`,
    () => checkConvInputGradient(convolution, inputGradient),
  );
  nativeTest(
    `nativeConv2dFilterGradient() ${what} is the reference's`,
    () => checkConvFilterGradient(convolution, filterGradient),
  );
}
