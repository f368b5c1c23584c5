/** Factors that an optimizer multiplies gradients by: a loss scale, and the clipping of their norm. */

import {
  CLIP_STATE,
  device,
  MAX_SCALE,
  SCALE_STATE,
} from "../device/device.ts";
import { differentiable } from "../device/tape.ts";
import {
  type Scalar,
  type Tensor,
  type Tensor1D,
  tf,
  type Variable,
} from "../device/tf.ts";
import { BackendError, OptionError } from "../errors.ts";
import { requireInteger, requireNumber } from "../options.ts";

/** A factor on the device, found by a {@linkcode LossScale} or a {@linkcode NormClip}. */
export interface GradientScale {
  /** float32 `[4]`. Number 2 is the factor: 0 in a step that is to change nothing. */
  readonly state: Tensor1D;
}

/** Options of {@linkcode LossScale}. */
export interface LossScaleOptions {
  /** First scale, in [1, 2^31]. Default 65,536. */
  initialScale?: number;
  /** Steps with finite gradients after which the scale doubles. Default 2,000. */
  growthInterval?: number;
}

/**
 * A loss scale that adapts itself, as PyTorch's `GradScaler` does. The loss is multiplied by it before the gradients are
 * computed; the optimizer divides them by it. A step whose gradients are not finite is skipped, and the scale halved. All of
 * it happens on the WebGPU device, so nothing waits for it.
 */
export class LossScale implements GradientScale {
  readonly #state: Variable;
  readonly #growthInterval: number;

  /**
   * Makes a scale on the device in use.
   *
   * @param options How it begins and grows.
   * @throws {OptionError} If an option is out of its range.
   * @throws {BackendError} If the device in use is the CPU.
   */
  constructor(options: LossScaleOptions = {}) {
    const { initialScale = 2 ** 16, growthInterval = 2000 } = options;
    if (device().updateLossScale === undefined) {
      throw new BackendError(
        "Cannot scale a loss on the CPU, which has no float16: train in float32",
      );
    }
    if (!(initialScale >= 1 && initialScale <= MAX_SCALE)) {
      throw new OptionError("initialScale", initialScale, "in [1, 2^31]");
    }
    this.#growthInterval = requireInteger("growthInterval", growthInterval);
    const state = new Float32Array(4);
    state[SCALE_STATE.scale] = initialScale;
    state[SCALE_STATE.factor] = 1 / initialScale;
    this.#state = tf.tidy(() => tf.variable(tf.tensor1d(state), false));
  }

  /** The state on the device, float32 `[4]`, as optimizers read it. */
  get state(): Tensor1D {
    return this.#state as Tensor as Tensor1D;
  }

  /**
   * Scales the gradient of a loss. Call it inside a `tidy`.
   *
   * @param loss float32 scalar.
   * @returns The same value, whose gradient is multiplied by the scale.
   */
  apply(loss: Scalar): Scalar {
    const { scale } = SCALE_STATE;
    return differentiable(
      [loss],
      () => tf.clone(loss),
      (dy) => [
        tf.mul(dy, tf.reshape(tf.slice(this.#state, [scale], [1]), [])),
      ],
    ) as Scalar;
  }

  /**
   * Finds out whether the optimizer has to skip a step, and the scale of the next one. The optimizer is to get the scale together
   * with the gradients.
   *
   * @param gradients Tensors that store float32 or float16; not disposed.
   */
  update(gradients: readonly Tensor[]): void {
    const tensors = { gradients, state: this.#state };
    device().updateLossScale?.(tensors, this.#growthInterval);
  }

  /**
   * Reads the scale, waiting for the device.
   *
   * @returns The scale of the next loss, and how many steps were skipped.
   */
  async read(): Promise<{ scale: number; skippedSteps: number }> {
    const state = await this.#state.data();
    const { scale, skipped } = SCALE_STATE;
    return { scale: state[scale], skippedSteps: state[skipped] };
  }

  /**
   * Goes on from another scale.
   *
   * @param state What its `state` was: float32 `[4]`; copied, not disposed.
   */
  restore(state: Tensor1D): void {
    this.#state.assign(tf.tidy(() => tf.add(state, 0)));
  }

  /** Frees the scale. */
  dispose(): void {
    this.#state.dispose();
  }
}

/** Options of {@linkcode NormClip}. */
export interface NormClipOptions {
  /** Largest norm, above 0. */
  maxNorm: number;
}

/**
 * Clips gradients by the norm of all of them as one vector, as PyTorch's `clip_grad_norm_` does: they are multiplied by
 * `min(1, maxNorm / (norm + 1e-6))`. The optimizer multiplies, which saves a pass over the gradients. Nothing waits for the
 * device. A step whose gradients are not finite is skipped.
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
   * Finds the factor for the gradients of a step. The optimizer is to get the clip together with them, in place of the loss
   * scale.
   *
   * @param gradients Tensors that store float32 or float16; not disposed.
   * @param scale The loss scale that they are multiplied by, if there is one, updated for this step.
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
