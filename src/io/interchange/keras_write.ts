/**
 * Writes layers as Keras does, for TensorFlow.js's layers format.
 *
 * @module
 */

import type { LayerConfig } from "../../nn/layer.ts";
import type { DescribedNetwork } from "./described.ts";

/**
 * Writes a network as a Keras model.
 *
 * @param network The network.
 * @returns A model of class `Sequential`, whose last layer gives logits, as here.
 */
export function toKeras(network: DescribedNetwork): object {
  const layers = network.layers.map(({ name, config }, i) => {
    const layer = _toKeras(config);
    const shape = { batch_input_shape: [null, ...network.inputShape] };
    return {
      class_name: layer.class_name,
      config: {
        name,
        trainable: true,
        dtype: "float32",
        ...(i === 0 ? shape : {}),
        ...layer.config,
      },
    };
  });
  return { class_name: "Sequential", config: { name: network.name, layers } };
}

interface KerasLayer {
  readonly class_name: string;
  readonly config: object;
}

function _toKeras(config: LayerConfig): KerasLayer {
  switch (config.kind) {
    case "conv2d": {
      const { filters, size, strides, padding, activation } = config;
      return {
        class_name: "Conv2D",
        config: {
          filters,
          kernel_size: size,
          strides,
          padding,
          data_format: "channels_last",
          dilation_rate: [1, 1],
          activation,
          use_bias: true,
        },
      };
    }
    case "max_pool2d":
    case "average_pool2d": {
      const { size, strides, padding } = config;
      return {
        class_name: config.kind === "max_pool2d"
          ? "MaxPooling2D"
          : "AveragePooling2D",
        config: {
          pool_size: size,
          strides,
          padding,
          data_format: "channels_last",
        },
      };
    }
    case "dense": {
      const { units, activation } = config;
      return {
        class_name: "Dense",
        config: { units, activation, use_bias: true },
      };
    }
    case "dropout":
      return { class_name: "Dropout", config: { rate: config.rate } };
    case "flatten":
      return { class_name: "Flatten", config: {} };
    default:
      return { class_name: "Activation", config: { activation: config.kind } };
  }
}
