/**
 * What an optimizer multiplies gradients by before it uses them.
 *
 * @module
 */

import type { Tensor1D } from "../device/tf.ts";

/** A factor on the device, which a loss scale or the clipping of gradients found: `LossScale` and `NormClip` are such. */
export interface GradientScale {
  /** float32 `[4]`. Number 2 is the factor: 0 in a step that is to change nothing. */
  readonly state: Tensor1D;
}
