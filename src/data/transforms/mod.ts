/**
 * Functions from image to image, to be composed as in torchvision and Gluon: `compose([resize(224), toTensor()])`.
 *
 * No transform modifies its input; some return it as it is. Workers find them here by name.
 */

export { colorJitter, type ColorJitterOptions } from "./color_jitter.ts";
export {
  centerCrop,
  type PaddingMode,
  type ProbabilityOptions,
  randomCrop,
  type RandomCropOptions,
  randomFlipLeftRight,
  randomHorizontalFlip,
} from "./crop.ts";
export { randomErasing, type RandomErasingOptions } from "./random_erasing.ts";
export { type Fit, resize, type ResizeOptions } from "./resize.ts";
export {
  compose,
  type Random,
  type Size,
  type Transform,
} from "./transform.ts";
export { normalize, type NormalizeOptions, toTensor } from "./values.ts";
