/**
 * What callbacks have to know when a run goes on, by their names.
 *
 * @module
 */

import { OptionError } from "../errors.ts";
import type { Callbacks, Training } from "./callbacks.ts";

/** What callbacks said by `saveState`, by their names. */
export type CallbackStates = Readonly<Record<string, unknown>>;

/**
 * Checks that states can be told apart.
 *
 * @param callbacks All callbacks of a run.
 * @throws {OptionError} If one that has `saveState` has no name, or the name of another.
 */
export function checkNames(callbacks: readonly Callbacks[]): void {
  const names = _savers(callbacks).map(({ name }) => name);
  names.forEach((name, i) => {
    if (name && names.indexOf(name) === i) return;
    throw new OptionError(
      "callbacks.name",
      name,
      "a name of its own for each that has saveState",
    );
  });
}

/**
 * Asks callbacks for their states.
 *
 * @param callbacks All callbacks of a run, checked.
 * @returns The states of those that have one.
 */
export function saveStates(callbacks: readonly Callbacks[]): CallbackStates {
  return Object.fromEntries(
    _savers(callbacks).map((c) => [c.name!, c.saveState!()]),
  );
}

/**
 * Hands states to callbacks; one that has none stays as it is.
 *
 * @param callbacks All callbacks of a run.
 * @param states What {@linkcode saveStates} gave.
 * @param training The run.
 */
export function restoreStates(
  callbacks: readonly Callbacks[],
  states: CallbackStates,
  training: Training,
): void {
  for (const callback of callbacks) {
    const { name } = callback;
    if (name === undefined || !Object.hasOwn(states, name)) continue;
    callback.restoreState?.(states[name], training);
  }
}

function _savers(callbacks: readonly Callbacks[]): Callbacks[] {
  return callbacks.filter(({ saveState }) => saveState !== undefined);
}
