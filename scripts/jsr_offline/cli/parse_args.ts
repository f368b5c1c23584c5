/** Parses a command line as minimist and `@std/cli` do. */

import { hasNested, setNested } from "./nested.ts";
import type { Aliases, Args, ParseOptions, Values } from "./types.ts";

export type { Args, ParseOptions } from "./types.ts";

/**
 * Parses command line arguments.
 *
 * @param args The arguments, as in `Deno.args`.
 * @param options Which options there are; see {@linkcode ParseOptions}.
 * @returns The options by name, and the positional arguments as `_`.
 */
export function parseArgs<
  const TDefault extends Record<string, unknown> = Record<never, never>,
  const TAliases extends Aliases = Record<never, never>,
  TDoubleDash extends boolean | undefined = undefined,
  TBooleans extends string = never,
  TStrings extends string = never,
  TCollectable extends string = never,
  TNegatable extends string = never,
>(
  args: string[],
  options: ParseOptions<
    TBooleans,
    TStrings,
    TCollectable,
    TNegatable,
    TDefault,
    TAliases,
    TDoubleDash
  > = {},
): Args<
  Values<TBooleans, TStrings, TCollectable, TNegatable, TDefault, TAliases>,
  TDoubleDash
> {
  return new Parser(options).parse(args) as Args<
    Values<TBooleans, TStrings, TCollectable, TNegatable, TDefault, TAliases>,
    TDoubleDash
  >;
}

class Parser {
  readonly #options: ParseOptions;
  readonly #aliases: ReadonlyMap<string, readonly string[]>;
  readonly #booleans: ReadonlySet<string>;
  readonly #strings: ReadonlySet<string>;
  readonly #collected: ReadonlySet<string>;
  readonly #negatable: ReadonlySet<string>;
  readonly #result: Args = { _: [] };

  constructor(options: ParseOptions) {
    this.#options = options;
    this.#aliases = aliasGroups(options.alias ?? {});
    this.#booleans = this.#names(options.boolean);
    this.#strings = this.#names(options.string);
    this.#collected = this.#names(options.collect);
    this.#negatable = this.#names(options.negatable);
  }

  parse(args: readonly string[]): Args {
    const end = args.indexOf("--");
    const before = end < 0 ? args : args.slice(0, end);
    const after = end < 0 ? [] : args.slice(end + 1);
    for (let i = 0; i < before.length; i++) {
      const arg = before[i];
      const next = before[i + 1];
      if (/^--./s.test(arg)) {
        if (this.#parseLong(arg, next)) i++;
      } else if (/^-./s.test(arg)) {
        if (this.#parseShort(arg, next)) i++;
      } else {
        this.#addPositional(arg);
        if (this.#options.stopEarly) {
          this.#result._.push(...before.slice(i + 1));
          break;
        }
      }
    }
    this.#addDefaults();
    if (this.#options["--"]) return { ...this.#result, "--": after };
    this.#result._.push(...after);
    return this.#result;
  }

  /** Parses `--key`, `--key=value`, `--key value` and `--no-key`; says if it used the next argument. */
  #parseLong(arg: string, next: string | undefined): boolean {
    const [, no, name, value] = arg.match(/^--(no-)?(.+?)(?:=(.+))?$/s) ??
      ["", undefined, arg.slice(2), undefined];
    if (value !== undefined) {
      this.#set(
        arg,
        name,
        this.#booleans.has(name) ? value !== "false" : value,
      );
      return false;
    }
    if (no && this.#negatable.has(name)) {
      this.#set(arg, name, false, { collect: false });
      return false;
    }
    const key = no ? `no-${name}` : name;
    const allBooleans = this.#options.boolean === true;
    return this.#setFromNext(arg, key, next, {
      mayTake: !allBooleans && !next?.startsWith("-"),
    });
  }

  /** Parses `-k`, `-k value`, `-k=value`, `-k5` and groups such as `-abk`; says if it used the next argument. */
  #parseShort(arg: string, next: string | undefined): boolean {
    for (let j = 1; j < arg.length - 1; j++) {
      const [letter, rest] = [arg[j], arg.slice(j + 1)];
      if (rest === "-") {
        this.#set(arg, letter, rest);
        return false;
      }
      const value = attachedValue(letter, rest);
      if (value !== undefined) {
        this.#set(arg, letter, value);
        return false;
      }
      this.#set(arg, letter, this.#strings.has(letter) ? "" : true);
    }
    const last = arg[arg.length - 1];
    return this.#setFromNext(arg, last, next, {
      mayTake: !/^--?[^-]/.test(next ?? ""),
    });
  }

  #setFromNext(
    arg: string,
    key: string,
    next: string | undefined,
    { mayTake }: { mayTake: boolean },
  ): boolean {
    if (next && mayTake && !this.#booleans.has(key)) {
      this.#set(arg, key, next);
      return true;
    }
    if (next === "true" || next === "false") {
      this.#set(arg, key, next === "true");
      return true;
    }
    this.#set(arg, key, this.#strings.has(key) ? "" : true);
    return false;
  }

  #set(
    arg: string,
    key: string,
    value: string | boolean,
    { collect = true }: { collect?: boolean } = {},
  ): void {
    const isDeclared = this.#booleans.has(key) || this.#strings.has(key) ||
      this.#aliases.has(key) ||
      (this.#options.boolean === true && /^--[^=]+$/.test(arg));
    if (!isDeclared && this.#options.unknown?.(arg, key, value) === false) {
      return;
    }
    const typed = this.#strings.has(key) ? value : toNumber(value);
    const isCollected = collect && this.#collected.has(key);
    for (const name of [key, ...this.#aliases.get(key) ?? []]) {
      setNested(this.#result, name, { value: typed, isCollected });
    }
  }

  #addPositional(arg: string): void {
    if (this.#options.unknown?.(arg) === false) return;
    const typed = this.#strings.has("_") ? arg : toNumber(arg);
    this.#result._.push(typed as string | number);
  }

  #addDefaults(): void {
    for (const [key, value] of Object.entries(this.#options.default ?? {})) {
      if (hasNested(this.#result, key)) continue;
      for (const name of [key, ...this.#aliases.get(key) ?? []]) {
        setNested(this.#result, name, { value });
      }
    }
    for (const name of [...this.#booleans, ...this.#strings]) {
      if (hasNested(this.#result, name)) continue;
      if (this.#collected.has(name)) {
        setNested(this.#result, name, { value: [] });
      } else if (this.#booleans.has(name)) {
        setNested(this.#result, name, { value: false });
      }
    }
  }

  /** The names and all their aliases. */
  #names(names: boolean | string | readonly string[] = []): Set<string> {
    if (typeof names === "boolean") return new Set();
    return new Set(
      [names].flat().flatMap((
        name,
      ) => [name, ...this.#aliases.get(name) ?? []]),
    );
  }
}

/** For each name of an option, its other names. */
function aliasGroups(alias: Aliases): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const [key, value] of Object.entries(alias)) {
    const all = [key, ...[value].flat()];
    for (const name of all) groups.set(name, all.filter((x) => x !== name));
  }
  return groups;
}

/** The value in the same argument as a letter: of `=5`, `5` and `/path`. */
function attachedValue(letter: string, rest: string): string | undefined {
  if (/[A-Za-z]/.test(letter)) {
    const afterEquals = rest.match(/=(.+)/)?.[1];
    if (afterEquals !== undefined) return afterEquals;
    if (/-?\d+(\.\d*)?(e-?\d+)?$/.test(rest)) return rest;
  }
  return rest.length > 1 && /^\W/.test(rest) ? rest : undefined;
}

function toNumber(value: string | boolean): string | number | boolean {
  if (typeof value === "boolean") return value;
  return /\S/.test(value) && Number.isFinite(Number(value))
    ? Number(value)
    : value;
}
