/** AlexNet as a list of layers. */

import { conv2d } from "../nn/conv2d.ts";
import { dense, dropout, flatten } from "../nn/dense.ts";
import { requireInteger } from "../options.ts";
import { maxPool2d } from "../nn/pooling.ts";
import { Sequential, type SequentialOptions } from "../nn/sequential.ts";

/** Options of {@linkcode alexnet}. */
export interface AlexNetOptions {
  /** Number of classes, at least 2. Default 10. */
  classes?: number;
  /** Dropout rate after the two large dense layers, in [0, 1). Default 0.5. */
  dropout?: number;
  /** Seed of the first weights and of dropout, an integer in [0, 2^32). Default 0. */
  seed?: number;
  /** Height and width of the images. Default 224; at least 67. */
  imageSize?: number;
  /** Channels of the images. Default 1. */
  channels?: number;
}

/**
 * AlexNet (Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", 2012) as
 * Dive into Deep Learning teaches it on Fashion-MNIST: 46,764,746 parameters for 224x224x1 images and 10 classes.
 *
 * @example
 * ```ts
 * import { alexnet, initBackend } from "@x/alexnet";
 *
 * await initBackend();
 * const net = alexnet({ classes: 10, dropout: 0.5, seed: 42 });
 * for (const row of net.summary([1, 224, 224, 1])) console.log(row);
 * ```
 *
 * @param options Classes, dropout, seed and image size.
 * @returns The network, with new weights on the device in use.
 * @throws {OptionError} If an option is out of its range.
 * @throws {ShapeError} If the images are too small for the layers.
 * @throws {BackendError} If no device is ready.
 */
export function alexnet(options: AlexNetOptions = {}): Sequential {
  return new Sequential({ ...alexnetLayers(options), seed: options.seed });
}

/** The layers of {@linkcode alexnet}, without weights and without a device. */
export function alexnetLayers(options: AlexNetOptions = {}): SequentialOptions {
  const { classes = 10, dropout: rate = 0.5, imageSize = 224 } = options;
  const { channels = 1 } = options;
  const size = requireInteger("imageSize", imageSize);
  const activation = "relu";
  return {
    inputShape: [size, size, requireInteger("channels", channels)],
    layers: [
      conv2d({ filters: 96, kernelSize: 11, strides: 4, activation }),
      maxPool2d({ poolSize: 3, strides: 2 }),
      conv2d({ filters: 256, kernelSize: 5, padding: "same", activation }),
      maxPool2d({ poolSize: 3, strides: 2 }),
      conv2d({ filters: 384, kernelSize: 3, padding: "same", activation }),
      conv2d({ filters: 384, kernelSize: 3, padding: "same", activation }),
      conv2d({ filters: 256, kernelSize: 3, padding: "same", activation }),
      maxPool2d({ poolSize: 3, strides: 2 }),
      flatten(),
      dense({ units: 4096, activation }),
      dropout({ rate }),
      dense({ units: 4096, activation }),
      dropout({ rate }),
      dense({ units: requireInteger("classes", classes, { min: 2 }) }),
    ],
  };
}
