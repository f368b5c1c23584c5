/**
 * Keeps gradients from being too large.
 *
 * @module
 */

import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { type Tensor, type Tensor1D, tf, type Variable } from "../device/tf.ts";
import {
  CLIP_EPSILON,
  CLIP_STATE,
  clipNorm,
} from "../device/webgpu/update/clip.ts";
import { asNumbers } from "../device/tape.ts";
import { isNative } from "../device/onednn/device.ts";
import { squareSum } from "../device/onednn/sums.ts";
import { requireNumber } from "../options.ts";
import { type GradientScale, readFactor } from "./gradient_scale.ts";

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
    if (tf.getBackend() !== "webgpu") {
      return this.#updateOnCpu(gradients, scale);
    }
    tf.tidy(() =>
      clipNorm(tf.backend() as WebGPUBackend, {
        gradients: gradients.map(asNumbers),
        state: this.#state,
        scale: scale?.state,
      }, this.#maxNorm)
    );
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

  #updateOnCpu(gradients: readonly Tensor[], scale?: GradientScale): void {
    const factor = readFactor(scale);
    tf.tidy(() => {
      const norm = factor * Math.sqrt(_squareSum(gradients));
      const clipped = factor *
        Math.min(1, this.#maxNorm / (norm + CLIP_EPSILON));
      const state = new Float32Array(4);
      state[CLIP_STATE.norm] = norm;
      state[CLIP_STATE.factor] = Number.isFinite(norm) ? clipped : 0;
      this.#state.assign(tf.tensor1d(state));
    });
  }
}

function _squareSum(gradients: readonly Tensor[]): number {
  if (isNative()) {
    return gradients.reduce((sum, gradient) => sum + squareSum(gradient), 0);
  }
  const squares = gradients.map((g) => tf.sum(tf.square(g)));
  return tf.addN(squares).dataSync()[0];
}
