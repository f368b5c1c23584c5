/**
 * The environment of this process, as a test needs it for a while: its variables and its clock, which shows what the test says,
 * however fast the machine is.
 */

/**
 * Sets variables of this process.
 *
 * @param variables Their values; undefined takes a variable away.
 * @returns Disposing puts back what was there before.
 */
export function setVariables(
  variables: Readonly<Record<string, string | undefined>>,
): Disposable {
  const set = ([name, value]: [string, string | undefined]) =>
    value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
  const before = Object.keys(variables).map((name) =>
    [name, Deno.env.get(name)] as [string, string | undefined]
  );
  Object.entries(variables).forEach(set);
  return { [Symbol.dispose]: () => before.forEach(set) };
}

/** A clock in place of `performance.now()`; disposing gives the true time again. */
export interface Clock extends Disposable {
  /** What it shows, in milliseconds; the test may move it. */
  ms: number;
}

/**
 * Has `performance.now()` show what the test says.
 *
 * @param stepMs By how much it moves on at each look, in milliseconds: always the same, or each in turn, and again from the
 * first. Default: it stands still.
 * @returns The clock, which starts at 0.
 */
export function pretendTime(stepMs: number | readonly number[] = 0): Clock {
  const steps = [stepMs].flat();
  let looks = 0;
  const clock = {
    ms: 0,
    [Symbol.dispose]() {
      // What is inherited shows again.
      Reflect.deleteProperty(performance, "now");
    },
  };
  const value = () => clock.ms += steps[looks++ % steps.length];
  Object.defineProperty(performance, "now", { value, configurable: true });
  return clock;
}
