/**
 * Where a worker finds data sets and transforms: functions cannot be sent to it, but names of modules can.
 *
 * @module
 */

import { OptionError } from "../errors.ts";
import { reasonOf } from "../reason.ts";

/** An export of a module, and what it is called with. */
export interface Origin {
  /** Address of the module. Default: this package's own. */
  readonly module?: string;
  /** Name of the export. */
  readonly name: string;
  /** Arguments, which a worker can be sent. Default: the export is not called, as it is the data set or transform itself. */
  readonly args?: readonly unknown[];
}

const origins = new WeakMap<object, Origin>();

/** Where a worker finds a data set or a transform; `undefined` for what other code made. */
export function originOf(thing: object): Origin | undefined {
  return origins.get(thing);
}

/** Remembers where a worker finds a data set or a transform. */
export function withOrigin<T extends object>(thing: T, origin: Origin): T {
  origins.set(thing, origin);
  return thing;
}

/** Copies arguments as a worker gets them, so that what the caller does with them later makes no difference. */
export function copyArgs(args: readonly unknown[]): readonly unknown[] {
  try {
    return structuredClone(args);
  } catch (error) {
    const [reason] = reasonOf(error).split("\n");
    throw new OptionError(
      "args",
      args.map((arg) => typeof arg).join(", "),
      `of kinds that a worker can be sent, such as numbers, strings, arrays and plain objects (${reason})`,
    );
  }
}
