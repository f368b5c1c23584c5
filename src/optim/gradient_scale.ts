/**
 * What an optimizer multiplies gradients by before it uses them.
 *
 * @module
 */

import type { Tensor1D } from "../device/tf.ts";
import { SCALE_STATE } from "../device/webgpu/update/loss_scale.ts";

/** A factor on the device, which a loss scale or the clipping of gradients found: `LossScale` and `NormClip` are such. */
export interface GradientScale {
  /** float32 `[4]`. Number 2 is the factor: 0 in a step that is to change nothing. */
  readonly state: Tensor1D;
}

/**
 * Reads a factor from the CPU backend, which never waits.
 *
 * @param scale What has it, on the CPU backend.
 * @returns The factor; 1 without a scale.
 */
export function readFactor(scale: GradientScale | undefined): number {
  return scale === undefined ? 1 : scale.state.dataSync()[SCALE_STATE.factor];
}
