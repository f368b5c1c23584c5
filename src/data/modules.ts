/** Where a worker finds data sets and transforms: functions cannot be sent to it, but names of exports of modules can. */

import { OptionError } from "../errors.ts";
import { reasonOf } from "../reason.ts";

/** Which export of a module, and what to call it with. */
export interface ImportOptions {
  /** Name of the export. */
  name: string;
  /**
   * What to call it with: values that can be sent to a worker (numbers, strings, arrays, plain objects). They are copied.
   * Default: the export is not called, but is the transform or the data set itself.
   */
  args?: readonly unknown[];
}

/** An export of a module, and what it is called with. Without a module, it is an export of this package. */
export interface Origin extends Readonly<ImportOptions> {
  readonly module?: string;
}

const origins = new WeakMap<object, Origin>();

/** Where a worker finds a data set or a transform; `undefined` if other code made it. */
export function originOf(thing: object): Origin | undefined {
  return origins.get(thing);
}

/** Remembers where a worker finds a data set or a transform. */
export function withOrigin<T extends object>(thing: T, origin: Origin): T {
  origins.set(thing, origin);
  return thing;
}

/** Copies the arguments, so that what the caller does with them later makes no difference. */
export function makeOrigin({ args, ...rest }: Origin): Origin {
  if (args === undefined) return rest;
  try {
    return { ...rest, args: structuredClone(args) };
  } catch (error) {
    const [reason] = reasonOf(error).split("\n");
    throw new OptionError(
      "args",
      args.map((arg) => typeof arg).join(", "),
      `of kinds that a worker can be sent, such as numbers, strings, arrays and plain objects (${reason})`,
    );
  }
}

/** Gets what an origin names: an export, or what it returns. `own` are the exports of this package. */
export async function load(
  origin: Origin,
  own: Readonly<Record<string, unknown>> = {},
): Promise<unknown> {
  const { module, name, args } = origin;
  const exports = module === undefined ? own : await importModule(module);
  const found = exports[name];
  if (args === undefined) return found;
  if (typeof found !== "function") throw wrongExport(origin, "a function");
  return await found(...args);
}

async function importModule(module: string): Promise<Record<string, unknown>> {
  try {
    return await import(module);
  } catch (error) {
    const [reason] = reasonOf(error).split("\n");
    throw new OptionError(
      "module",
      module,
      `the address of a module that can be imported (${reason})`,
    );
  }
}

/** The error for an export that is not what it should be. */
export function wrongExport(
  { module, name }: Origin,
  what: string,
): OptionError {
  return new OptionError(
    "name",
    name,
    `the name of an export of ${module} that is or makes ${what}`,
  );
}
