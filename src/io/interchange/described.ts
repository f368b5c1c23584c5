/**
 * A network as what other formats need to know of it: layers as data, in their places.
 *
 * @module
 */

import { ShapeError } from "../../errors.ts";
import { namedLayers } from "../../models/named.ts";
import type { LayerConfig } from "../../nn/layer.ts";
import type { Shape } from "../../nn/shape.ts";
import type { SequentialOptions } from "../../nn/sequential.ts";
import { summarize } from "../../nn/summary.ts";
import type { ModelConfig } from "../model_config.ts";

/** A layer in its place. */
export interface DescribedLayer {
  /** Its name, for example "conv2d_1". */
  readonly name: string;
  /** Its options. */
  readonly config: LayerConfig;
  /** Shape of one input. */
  readonly input: Shape;
  /** Its weights, kernel then bias: their names, for example "conv2d_1.kernel", and shapes. */
  readonly weights: readonly { readonly name: string; readonly shape: Shape }[];
}

/** A network without its weights. */
export interface DescribedNetwork {
  /** Name of the network. */
  readonly name: string;
  /** Shape of one image, `[height, width, channels]`. */
  readonly inputShape: Shape;
  /** Shape of one output, `[classes]`. */
  readonly outputShape: Shape;
  /** The layers, first to last. */
  readonly layers: readonly DescribedLayer[];
}

/**
 * Describes a network.
 *
 * @param config Which network.
 * @returns Its layers in their places.
 * @throws {ShapeError} If a layer cannot be described.
 */
export function describeNetwork(config: ModelConfig): DescribedNetwork {
  return describeLayers(config.model, namedLayers(config));
}

/**
 * Describes any list of layers.
 *
 * @param name A name for it.
 * @param network The layers, and the shape of one image.
 * @returns The layers in their places.
 * @throws {ShapeError} If a layer cannot be described, or cannot take what the one before it gives.
 */
export function describeLayers(
  name: string,
  network: Pick<SequentialOptions, "layers" | "inputShape">,
): DescribedNetwork {
  const { layers, inputShape } = network;
  let input: Shape = inputShape;
  const described = summarize(layers, inputShape).map((placed, i) => {
    const { name, outputShape, weights } = placed;
    const layer = {
      name,
      config: _configOf(name, layers[i].config),
      input,
      weights: weights.map((w) => ({ ...w, name: `${name}.${w.name}` })),
    };
    input = outputShape;
    return layer;
  });
  return {
    name,
    inputShape,
    outputShape: input,
    layers: described,
  };
}

function _configOf(name: string, config: LayerConfig | undefined): LayerConfig {
  if (config !== undefined) return config;
  throw new ShapeError(
    `Cannot describe layer ${name}: its kind has no \`config\``,
  );
}
