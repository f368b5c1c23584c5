/**
 * Functions from image to image, to be composed as in torchvision and Gluon: `compose([resize(224), toTensor()])`.
 *
 * No transform modifies its input; some return it as it is.
 *
 * @module
 */

export { colorJitter, type ColorJitterOptions } from "./color_jitter.ts";
export {
  centerCrop,
  type ProbabilityOptions,
  randomCrop,
  type RandomCropOptions,
  randomFlipLeftRight,
  randomHorizontalFlip,
} from "./crop.ts";
export { randomErasing, type RandomErasingOptions } from "./random_erasing.ts";
export { resize } from "./resize.ts";
export { compose, type Random, type Transform } from "./transform.ts";
export { normalize, type NormalizeOptions, toTensor } from "./values.ts";
export type { PaddingMode, Size } from "./window.ts";
