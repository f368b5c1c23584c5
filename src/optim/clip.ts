/**
 * Keeps gradients from being too large.
 *
 * @module
 */

import { CLIP_STATE, device } from "../device/device.ts";
import { type Tensor, type Tensor1D, tf, type Variable } from "../device/tf.ts";
import { requireNumber } from "../options.ts";
import type { GradientScale } from "./gradient_scale.ts";

/** Options of {@linkcode NormClip}. */
export interface NormClipOptions {
  /** Largest norm, above 0. */
  maxNorm: number;
}

/**
 * Clips gradients by the norm of all of them as one vector, as PyTorch's `clip_grad_norm_` does: they are multiplied by
 * `min(1, maxNorm / (norm + 1e-6))`. The optimizer multiplies, so that gradients are gone over once more only, and nothing
 * waits for the device. A step whose gradients are not finite is skipped.
 */
export class NormClip implements GradientScale {
  readonly #state: Variable;
  readonly #maxNorm: number;

  /**
   * Makes a clip on the device in use.
   *
   * @param options The largest norm.
   * @throws {OptionError} If it is not above 0.
   */
  constructor({ maxNorm }: NormClipOptions) {
    this.#maxNorm = requireNumber("maxNorm", maxNorm, { above: 0 });
    this.#state = tf.tidy(() => tf.variable(tf.zeros([4]), false));
  }

  /** The state on the device, float32 `[4]`, as optimizers read it. */
  get state(): Tensor1D {
    return this.#state as Tensor as Tensor1D;
  }

  /**
   * Looks at the gradients of a step: the optimizer is then to be given the clip with them, in place of the scale.
   *
   * @param gradients Tensors that store float32 or float16; not disposed.
   * @param scale What they are still to be multiplied by, if anything: a loss scale, updated for this step.
   */
  update(gradients: readonly Tensor[], scale?: GradientScale): void {
    const state = this.#state;
    const tensors = { gradients, state, scale: scale?.state };
    device().clipNorm(tensors, this.#maxNorm);
  }

  /**
   * Reads the norm, waiting for the device.
   *
   * @returns Norm of the gradients of the last step, before they were clipped.
   */
  async readNorm(): Promise<number> {
    return (await this.#state.data())[CLIP_STATE.norm];
  }

  /** Frees the clip. */
  dispose(): void {
    this.#state.dispose();
  }
}
