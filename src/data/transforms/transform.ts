/**
 * What a transform is, and what is known of those that this package brings: their names, for workers and for people, and
 * what the device does in their place.
 */

import type { Extent } from "../../device/sizes.ts";
import { OptionError } from "../../errors.ts";
import type { Image } from "../dataset.ts";
import {
  type ImportOptions,
  load,
  makeOrigin,
  type Origin,
  originOf,
  withOrigin,
  wrongExport,
} from "../modules.ts";

/** Height and width, or one number for both. */
export type Size = number | readonly [height: number, width: number];

/** Checks the size that a transform is asked for, and writes out both sides. */
export function parseSize(option: string, size: Size): Extent {
  const sides = typeof size === "number" ? [size, size] : size;
  if (
    sides?.length !== 2 || !sides.every((side) => Number.isInteger(side)) ||
    Math.min(...sides) < 1
  ) {
    throw new OptionError(
      option,
      size,
      "a positive integer, or [height, width]",
    );
  }
  return { height: sides[0], width: sides[1] };
}

/** Draws a uniform random number in [0, 1). */
export type Random = () => number;

/**
 * Makes an image of an image, without modifying it: a function of the image alone will do.
 *
 * A `DataLoader` passes a source of random numbers that depends on its seed, the epoch and the index of the sample alone.
 * Without a source, transforms that draw use `Math.random`. The loader also passes memory, which the transform may use for its
 * result if that is float32 and has this length.
 */
export type Transform = (
  image: Image,
  random?: Random,
  memory?: Float32Array,
) => Image;

/** A window onto an image, of a size of its own. It may reach beyond the image. */
export interface ImageWindow extends Extent {
  /** Row of the image that the window's first row shows. */
  readonly top: number;
  /** Column of the image at the left edge of the window, before it is mirrored. */
  readonly left: number;
  /** Whether left and right of the window are exchanged. */
  readonly isFlipped: boolean;
}

/** Finds the windows to look through, one after the other, onto an image of a size. */
export type DrawWindows = (
  size: Extent,
  random: Random,
) => readonly ImageWindow[];

/** What the device does in place of a transform. */
type DeviceForm =
  | {
    readonly kind: "resize";
    readonly size: Extent;
    /** The size that an image has before edges are added or cut off. */
    readonly fitted: (image: Extent) => Extent;
  }
  | {
    readonly kind: "windows";
    readonly draw: DrawWindows;
    /** The value beyond the edges, if the windows may go there. */
    readonly fill?: number;
  }
  /** Divide by the value of white. */
  | { readonly kind: "scale" }
  /** Subtract and divide, per channel. */
  | {
    readonly kind: "normalize";
    readonly mean: readonly number[];
    readonly std: readonly number[];
  };

/** What is known of a transform that is not composed of others. */
interface KnownTransform {
  readonly transform: Transform;
  /** For people, for example "resize 224x224". */
  readonly description: string;
  /** Where a worker finds it; `undefined` for a function of the user's. */
  readonly origin?: Origin;
  /** `undefined` if only the host can do it. */
  readonly onDevice?: DeviceForm;
  /** Does this and then scales to [0, 1], in less time than one after the other. */
  readonly scaled?: Transform;
}

const known = new WeakMap<Transform, readonly KnownTransform[]>();

/** Lists the transforms that a transform is composed of, first to last. */
export function takeApart(transform: Transform): readonly KnownTransform[] {
  return known.get(transform) ?? [{
    transform,
    description: `${transform.name || "a function"} of your own`,
    origin: originOf(transform),
  }];
}

/** Makes a transform known. `name` and `args` are those of the function of this package that made it. */
export function define(
  transform: Transform,
  facts: Omit<KnownTransform, "transform" | "origin"> & {
    name: string;
    args: readonly unknown[];
  },
): Transform {
  const { name, args, ...rest } = facts;
  const origin = makeOrigin({ name, args });
  known.set(transform, [{ transform, origin, ...rest }]);
  return withOrigin(transform, origin);
}

/**
 * Applies transforms one after the other.
 *
 * @param transforms What to apply, first to last.
 * @returns Their composition.
 */
export function compose(transforms: readonly Transform[]): Transform {
  const all = transforms.flatMap(takeApart);
  const isScaled = (i: number) =>
    all[i]?.scaled !== undefined && all[i + 1]?.onDevice?.kind === "scale";
  const applied = all.flatMap((one, i) => {
    if (isScaled(i)) return one.scaled!;
    return isScaled(i - 1) ? [] : one.transform;
  });
  const composition: Transform = (image, random, memory) =>
    applied.reduce((result, next, i) => {
      const isLast = i === applied.length - 1;
      return requireImage(next(result, random, isLast ? memory : undefined));
    }, image);
  known.set(composition, all);
  return composition;
}

/**
 * Imports a transform of your own, so that workers can import it as well: they cannot be sent a function.
 *
 * @example
 * ```ts ignore
 * // In my_transforms.ts: export const invert: Transform = (image) => ...
 * const url = new URL("./my_transforms.ts", import.meta.url);
 * const transform = compose([await importTransform(url, { name: "invert" }), toTensor()]);
 * ```
 *
 * @param module Address of the module.
 * @param options Which export, and what to call it with to get the transform.
 * @returns The transform.
 * @throws {OptionError} If the module cannot be imported, or has no such function, or `args` cannot be sent to a worker.
 */
export async function importTransform(
  module: string | URL,
  options: ImportOptions,
): Promise<Transform> {
  const origin = makeOrigin({ ...options, module: String(module) });
  const transform = await load(origin);
  if (typeof transform !== "function") throw wrongExport(origin, "a transform");
  // The export itself may also be used without its origin.
  const named: Transform = (...args) => (transform as Transform)(...args);
  Object.defineProperty(named, "name", { value: options.name });
  return withOrigin(named, origin);
}

/** Throws an `OptionError` if a transform returned no image: an `async` transform returns a promise. */
export function requireImage(image: Image): Image {
  if (typeof image?.data?.length === "number") return image;
  throw new OptionError(
    "transform",
    image,
    "a function that returns an image ({ data, height, width, channels, maxValue }) and no promise",
  );
}

/** The memory that a transform was passed, if it has the right length, or new memory. */
export function memoryFor(
  length: number,
  memory: Float32Array | undefined,
): Float32Array {
  return memory?.length === length ? memory : new Float32Array(length);
}
