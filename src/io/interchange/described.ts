/**
 * A network as what other formats need to know of it: layers as data, in their places, and weights with their dimensions in
 * another order.
 *
 * @module
 */

import { ShapeError } from "../../errors.ts";
import { namedLayers } from "../../models/named.ts";
import type { LayerConfig } from "../../nn/layer.ts";
import { type SequentialOptions, summarize } from "../../nn/sequential.ts";
import type { Shape } from "../../nn/shape.ts";
import type { ModelConfig } from "../model_config.ts";
import type { NamedTensor } from "../safetensors.ts";

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

/** Describes a network. */
export function describeNetwork(config: ModelConfig): DescribedNetwork {
  return describeLayers(config.model, namedLayers(config));
}

/** Describes any list of layers. */
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
      config: configOf(name, layers[i].config),
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

function configOf(name: string, config: LayerConfig | undefined): LayerConfig {
  if (config !== undefined) return config;
  throw new ShapeError(
    `Cannot describe layer ${name}: its kind has no \`config\``,
  );
}

/** Most dimensions of a tensor. */
const RANK = 4;

/**
 * Copies a tensor of at most four dimensions, whose dimensions are then in another order: for each, which one of the
 * tensor it is.
 */
export function permute(
  tensor: NamedTensor,
  order: readonly number[],
): NamedTensor {
  const { shape, values } = tensor;
  const strides = shape.map((_, d) =>
    shape.slice(d + 1).reduce((product, n) => product * n, 1)
  );
  const missing = Array(RANK - shape.length);
  const [n0, n1, n2, n3] = [...missing.fill(1), ...order.map((d) => shape[d])];
  const [s0, s1, s2, s3] = [
    ...missing.fill(0),
    ...order.map((d) => strides[d]),
  ];
  const result = new Float32Array(values.length);
  let i = 0;
  for (let a = 0; a < n0; a++) {
    for (let b = 0; b < n1; b++) {
      for (let c = 0; c < n2; c++) {
        const start = a * s0 + b * s1 + c * s2;
        for (let d = 0; d < n3; d++) result[i++] = values[start + d * s3];
      }
    }
  }
  return { shape: order.map((d) => shape[d]), values: result };
}
