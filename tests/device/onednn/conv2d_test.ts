/** Tests of convolution and its gradients by native kernels against the references. */

import {
  nativeConv2d,
  nativeConv2dFilterGradient,
  nativeConv2dInputGradient,
} from "../../../src/device/onednn/conv2d.ts";
import { activated } from "../../../src/device/onednn/elementwise.ts";
import { nativeTest } from "../../native.ts";
import {
  ALEXNET_FIRST,
  type ConvCase,
  CONVOLUTIONS,
} from "../webgpu/conv/conv2d_cases.ts";
import {
  checkConv,
  checkConvFilterGradient,
  checkConvInputGradient,
  type ConvFilterGradient,
  type ConvForward,
  type ConvInputGradient,
  nameConv,
  nameEpilogue,
} from "../webgpu/conv/conv2d_checks.ts";
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

/** Those of WebGPU, and some that oneDNN 3.7 computes wrongly, or crashes with, where it chooses the layout of the kernel. */
const PLAIN_CASES: readonly ConvCase[] = [
  ...CONVOLUTIONS,
  ALEXNET_FIRST,
  ...([
    { input: [2, 12, 12, 1], filter: [2, 2, 1], strides: [1, 1] },
    { input: [1, 13, 13, 1], filter: [5, 5, 1], strides: [4, 3] },
    { input: [2, 12, 12, 6], filter: [1, 1, 16], strides: [2, 2] },
    { input: [2, 20, 20, 6], filter: [1, 1, 16], strides: [4, 4] },
  ] as const).map(({ input, filter, strides }): ConvCase => ({
    ...{ input: [...input], filter, strides: [...strides] },
    ...{ pad: "valid", hasBias: true },
  })),
];

/** With any activation. */
const CASES: readonly ConvCase[] = [
  ...PLAIN_CASES,
  { ...CONVOLUTIONS[1], activation: "sigmoid" },
];
for (const convolution of CASES) {
  const what = nameConv(convolution);
  nativeTest(
    `nativeConv2d() ${what}${nameEpilogue(convolution)} is the reference's`,
    () => checkConv(convolution, forward),
  );
}

for (const convolution of PLAIN_CASES) {
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
