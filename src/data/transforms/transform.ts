/**
 * What a transform is, and what is known of those that this package brings: their names, for workers and for people, and
 * what the device can do in their place.
 *
 * @module
 */

import { OptionError } from "../../errors.ts";
import type { Image } from "../dataset.ts";
import { copyArgs, type Origin, originOf, withOrigin } from "../origin.ts";
import type { Extent, Placement } from "./window.ts";

/** Draws a uniform random number in [0, 1). */
export type Random = () => number;

/**
 * Makes an image of an image, without modifying it: a function of the image alone will do.
 *
 * A `DataLoader` gives a source of random numbers that depends on its seed, the epoch and the index of the sample alone;
 * without one, transforms that draw use `Math.random`. It also gives memory, of the length of the result if that is float32, which
 * a transform may use for it.
 */
export type Transform = (
  image: Image,
  random?: Random,
  memory?: Float32Array,
) => Image;

/** Finds the windows to look through, one after the other, onto an image of a size. */
export type DrawWindows = (
  size: Extent,
  random: Random,
) => readonly Placement[];

/** What the device can do in place of a transform. */
export type Step =
  /** Resize by bilinear interpolation. */
  | { readonly kind: "resize"; readonly size: Extent }
  /** Move, mirror, cut or extend. */
  | {
    readonly kind: "window";
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

/** One of the transforms that another one is composed of. */
export interface Part {
  readonly transform: Transform;
  /** For people, for example "resize 224x224". */
  readonly description: string;
  /** Where a worker finds it; `undefined` for a function of the user's. */
  readonly origin?: Origin;
  /** What the device can do in its place, if it can. */
  readonly step?: Step;
  /** Does this and then scales to [0, 1], in less time than one after the other. */
  readonly scaled?: Transform;
}

const parts = new WeakMap<Transform, readonly Part[]>();

/**
 * Takes a transform apart.
 *
 * @param transform Any transform.
 * @returns What it is composed of, first to last.
 */
export function partsOf(transform: Transform): readonly Part[] {
  return parts.get(transform) ?? [{
    transform,
    description: `${transform.name || "a function"} of your own`,
    origin: originOf(transform),
  }];
}

/**
 * Makes a transform known.
 *
 * @param transform The transform.
 * @param known Name and arguments of the function of this package that made it, what it does in words, what the device can
 * do in its place, and what does the same and then scales.
 * @returns The transform.
 */
export function define(
  transform: Transform,
  known: {
    name: string;
    args: readonly unknown[];
    description: string;
    step?: Step;
    scaled?: Transform;
  },
): Transform {
  const { name, args, ...rest } = known;
  const origin = { name, args: copyArgs(args) };
  parts.set(transform, [{ transform, origin, ...rest }]);
  return withOrigin(transform, origin);
}

/**
 * Applies transforms one after the other.
 *
 * @param transforms What to apply, first to last.
 * @returns Their composition.
 */
export function compose(transforms: readonly Transform[]): Transform {
  const all = transforms.flatMap(partsOf);
  const isScaled = (i: number) =>
    all[i]?.scaled !== undefined && all[i + 1]?.step?.kind === "scale";
  const steps = all.flatMap((part, i) => {
    if (isScaled(i)) return part.scaled!;
    return isScaled(i - 1) ? [] : part.transform;
  });
  const composition: Transform = (image, random, memory) =>
    steps.reduce((result, next, i) => {
      const place = i === steps.length - 1 ? memory : undefined;
      return requireImage(next(result, random, place));
    }, image);
  parts.set(composition, all);
  return composition;
}

/**
 * Checks what a transform returned: one that is `async` returns a promise.
 *
 * @param image What should be an image.
 * @returns The image.
 * @throws {OptionError} If it is none.
 */
export function requireImage(image: Image): Image {
  if (typeof image?.data?.length === "number") return image;
  throw new OptionError(
    "transform",
    image,
    "a function that returns an image ({ data, height, width, channels, maxValue }) and no promise",
  );
}

/**
 * Finds memory for a result.
 *
 * @param length Numbers of the result.
 * @param memory What the transform was given.
 * @returns That, if it is of the right length, or new memory.
 */
export function memoryFor(
  length: number,
  memory: Float32Array | undefined,
): Float32Array {
  return memory?.length === length ? memory : new Float32Array(length);
}
