/**
 * Sums of gradients that are sent in half the bytes.
 *
 * @module
 */

import type { Communicator } from "./communicator.ts";

/** Largest number that all processes together may send: float16 holds it, however it was divided and rounded. */
const MAX_SUM = 2 ** 15;

/**
 * Sums arrays in float16, and remembers what rounding took from each element, to add it to the next array's: what is small
 * is sent late, not lost. Seide et al., "1-Bit Stochastic Gradient Descent" (Interspeech 2014), call it error feedback.
 */
export class Float16Sum {
  readonly #communicator: Communicator;
  #error: Float32Array | undefined;
  #half: Float16Array | undefined;

  /** @param communicator Connects the processes. */
  constructor(communicator: Communicator) {
    this.#communicator = communicator;
  }

  /**
   * Sums an array over all processes.
   *
   * @param values This process's, of the same length at each call; replaced by the sums.
   */
  async allReduce(values: Float32Array): Promise<void> {
    const error = this.#error ??= new Float32Array(values.length);
    const half = this.#half ??= new Float16Array(values.length);
    const most = MAX_SUM / this.#communicator.size;
    for (let i = 0; i < values.length; i++) {
      const value = values[i] + error[i];
      // What is not finite passes, so that everybody sees it.
      half[i] = Number.isFinite(value)
        ? Math.max(-most, Math.min(most, value))
        : value;
      error[i] = value - half[i];
    }
    await this.#communicator.allReduce(half);
    values.set(half);
  }
}
