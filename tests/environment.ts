/**
 * The environment of this process, as a test needs it for a while: its variables and its clock.
 *
 * @module
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

/**
 * Has `performance.now()` be later at each look by so much, however fast the machine is.
 *
 * @param stepMs So much, in whole milliseconds: always the same, or each in turn, and again from the first.
 * @returns Disposing gives the true time again.
 */
export function pretendTime(stepMs: number | readonly number[]): Disposable {
  const { now } = performance;
  // Whole, so that differences are exact.
  let time = Math.ceil(now.call(performance));
  const steps = [stepMs].flat();
  let looks = 0;
  performance.now = () => time += steps[looks++ % steps.length];
  return {
    [Symbol.dispose]() {
      performance.now = now;
    },
  };
}
