/**
 * What happens to a sum before it is stored: bias and activation.
 *
 * @module
 */

import type { FusedActivation } from "../../device.ts";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import { activationOf } from "./activation.ts";
import type { StoredType } from "../run/recorder.ts";

/** What follows the sum of a product, in this order. */
export interface Epilogue {
  /** Whether a bias is added; bound as float32 `biases`. */
  readonly hasBias?: boolean;
  /** Applied after the bias. */
  readonly activation?: FusedActivation;
}

/** What is added to a convolution and applied to it, and how the output is stored. */
export interface ConvEpilogue {
  /** float32 `[outChannels]`. */
  readonly bias?: TensorInfo;
  /** Applied to the biased sums. */
  readonly activation?: FusedActivation;
  /** What the output stores. Default float32. */
  readonly stored?: StoredType;
}

/**
 * Writes the binding of the bias and the function `finish(sum, bias)`, which gives the output; without a bias, what it is
 * given for one does not matter.
 *
 * @param epilogue What it does.
 * @param options Number of the binding, and the type of the sums.
 * @returns WGSL.
 */
export function finishFunction(
  { hasBias, activation }: Epilogue,
  { binding, type }: { binding: number; type: "f32" | "vec4f" },
): string {
  const declaration = hasBias
    ? `@group(0) @binding(${binding}) var<storage, read> biases: array<f32>;\n`
    : "";
  return `${declaration}
fn finish(sum: ${type}, bias: ${type}) -> ${type} {
  let v = sum${hasBias ? " + bias" : ""};
  return ${activationOf(activation, { v: "v", type })};
}`;
}
