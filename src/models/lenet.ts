/** LeNet as a list of layers. */

import { conv2d } from "../nn/conv2d.ts";
import { dense, flatten } from "../nn/dense.ts";
import { requireInteger } from "../options.ts";
import { averagePool2d } from "../nn/pooling.ts";
import { Sequential, type SequentialOptions } from "../nn/sequential.ts";

/** Options of {@linkcode lenet}. */
export interface LeNetOptions {
  /** Number of classes, at least 2. Default 10. */
  classes?: number;
  /** Seed of the first weights, an integer in [0, 2^32). Default 0. */
  seed?: number;
  /** Height and width of the images. Default 28; at least 12. */
  imageSize?: number;
  /** Channels of the images. Default 1. */
  channels?: number;
}

/**
 * LeNet (LeCun et al., "Gradient-Based Learning Applied to Document Recognition", 1998) as Dive into Deep Learning
 * teaches it on Fashion-MNIST, with sigmoids and average pooling: 61,706 parameters for 28x28x1 images and 10 classes.
 *
 * @param options Classes, seed and image size.
 * @returns The network, with new weights on the device in use.
 * @throws {OptionError} If an option is out of its range.
 * @throws {ShapeError} If the images are too small for the layers.
 * @throws {BackendError} If no device is ready.
 */
export function lenet(options: LeNetOptions = {}): Sequential {
  return new Sequential({ ...lenetLayers(options), seed: options.seed });
}

/** The layers of {@linkcode lenet}, without weights and without a device. */
export function lenetLayers(
  options: LeNetOptions = {},
): SequentialOptions {
  const { classes = 10, imageSize = 28, channels = 1 } = options;
  const size = requireInteger("imageSize", imageSize);
  const activation = "sigmoid";
  return {
    inputShape: [size, size, requireInteger("channels", channels)],
    layers: [
      conv2d({ filters: 6, kernelSize: 5, padding: "same", activation }),
      averagePool2d({ poolSize: 2 }),
      conv2d({ filters: 16, kernelSize: 5, activation }),
      averagePool2d({ poolSize: 2 }),
      flatten(),
      dense({ units: 120, activation }),
      dense({ units: 84, activation }),
      dense({ units: requireInteger("classes", classes, { min: 2 }) }),
    ],
  };
}
