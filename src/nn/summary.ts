/**
 * The layer table of a network.
 *
 * @module
 */

import type { Layer, WeightSpec } from "./layer.ts";
import { type Shape, sizeOf } from "./shape.ts";

/** A row of the layer table. */
export interface LayerSummary {
  /** Kind and number among its kind, for example "conv2d_1". */
  readonly name: string;
  /** Kind of layer. */
  readonly kind: string;
  /** Shape of the output with the batch dimension first. */
  readonly outputShape: Shape;
  /** Number of weights and biases. */
  readonly params: number;
  /** Multiply-adds of the forward pass for one image. */
  readonly macs: number;
}

/** A layer in its network, with the weights that it needs there. Shapes are without the batch dimension. */
export interface PlacedLayer extends LayerSummary {
  /** The weights that it needs. */
  readonly weights: readonly WeightSpec[];
}

/** Names layers by their kind and their number among it, for example "conv2d_1". */
function nameLayers(layers: readonly Layer[]): string[] {
  const counts = new Map<string, number>();
  return layers.map(({ kind }) => {
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    return `${kind}_${count}`;
  });
}

/**
 * Follows the shape of an image through a list of layers.
 *
 * @throws {ShapeError} If a layer cannot take what the one before it gives.
 */
export function summarize(
  layers: readonly Layer[],
  inputShape: Shape,
): PlacedLayer[] {
  const names = nameLayers(layers);
  let shape = inputShape;
  return layers.map((layer, i) => {
    const outputShape = layer.outputShape(shape);
    const weights = layer.weights(shape);
    const params = weights.reduce((sum, w) => sum + sizeOf(w.shape), 0);
    const macs = layer.macs(shape);
    shape = outputShape;
    return {
      name: names[i],
      kind: layer.kind,
      outputShape,
      params,
      macs,
      weights,
    };
  });
}
