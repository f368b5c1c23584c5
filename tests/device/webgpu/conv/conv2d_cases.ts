/** Convolutions that no tile divides, and AlexNet's first. */

import type { FusedActivation } from "../../../../src/device/device.ts";
import type { ConvSizes } from "../../../../src/device/sizes.ts";
import { loadTf } from "../../../../src/device/tf.ts";
import type { backend_util } from "@tensorflow/tfjs-core";

/** A convolution. */
export interface ConvCase {
  /** `[batch, height, width, channels]`. */
  readonly input: [number, number, number, number];
  /** `[height, width, filters]`. */
  readonly filter: readonly [number, number, number];
  readonly strides: [number, number];
  readonly pad: "same" | "valid" | backend_util.ExplicitPadding;
  readonly hasBias: boolean;
  readonly activation?: FusedActivation;
}

/** Channels 1, 3, 5 and 96 to 1, 6, 10, 33 and 64; strides 1, 2 and 4; filters 1, 3, 5 and 11. */
export const CONVOLUTIONS: readonly ConvCase[] = [
  caseOf([1, 1, 1, 1], [1, 1, 1], 1, "valid"),
  caseOf([2, 7, 9, 1], [3, 3, 6], 1, "valid", "bias relu"),
  // Pads more below and on the right.
  caseOf([2, 8, 10, 5], [3, 3, 33], 2, "same", "relu"),
  caseOf([1, 23, 27, 3], [11, 11, 96], 4, "valid", "bias relu"),
  caseOf([2, 5, 7, 96], [5, 5, 64], 1, "same", "bias"),
  caseOf([3, 13, 17, 1], [5, 5, 10], 4, "same", "bias"),
  caseOf([2, 6, 11, 96], [2, 3, 1], [1, 2], "valid"),
  // Leaves out every other pixel.
  caseOf([5, 5, 7, 3], [1, 1, 64], 2, "valid"),
  caseOf([1, 9, 7, 5], [5, 3, 6], [2, 1], [[0, 0], [3, 1], [0, 2], [0, 0]]),
  // Few and long sums: cut into parts, before bias and relu.
  caseOf([1, 3, 3, 96], [3, 3, 10], 1, "same", "bias relu"),
  caseOf([64, 20, 20, 3], [3, 3, 6], 1, "same"),
];

/** AlexNet's first layer at its own size, of one image. */
export const ALEXNET_FIRST: ConvCase = caseOf(
  [1, 224, 224, 1],
  [11, 11, 96],
  4,
  "valid",
  "bias relu",
);

/** Sizes of a convolution. */
export async function sizesOf(
  { input, filter, strides, pad }: ConvCase,
): Promise<ConvSizes> {
  const tf = await loadTf();
  const [filterHeight, filterWidth, outChannels] = filter;
  const info = tf.backend_util.computeConv2DInfo(
    input,
    [filterHeight, filterWidth, input[3], outChannels],
    strides,
    1,
    pad,
  );
  return {
    batch: input[0],
    inHeight: input[1],
    inWidth: input[2],
    inChannels: input[3],
    outHeight: info.outHeight,
    outWidth: info.outWidth,
    outChannels,
    filterHeight,
    filterWidth,
    strideHeight: strides[0],
    strideWidth: strides[1],
    padTop: info.padInfo.top,
    padLeft: info.padInfo.left,
  };
}

function caseOf(
  input: ConvCase["input"],
  filter: ConvCase["filter"],
  strides: number | [number, number],
  pad: ConvCase["pad"],
  epilogue: "" | "bias" | "relu" | "bias relu" = "",
): ConvCase {
  return {
    input,
    filter,
    strides: typeof strides === "number" ? [strides, strides] : strides,
    pad,
    hasBias: epilogue.includes("bias"),
    activation: epilogue.includes("relu") ? "relu" : undefined,
  };
}
