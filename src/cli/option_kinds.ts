/**
 * The kinds of command-line options and what may be written for each.
 *
 * @module
 */

import { closest } from "fastest-levenshtein";

/** Most workers that a loader starts. */
const MAX_WORKERS = 256;

/** The command line cannot be understood; the program ends with exit code 2. */
export class UsageError extends Error {
  /** The class name. */
  override readonly name = "UsageError";
}

/** How an option is written, explained and parsed. */
export interface OptionSpec<T> {
  /** Stands for the value in the help, or undefined for a switch. */
  readonly placeholder: string | undefined;
  /** What the option means. */
  readonly help: string;
  /** Turns text into a value; throws a {@linkcode UsageError} if it cannot. */
  readonly parse: (text: string, flag: string) => T;
}

/**
 * Finds what somebody may have meant.
 *
 * @param word What was written.
 * @param candidates What there is.
 * @returns The nearest candidate, as a question.
 */
export function didYouMean(
  word: string,
  candidates: readonly string[],
): string {
  return `did you mean ${closest(word, candidates)}?`;
}

function _spec<T>(
  placeholder: string | undefined,
  help: string,
  parse: (text: string, flag: string) => T,
): OptionSpec<T> {
  return { placeholder, help, parse };
}

/**
 * An option without a value.
 *
 * @param help What it means.
 * @returns The kind.
 */
export function toggle(help: string): OptionSpec<boolean> {
  return _spec(undefined, help, () => true);
}

/**
 * Any text.
 *
 * @param placeholder Stands for the value in the help.
 * @param help What it means.
 * @returns The kind.
 */
export function text(placeholder: string, help: string): OptionSpec<string> {
  return _spec(placeholder, help, (text) => text);
}

/**
 * One of a few words.
 *
 * @param help What it means.
 * @param choices The words.
 * @returns The kind.
 */
export function choice<T extends string>(
  help: string,
  choices: readonly T[],
): OptionSpec<T> {
  return _spec(choices.join("|"), help, (text, flag) => {
    const choice = choices.find((c) => c === text);
    if (choice === undefined) {
      throw _invalid(
        flag,
        text,
        `one of ${choices.join(", ")}`,
        ` (${didYouMean(text, choices)})`,
      );
    }
    return choice;
  });
}

/**
 * Some of a few words, with commas between.
 *
 * @param help What they mean.
 * @param choices The words.
 * @returns The kind.
 */
export function choices<T extends string>(
  help: string,
  choices: readonly T[],
): OptionSpec<T[]> {
  const { parse } = choice(help, choices);
  return _spec(
    `${choices.join(",")}`,
    help,
    (text, flag) => text.split(",").map((word) => parse(word.trim(), flag)),
  );
}

/**
 * A finite number.
 *
 * @param placeholder Stands for the value in the help.
 * @param help What it means.
 * @returns The kind.
 */
export function number(placeholder: string, help: string): OptionSpec<number> {
  return _spec(placeholder, help, (text, flag) => {
    const value = Number(text);
    if (!Number.isFinite(value)) throw _invalid(flag, text, "a number");
    return value;
  });
}

/**
 * An integer.
 *
 * @param placeholder Stands for the value in the help.
 * @param help What it means.
 * @param range Its smallest and, if any, largest value.
 * @returns The kind.
 */
export function integer(
  placeholder: string,
  help: string,
  range: { min: number; max?: number },
): OptionSpec<number> {
  const { min, max = Infinity } = range;
  return _spec(placeholder, help, (text, flag) => {
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < min || value > max) {
      const what = max === Infinity
        ? `an integer of at least ${min}`
        : `an integer from ${min} to ${max}`;
      throw _invalid(flag, text, what);
    }
    return value;
  });
}

/**
 * A number of workers, or "auto".
 *
 * @param placeholder Stands for the value in the help.
 * @param help What it means.
 * @returns The kind.
 */
export function workers(
  placeholder: string,
  help: string,
): OptionSpec<number | "auto"> {
  const { parse } = integer(placeholder, help, { min: 0, max: MAX_WORKERS });
  return _spec(
    placeholder,
    help,
    (text, flag) => text === "auto" ? text : parse(text, flag),
  );
}

/**
 * A time such as 90s, 10m or 1h30m, in milliseconds.
 *
 * @param placeholder Stands for the value in the help.
 * @param help What it means.
 * @returns The kind.
 */
export function duration(
  placeholder: string,
  help: string,
): OptionSpec<number> {
  return _spec(placeholder, help, _parseDuration);
}

/** Milliseconds of a duration such as 90s, 10m or 1h30m. */
function _parseDuration(text: string, flag: string): number {
  const match = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?$/.exec(text);
  const [h, m, s] = (match ?? []).slice(1).map((n) => Number(n ?? 0));
  const ms = ((h * 60 + m) * 60 + s) * 1000;
  if (!(ms > 0)) throw _invalid(flag, text, "a time such as 90s, 10m or 1h30m");
  return ms;
}

function _invalid(
  flag: string,
  text: string,
  requirement: string,
  hint = "",
): UsageError {
  return new UsageError(
    `Cannot use ${flag} as it must be ${requirement}: current value is "${text}"${hint}`,
  );
}
