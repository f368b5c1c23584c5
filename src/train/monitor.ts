/**
 * What callbacks watch from epoch to epoch, and how they remember it in a checkpoint.
 *
 * @module
 */

import { OptionError } from "../errors.ts";
import type { EpochEnd } from "./callbacks.ts";

/** What may be watched. */
export type Monitor = "testLoss" | "testAccuracy" | "loss" | "trainAccuracy";

/** Whether less is better, or more. */
export type MonitorMode = "min" | "max";

/** For people, and what is better. */
const MONITORS: Readonly<
  Record<Monitor, { readonly words: string; readonly mode: MonitorMode }>
> = {
  testLoss: { words: "test loss", mode: "min" },
  testAccuracy: { words: "test accuracy", mode: "max" },
  loss: { words: "loss", mode: "min" },
  trainAccuracy: { words: "training accuracy", mode: "max" },
};

/**
 * Checks what is to be watched.
 *
 * @param monitor Its name.
 * @returns What it is called, and whether less of it is better.
 * @throws {OptionError} If there is no such thing.
 */
export function describeMonitor(
  monitor: Monitor,
): { readonly words: string; readonly mode: MonitorMode } {
  if (!Object.hasOwn(MONITORS, monitor)) {
    const names = Object.keys(MONITORS).join(", ");
    throw new OptionError("monitor", monitor, `one of ${names}`);
  }
  return MONITORS[monitor];
}

/**
 * Looks at what is watched.
 *
 * @param event The epoch that is over.
 * @param monitor What is watched.
 * @returns Its value.
 * @throws {OptionError} If the epoch had no evaluation that gives it.
 */
export function valueOf(event: EpochEnd, monitor: Monitor): number {
  const value = event[monitor];
  if (value === undefined) {
    const what = "loss or trainAccuracy where fit() has no validation data";
    throw new OptionError("monitor", monitor, what);
  }
  return value;
}

/**
 * Writes a number of epochs.
 *
 * @param count How many.
 * @returns For example "3 epochs".
 */
export function formatEpochs(count: number): string {
  return `${count} ${count === 1 ? "epoch" : "epochs"}`;
}

/** What a field of a state may be: an integer of at least 0, or a number or nothing yet. */
export type StateField = "count" | "number?";

/** What a state is, by its fields: nothing yet is null, as JSON has no infinity. */
export type StateOf<Fields extends Readonly<Record<string, StateField>>> = {
  -readonly [Name in keyof Fields]: Fields[Name] extends "number?"
    ? number | null
    : number;
};

/**
 * Checks what a callback is to go on from.
 *
 * @param callback Its name.
 * @param state What a checkpoint says.
 * @param fields What must be in it.
 * @returns The fields alone.
 * @throws {OptionError} If one is missing or is not what it must be.
 */
export function requireState<
  const Fields extends Readonly<Record<string, StateField>>,
>(callback: string, state: unknown, fields: Fields): StateOf<Fields> {
  const isObject = typeof state === "object" && state !== null;
  const given = (isObject ? state : {}) as Record<string, unknown>;
  const isValid = Object.entries(fields).every(([name, field]) => {
    const value = Object.hasOwn(given, name) ? given[name] : undefined;
    if (field === "number?" && value === null) return true;
    if (typeof value !== "number") return false;
    return field === "count"
      ? Number.isSafeInteger(value) && value >= 0
      : Number.isFinite(value);
  });
  if (!isValid) {
    const names = Object.keys(fields).join(", ");
    const what = `what ${callback}() saved, with numbers for ${names}`;
    throw new OptionError(`state of ${callback}`, JSON.stringify(state), what);
  }
  return Object.fromEntries(
    Object.keys(fields).map((name) => [name, given[name]]),
  ) as StateOf<Fields>;
}
