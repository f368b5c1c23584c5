/** Layers from the plain data that describes them. */

import { ShapeError } from "../errors.ts";
import { relu, sigmoid } from "./activation.ts";
import { conv2d } from "./conv2d.ts";
import { dense, dropout, flatten } from "./dense.ts";
import type { Layer, LayerConfig } from "./layer.ts";
import { averagePool2d, maxPool2d } from "./pooling.ts";

/** Makes a layer of each kind. Only the options of the kind are passed on, as a file may have anything beside them. */
const FACTORIES: {
  readonly [Kind in LayerConfig["kind"]]: (
    config: LayerConfig & { readonly kind: Kind },
  ) => Layer;
} = {
  conv2d: ({ filters, size: kernelSize, strides, padding, activation }) =>
    conv2d({ filters, kernelSize, strides, padding, activation }),
  max_pool2d: ({ size: poolSize, strides, padding }) =>
    maxPool2d({ poolSize, strides, padding }),
  average_pool2d: ({ size: poolSize, strides, padding }) =>
    averagePool2d({ poolSize, strides, padding }),
  dense: ({ units, activation }) => dense({ units, activation }),
  dropout: ({ rate }) => dropout({ rate: Number(rate) }),
  flatten,
  relu,
  sigmoid,
};

/**
 * Makes the layer that has a configuration; its first weights are those of the default initializers. It checks what it is given:
 * an error of this package or a `TypeError` says what is wrong.
 */
export function layerOf(config: LayerConfig): Layer {
  const { kind } = config;
  if (!Object.hasOwn(FACTORIES, kind)) {
    throw new ShapeError(`there is no layer of kind ${kind}`);
  }
  return (FACTORIES[kind] as (config: LayerConfig) => Layer)(config);
}
