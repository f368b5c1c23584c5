/**
 * Random changes of training images that the command line knows by name.
 *
 * @module
 */

import {
  compose,
  randomCrop,
  randomErasing,
  randomHorizontalFlip,
  type Transform,
} from "../data/transforms/mod.ts";

/** Each change, for images of 28x28 pixels; those that a device can do come first. */
const AUGMENTATIONS = {
  crop: () => randomCrop(28, { padding: 4 }),
  flip: () => randomHorizontalFlip(),
  erase: () => randomErasing(),
};

/** Name of a change. */
export type Augmentation = keyof typeof AUGMENTATIONS;

/** The names. */
export const AUGMENTATION_NAMES = Object.keys(
  AUGMENTATIONS,
) as readonly Augmentation[];

/**
 * Makes the transform of some changes.
 *
 * @param names Their names, first to last, if there are any.
 * @returns The transform, of images of 28x28 pixels.
 */
export function augmentationOf(
  names: readonly Augmentation[] | undefined,
): Transform | undefined {
  return names && compose(names.map((name) => AUGMENTATIONS[name]()));
}
