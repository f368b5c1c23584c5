/**
 * A network as other formats need it: its layers as data, with the shapes of their inputs and weights.
 *
 * @module
 */

import { ShapeError } from "../../errors.ts";
import type { LayerConfig } from "../../nn/layer.ts";
import { type SequentialOptions, summarize } from "../../nn/sequential.ts";
import { type Shape, sizeOf } from "../../nn/shape.ts";
import type { Checkpoint } from "../checkpoint.ts";
import { layersOf, networkIn } from "../network.ts";
import type { NamedTensor } from "../safetensors.ts";

/** A layer of a network. */
export interface DescribedLayer {
  /** For example "conv2d_1". */
  readonly name: string;
  readonly config: LayerConfig;
  /** Shape of one input. */
  readonly input: Shape;
  /** Kernel, then bias; names are like "conv2d_1.kernel". */
  readonly weights: readonly { readonly name: string; readonly shape: Shape }[];
}

/** A network without its weights. */
export interface DescribedNetwork {
  readonly name: string;
  /** Shape of one image, `[height, width, channels]`. */
  readonly inputShape: Shape;
  /** Shape of one output, `[classes]`. */
  readonly outputShape: Shape;
  readonly layers: readonly DescribedLayer[];
}

/** Describes the network of a checkpoint. */
export function describeNetwork(
  checkpoint: Pick<Checkpoint, "config" | "network">,
): DescribedNetwork {
  const { config: { model } } = checkpoint;
  return describeLayers(model, layersOf(networkIn(checkpoint)));
}

/** Describes any list of layers. */
export function describeLayers(
  name: string,
  { layers, inputShape }: Pick<SequentialOptions, "layers" | "inputShape">,
): DescribedNetwork {
  let input: Shape = inputShape;
  const described = summarize(layers, inputShape).map((placed, i) => {
    const { name, outputShape, weights } = placed;
    const { config } = layers[i];
    if (config === undefined) {
      throw new ShapeError(
        `Cannot describe layer ${name}: its kind has no \`config\``,
      );
    }
    const named = weights.map((w) => ({ ...w, name: `${name}.${w.name}` }));
    const layer = { name, config, input, weights: named };
    input = outputShape;
    return layer;
  });
  return { name, inputShape, outputShape: input, layers: described };
}

/** Most dimensions of a tensor. */
const RANK = 4;

/** Copies the values of a tensor for another order of its dimensions: dimension `i` of the result is `order[i]` of the tensor. */
export function permute(
  { shape, values }: NamedTensor,
  order: readonly number[],
): Float32Array<ArrayBuffer> {
  const missing = Array(RANK - shape.length);
  const [n0, n1, n2, n3] = [...missing.fill(1), ...order.map((d) => shape[d])];
  const strides = order.map((d) => sizeOf(shape.slice(d + 1)));
  const [s0, s1, s2, s3] = [...missing.fill(0), ...strides];
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
  return result;
}
