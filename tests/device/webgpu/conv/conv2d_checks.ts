/** Checks of convolution and its gradients, as any device computes them, against the references. */

import type { FusedActivation } from "../../../../src/device/device.ts";
import type { ConvSizes } from "../../../../src/device/sizes.ts";
import type { GemmSizes } from "../../../../src/device/webgpu/gemm/tile.ts";
import { assertClose } from "../../../compare.ts";
import { numbers } from "../../../numbers.ts";
import { type ConvCase, sizesOf } from "./conv2d_cases.ts";
import {
  referenceConv2d,
  referenceConv2dFilterGradient,
  referenceConv2dInputGradient,
} from "../reference.ts";
import { type Input, sumTolerance } from "../run.ts";

/** A convolution as a device computes it. */
export type ConvForward = (
  tensors: { x: Input; filter: Input; bias?: Input },
  options: { sizes: ConvSizes; activation?: FusedActivation },
) => Promise<Float32Array>;

/** Its gradient by the input. */
export type ConvInputGradient = (
  tensors: { dy: Input; filter: Input },
  sizes: ConvSizes,
) => Promise<Float32Array>;

/** Its gradient by the filter and, where the device gives it along with it, by the bias. */
export type ConvFilterGradient = (
  tensors: { x: Input; dy: Input },
  sizes: ConvSizes,
) => Promise<[filter: Float32Array, bias?: Float32Array]>;

/** Names a convolution. */
export function nameConv({ input, filter, strides, pad }: ConvCase): string {
  return `${filter}/${strides} ${pad} of ${input}`;
}

/** Names what follows a convolution. */
export function nameEpilogue({ hasBias, activation }: ConvCase): string {
  const after = [hasBias ? "bias" : "", activation ?? ""].filter(Boolean);
  return after.length > 0 ? ` with ${after.join(", ")}` : "";
}

/** Checks a convolution of random numbers. */
export async function checkConv(
  convolution: ConvCase,
  compute: ConvForward,
): Promise<void> {
  const { sizes, x, filter } = await _tensors(convolution);
  const { hasBias, activation } = convolution;
  const biases = numbers(sizes.outChannels, [-1, 1], 4);
  const bias = hasBias ? { values: biases, shape: [biases.length] } : undefined;
  const values = await compute({ x, filter, bias }, { sizes, activation });
  const expected = referenceConv2d({
    x: x.values,
    filter: filter.values,
    bias: bias?.values,
    activation,
  }, sizes);
  const { depth } = productsOf(sizes).forward;
  assertClose(values, expected, sumTolerance(x.values, filter.values, depth));
}

/** Checks the gradient of a convolution by its input. */
export async function checkConvInputGradient(
  convolution: ConvCase,
  compute: ConvInputGradient,
): Promise<void> {
  const { sizes, dy, filter } = await _tensors(convolution);
  const tensors = { dy: dy.values, filter: filter.values };
  const { depth } = productsOf(sizes).inputGradient;
  assertClose(
    await compute({ dy, filter }, sizes),
    referenceConv2dInputGradient(tensors, sizes),
    sumTolerance(dy.values, filter.values, depth),
  );
}

/** Checks the gradients of a convolution by its filter and its bias. */
export async function checkConvFilterGradient(
  convolution: ConvCase,
  compute: ConvFilterGradient,
): Promise<void> {
  const { sizes, x, dy } = await _tensors(convolution);
  const [byFilter, byBias] = await compute({ x, dy }, sizes);
  const { depth } = productsOf(sizes).filterGradient;
  assertClose(
    byFilter,
    referenceConv2dFilterGradient({ x: x.values, dy: dy.values }, sizes),
    sumTolerance(x.values, dy.values, depth),
  );
  if (byBias === undefined) return;
  const sums = new Float64Array(sizes.outChannels);
  dy.values.forEach((value, i) => sums[i % sums.length] += value);
  const one = Float32Array.of(1);
  assertClose(byBias, sums, sumTolerance(one, dy.values, depth));
}

/** A convolution and its gradients as products. */
export function productsOf(
  s: ConvSizes,
): Record<"forward" | "inputGradient" | "filterGradient", GemmSizes> {
  const outPixels = s.batch * s.outHeight * s.outWidth;
  const taps = s.filterHeight * s.filterWidth;
  return {
    forward: {
      batch: 1,
      rows: outPixels,
      columns: s.outChannels,
      depth: taps * s.inChannels,
    },
    inputGradient: {
      batch: 1,
      rows: s.batch * s.inHeight * s.inWidth,
      columns: s.inChannels,
      depth: taps * s.outChannels,
    },
    filterGradient: {
      batch: 1,
      rows: taps * s.inChannels,
      columns: s.outChannels,
      depth: outPixels,
    },
  };
}

async function _tensors(
  convolution: ConvCase,
): Promise<{ sizes: ConvSizes; x: Input; filter: Input; dy: Input }> {
  const s = await sizesOf(convolution);
  const tensor = (seed: number, ...shape: number[]) => ({
    values: numbers(shape.reduce((a, b) => a * b), [-1, 1], seed),
    shape,
  });
  return {
    sizes: s,
    x: tensor(1, s.batch, s.inHeight, s.inWidth, s.inChannels),
    filter: tensor(
      2,
      s.filterHeight,
      s.filterWidth,
      s.inChannels,
      s.outChannels,
    ),
    dy: tensor(3, s.batch, s.outHeight, s.outWidth, s.outChannels),
  };
}
