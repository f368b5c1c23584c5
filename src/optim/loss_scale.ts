/**
 * Keeps the gradients of a network that trains in float16 within what float16 can hold.
 *
 * @module
 */

import { device, MAX_SCALE, SCALE_STATE } from "../device/device.ts";
import {
  type Scalar,
  type Tensor,
  type Tensor1D,
  tf,
  type Variable,
} from "../device/tf.ts";
import { differentiable } from "../device/tape.ts";
import { requireInteger } from "../options.ts";
import { BackendError, OptionError } from "../errors.ts";
import type { GradientScale } from "./gradient_scale.ts";

/** Options of {@linkcode LossScale}. */
export interface LossScaleOptions {
  /** First scale, in [1, 2^31]. Default 65,536. */
  initialScale?: number;
  /** Steps with finite gradients after which the scale doubles. Default 2,000. */
  growthInterval?: number;
}

/**
 * A loss scale that finds itself, as PyTorch's `GradScaler` does: the loss is multiplied by it before the gradients are
 * computed and they are divided by it after; a step whose gradients are not finite is skipped, and the scale halved. All of
 * it happens on the WebGPU device, so nothing waits for it.
 */
export class LossScale implements GradientScale {
  readonly #state: Variable;
  readonly #isFound: Variable;
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
    [this.#state, this.#isFound] = tf.tidy(() => [
      tf.variable(tf.tensor1d(state), false),
      tf.variable(tf.zeros([1], "int32"), false),
    ]);
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
   * Looks at the gradients of a step: whether the optimizer, which is to be given the scale with them, has to skip it; and
   * finds the scale of the next.
   *
   * @param gradients Tensors that store float32 or float16; not disposed.
   */
  update(gradients: readonly Tensor[]): void {
    device().updateLossScale?.({
      gradients,
      state: this.#state,
      isFound: this.#isFound,
    }, { growthInterval: this.#growthInterval });
  }

  /**
   * Reads the scale, waiting for the device.
   *
   * @returns The scale of the next loss, and how many steps were skipped.
   */
  async read(): Promise<{ scale: number; skippedSteps: number }> {
    const state = await this.#state.data();
    return {
      scale: state[SCALE_STATE.scale],
      skippedSteps: state[SCALE_STATE.skipped],
    };
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
    tf.dispose([this.#state, this.#isFound]);
  }
}
