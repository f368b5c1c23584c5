/**
 * What a network takes images for.
 *
 * @module
 */

import { throwIfDeviceFailed } from "../device/device.ts";
import { type Tensor4D, tf } from "../device/tf.ts";
import type { Image } from "../data/dataset.ts";
import { toTensor } from "../data/transforms/values.ts";
import { OptionError, ShapeError } from "../errors.ts";
import { ensureBackend } from "../device/open.ts";
import type { Sequential } from "../nn/sequential.ts";
import { requireInteger } from "../options.ts";
import { requireFiniteOutputs } from "./metrics.ts";

/** Options of {@linkcode classify}. */
export interface ClassifyOptions {
  /** What class 0, 1, ... means. Default: "0", "1" and so on. */
  classNames?: readonly string[];
  /** How many of the most likely classes to give, at most all. Default 3. */
  top?: number;
}

/** A class that an image may be of. */
export interface ClassProbability {
  /** Which class, from 0. */
  readonly label: number;
  /** Its name. */
  readonly className: string;
  /** How likely the network finds it, in [0, 1]; the probabilities of all classes add up to 1. */
  readonly probability: number;
}

/**
 * Says what images show, with dropout off. Batches larger than the adapter can bind are split.
 *
 * @example
 * ```ts ignore
 * const image = await loadImage("boot.png");
 * const [[best]] = await classify(net, [image], { classNames });
 * console.log(best.className, best.probability);
 * ```
 *
 * @param net The network.
 * @param images float32 `[batch, height, width, channels]`, which is not disposed; or images of the network's shape, such as
 * `loadImage` makes. Transformed as those that the network was trained on.
 * @param options Names of the classes, and how many of them.
 * @returns For each image its most likely classes, most likely first; of equal ones the first.
 * @throws {ShapeError} If the images do not have the network's shape.
 * @throws {OptionError} If there is not a name for each class, or `top` is not a positive integer.
 * @throws {AlexNetError} If what the network computes is not finite.
 * @throws {BackendError} If the device reported an error.
 */
export async function classify(
  net: Sequential,
  images: Tensor4D | readonly Image[],
  options: ClassifyOptions = {},
): Promise<ClassProbability[][]> {
  await ensureBackend();
  const { classNames, top = 3 } = options;
  requireInteger("top", top);
  const numImages = Array.isArray(images)
    ? images.length
    : (images as Tensor4D).shape[0];
  if (numImages === 0) return [];
  const probabilities = tf.tidy(() =>
    tf.softmax(net.predict(tensorOf(net, images)))
  );
  const values = await probabilities.data<"float32">();
  probabilities.dispose();
  throwIfDeviceFailed();
  requireFiniteOutputs(values, "classify");
  const numClasses = values.length / numImages;
  if (classNames !== undefined && classNames.length !== numClasses) {
    throw new OptionError(
      "classNames.length",
      classNames.length,
      `${numClasses}, the number of the network's classes`,
    );
  }
  return Array.from({ length: numImages }, (_, i) => {
    const row = values.subarray(i * numClasses, (i + 1) * numClasses);
    return Array.from(row, (probability, label) => ({
      label,
      className: classNames?.[label] ?? `${label}`,
      probability,
    })).toSorted((a, b) => b.probability - a.probability).slice(0, top);
  });
}

function tensorOf(
  net: Sequential,
  images: Tensor4D | readonly Image[],
): Tensor4D {
  if (!Array.isArray(images)) return images as Tensor4D;
  const [height, width, channels] = net.inputShape;
  const size = height * width * channels;
  const values = new Float32Array(images.length * size);
  const scale = toTensor();
  images.forEach((image: Image, i) => {
    const shape = [image.height, image.width, image.channels];
    if (`${shape}` !== `${net.inputShape}`) {
      throw new ShapeError(
        `Cannot classify image ${i} of shape [${shape}]: the network takes [${net.inputShape}]`,
      );
    }
    values.set(scale(image).data, i * size);
  });
  return tf.tensor4d(values, [images.length, height, width, channels]);
}
