/** Convolutions by tiles to test, with random tensors and their references. */

import type { FusedActivation } from "../../../../src/device/device.ts";
import type { ConvSizes } from "../../../../src/device/sizes.ts";
import { convKey } from "../../../../src/device/webgpu/conv/conv2d.ts";
import {
  winogradFilterGradient,
  winogradForward,
  winogradInputGradient,
} from "../../../../src/device/webgpu/conv/winograd.ts";
import { assertCloseTensor } from "../../../compare.ts";
import { numbers } from "../../../numbers.ts";
import { type ConvCase, sizesOf } from "./conv2d_cases.ts";
import {
  referenceConv2d,
  referenceConv2dFilterGradient,
  referenceConv2dInputGradient,
} from "../reference.ts";
import type { Input } from "../run.ts";
import { runKernelOfSeveral } from "../run.ts";

/** A convolution and what it is computed of. */
export interface WinogradSetUp {
  readonly sizes: ConvSizes;
  readonly x: Input;
  readonly filter: Input;
  /** Gradient of the output. */
  readonly dy: Input;
  /** `[outChannels]`, where there is one. */
  readonly bias?: Input;
  readonly activation?: FusedActivation;
}

/** Makes a convolution ready, with random tensors. */
export async function setUpWinograd(
  convolution: ConvCase,
): Promise<WinogradSetUp> {
  const s = await sizesOf(convolution);
  const tensor = (seed: number, ...shape: number[]) => ({
    values: numbers(shape.reduce((a, b) => a * b), [-1, 1], seed),
    shape,
  });
  const { filterHeight, filterWidth, inChannels, outChannels } = s;
  return {
    sizes: s,
    x: tensor(1, s.batch, s.inHeight, s.inWidth, inChannels),
    filter: tensor(2, filterHeight, filterWidth, inChannels, outChannels),
    dy: tensor(3, s.batch, s.outHeight, s.outWidth, outChannels),
    bias: convolution.hasBias ? tensor(4, outChannels) : undefined,
    activation: convolution.activation,
  };
}

/**
 * How far a result may be from the exact one, as a share of the largest element and of the length.
 *
 * The matrices multiply what is rounded before the sums cancel: with up to 4 places by 0 and 1, with more by powers of 2 and
 * by what divides them. Measured over these cases are at most 6e-7 and 8e-6. A factor that is wrong, a tap that is left out
 * or a pixel that is not 0 outside of the image change the largest element by a thousandth and more.
 */
export function winogradTolerance(places: number): number {
  return places <= 4 ? 2e-6 : 2e-5;
}

/** Checks output and gradients against the references, with poisoned memory. */
export async function checkWinograd(
  { sizes, x, filter, dy, bias, activation }: WinogradSetUp,
  tiles: readonly number[],
): Promise<void> {
  const expected = [
    referenceConv2d(
      {
        x: x.values,
        filter: filter.values,
        bias: bias?.values,
        activation,
      },
      sizes,
    ),
    referenceConv2dInputGradient(
      { dy: dy.values, filter: filter.values },
      sizes,
    ),
    referenceConv2dFilterGradient({ x: x.values, dy: dy.values }, sizes),
  ];
  for (const m of tiles) {
    const convolution = { sizes, m, key: convKey("tiles", sizes) };
    const actual = await runKernelOfSeveral({
      inputs: [x, filter, dy, ...bias ? [bias] : []],
      kernel: (backend, [x, filter, dy, bias]) => [
        winogradForward(
          backend,
          bias ? [x, filter, bias] : [x, filter],
          convolution,
          { activation },
        ),
        winogradInputGradient(backend, [dy, filter], convolution, {}),
        winogradFilterGradient(backend, [x, dy], convolution, {}),
      ],
    });
    const relative = winogradTolerance(m + sizes.filterHeight - 1);
    ["output", "gradient of the input", "gradient of the filter"].forEach(
      (what, i) =>
        assertCloseTensor(actual[i], expected[i], {
          relative,
          what: `${what} by ${m}x${m}`,
        }),
    );
  }
}
