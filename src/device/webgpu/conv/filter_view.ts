/**
 * The view of a filter for the gradient of a convolution's input.
 *
 * @module
 */

import type { ConvSizes } from "../../sizes.ts";
import { loadFunction, type View } from "../gemm/view.ts";

/**
 * The filter as the gradient of the input multiplies it: a column per input channel, and along the sum the taps and the
 * output channels.
 *
 * @param s Sizes of the convolution.
 * @returns The view of the filter, `[filterHeight, filterWidth, inChannels, outChannels]`.
 */
export function filterTransposed(s: ConvSizes): View {
  const isVector = s.outChannels % 4 === 0;
  const depth = s.filterHeight * s.filterWidth * s.outChannels;
  const tapStride = s.inChannels * s.outChannels;
  return {
    along: "depth",
    isVector,
    code: (name) => `
struct ${name}P { base: u32 }
struct ${name}S { k: u32 }

fn ${name}Prepare(i: u32, batch: u32) -> ${name}P {
  return ${name}P(min(i, ${s.inChannels - 1}u) * ${s.outChannels}u);
}

fn ${name}Step(k: u32) -> ${name}S {
  return ${name}S(k);
}

fn ${name}Address(k: u32) -> u32 {
  return k / ${s.outChannels}u * ${tapStride}u + k % ${s.outChannels}u;
}

${
      loadFunction(name, isVector, (j) => ({
        inside: `s.k + ${j}u < ${depth}u`,
        address: `p.base + ${name}Address(s.k + ${j}u)`,
      }))
    }`,
  };
}
