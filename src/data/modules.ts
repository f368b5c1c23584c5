/**
 * Transforms and data sets of the user's own that workers can have as well: exports of modules.
 *
 * @module
 */

import { OptionError } from "../errors.ts";
import { reasonOf } from "../reason.ts";
import type { Dataset } from "./dataset.ts";
import { copyArgs, type Origin, withOrigin } from "./origin.ts";
import type { Transform } from "./transforms/transform.ts";

/** Which export of a module, and what to call it with. */
export interface ImportOptions {
  /** Name of the export. */
  name: string;
  /**
   * What to call it with, of kinds that a worker can be sent (numbers, strings, arrays, plain objects), of which a copy is
   * made. Default: the export is not called, but is the transform or the data set itself.
   */
  args?: readonly unknown[];
}

/**
 * Imports a transform of your own, so that workers can have it as well: they cannot be sent a function.
 *
 * @example
 * ```ts ignore
 * // In my_transforms.ts: export const invert: Transform = (image) => ...
 * const url = new URL("./my_transforms.ts", import.meta.url);
 * const transform = compose([await importTransform(url, { name: "invert" }), toTensor()]);
 * ```
 *
 * @param module Address of the module.
 * @param options Which export, and what to call it with to have the transform.
 * @returns The transform.
 * @throws {OptionError} If the module cannot be imported, or has no such function, or `args` cannot be sent to a worker.
 */
export async function importTransform(
  module: string | URL,
  options: ImportOptions,
): Promise<Transform> {
  const origin = originOf(module, options);
  const transform = await load(origin);
  if (typeof transform !== "function") throw wrong(origin, "a transform");
  // The export itself may also be used without its origin.
  const named: Transform = (...args) => (transform as Transform)(...args);
  Object.defineProperty(named, "name", { value: options.name });
  return withOrigin(named, origin);
}

/**
 * Imports a data set of your own, so that each worker has it as well and gets samples by itself: for data sets whose `get`
 * takes time. (Samples of other data sets are got by the main thread and sent to the workers, which transform them.)
 *
 * @example
 * ```ts ignore
 * // In my_data.ts: export function openScans(folder: string): Dataset { ... }
 * const url = new URL("./my_data.ts", import.meta.url);
 * const dataset = await importDataset(url, { name: "openScans", args: ["scans"] });
 * ```
 *
 * @param module Address of the module.
 * @param options Which export, and what to call it with to have the data set or a promise of it.
 * @returns The data set.
 * @throws {OptionError} If the module cannot be imported, or has no such data set, or `args` cannot be sent to a worker.
 */
export async function importDataset(
  module: string | URL,
  options: ImportOptions,
): Promise<Dataset> {
  const origin = originOf(module, options);
  const dataset = await load(origin) as Dataset | undefined;
  if (typeof dataset?.get !== "function") throw wrong(origin, "a data set");
  return withOrigin(dataset, origin);
}

function originOf(
  module: string | URL,
  { name, args }: ImportOptions,
): Origin {
  const origin = { module: String(module), name };
  return args === undefined ? origin : { ...origin, args: copyArgs(args) };
}

/** Gets what an origin names: an export, or what it returns. One without a module is an export of this package. */
export async function load(
  origin: Origin,
  own: Readonly<Record<string, unknown>> = {},
): Promise<unknown> {
  const { module, name, args } = origin;
  const exports = module === undefined ? own : await importModule(module);
  const found = exports[name];
  if (args === undefined) return found;
  if (typeof found !== "function") throw wrong(origin, "a function");
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

function wrong({ module, name }: Origin, what: string): OptionError {
  return new OptionError(
    "name",
    name,
    `the name of an export of ${module} that is or makes ${what}`,
  );
}
