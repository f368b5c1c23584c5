/**
 * Decides when to wait for the device.
 *
 * @module
 */

/** How often to wait, in milliseconds. */
const PERIOD_MS = 1000;

/** Most steps between two waits. */
const MAX_STEPS = 64;

/**
 * Spaces reads from the device about a second apart, so that a fast device is seldom held up and on a slow one work
 * does not pile up behind the clock: after each step at first, then as many steps as took a second.
 */
export class Pacer {
  #steps = 0;
  #interval = 1;
  #lastRead = performance.now();

  /**
   * Counts a step.
   *
   * @returns Whether it is time to wait for the device.
   */
  step(): boolean {
    return ++this.#steps >= this.#interval;
  }

  /** Says that the device has caught up. */
  caughtUp(): void {
    const now = performance.now();
    if (this.#steps > 0) {
      const stepMs = (now - this.#lastRead) / this.#steps;
      const steps = Math.round(PERIOD_MS / stepMs);
      this.#interval = Math.min(Math.max(steps, 1), MAX_STEPS);
    }
    this.#steps = 0;
    this.#lastRead = now;
  }
}

/**
 * Lets timers and signals have their turn, which they do not get while the CPU backend computes.
 *
 * @returns A promise that settles then.
 */
export function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
