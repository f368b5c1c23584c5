/**
 * A clock for tests of what depends on time: it shows what the test says, however fast the machine is.
 *
 * @module
 */

/** A clock in place of `performance.now()`; disposing gives the true time again. */
export interface Clock extends Disposable {
  /** What it shows, in milliseconds; the test moves it. */
  ms: number;
}

/**
 * Stops the clock at 0.
 *
 * @returns The clock.
 */
export function stopClock(): Clock {
  const clock = {
    ms: 0,
    [Symbol.dispose]() {
      // What is inherited shows again.
      Reflect.deleteProperty(performance, "now");
    },
  };
  const value = () => clock.ms;
  Object.defineProperty(performance, "now", { value, configurable: true });
  return clock;
}
