/**
 * What a training step of AlexNet multiplies: its layers with weights, and the products of matrices that they come to where
 * convolutions are computed by im2col.
 *
 * @module
 */

import { alexnetLayers } from "../src/models/alexnet.ts";
import type {
  Conv2dConfig,
  DenseConfig,
  LayerConfig,
} from "../src/nn/layer.ts";
import { type Shape, sizeOf } from "../src/nn/shape.ts";
import { summarize } from "../src/nn/sequential.ts";

/** A layer in its place. Shapes are without the batch dimension. */
export interface AlexNetLayer {
  /** As in the layer table, for example "conv2d_1". */
  readonly name: string;
  /** The options of the layer. */
  readonly config: LayerConfig;
  /** `[height, width, channels]` or `[features]`. */
  readonly inputShape: Shape;
  /** `[outHeight, outWidth, channels]` or `[features]`. */
  readonly outputShape: Shape;
  /** HWIO or `[in, out]`, where there is a kernel. */
  readonly kernelShape?: Shape;
  /** Multiply-adds of the forward pass for one image. */
  readonly macs: number;
}

/** A layer that multiplies. */
export interface WeightedLayer extends AlexNetLayer {
  /** Filters, window, strides and padding; or units. */
  readonly config: Conv2dConfig | DenseConfig;
  readonly kernelShape: Shape;
  /** The images need no gradient. */
  readonly needsInputGradient: boolean;
}

/** A product `[rows, depth]` by `[depth, columns]`, computed in parts of equal size. */
export interface Product {
  /** Layer and pass, for example "conv2d_2 filter gradient". */
  readonly name: string;
  /** The layer. */
  readonly layer: WeightedLayer;
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  /** Whether the left operand is stored as `[depth, rows]`. */
  readonly transposeA: boolean;
  /** Whether the right operand is stored as `[columns, depth]`. */
  readonly transposeB: boolean;
  /** How many of these make up the batch. */
  readonly parts: number;
  /** Whether the parts are summed, and not put one below the other. */
  readonly isSum: boolean;
  /** 10^9 floating-point operations of all parts, a multiply-add counting as two. */
  readonly gflop: number;
}

const FLOAT_BYTES = 4;

/**
 * Lists the layers of AlexNet.
 *
 * @returns The layers, first to last.
 */
export function placedLayers(): AlexNetLayer[] {
  const { layers, inputShape } = alexnetLayers();
  const rows = summarize(layers, inputShape);
  return rows.map(({ name, outputShape, weights, macs }, i) => ({
    ...{ name, config: layers[i].config!, outputShape, macs },
    inputShape: i === 0 ? inputShape : rows[i - 1].outputShape,
    kernelShape: weights[0]?.shape,
  }));
}

/**
 * Lists what multiplies in AlexNet.
 *
 * @returns The layers with weights, first to last.
 */
export function weightedLayers(): WeightedLayer[] {
  const weighted = placedLayers().flatMap(({ config, ...layer }) =>
    config.kind === "conv2d" || config.kind === "dense"
      ? [{ ...layer, config, kernelShape: layer.kernelShape! }]
      : []
  );
  return weighted.map((layer, i) => ({ ...layer, needsInputGradient: i > 0 }));
}

/**
 * Lists the products of a training step. A convolution multiplies the matrix of its patches, a row per place of the output,
 * and makes the patches' gradients; it takes as many images at a time as leave that matrix small.
 *
 * @param batch Images of the step.
 * @param options Most bytes of a matrix of patches. Default 64 MiB.
 * @returns The products, layer by layer: forward, gradient of the weights, gradient of the input.
 */
export function alexnetProducts(
  batch: number,
  { maxPatchBytes = 64 * 2 ** 20 }: { maxPatchBytes?: number } = {},
): Product[] {
  return weightedLayers().flatMap((layer) => {
    const columns = layer.kernelShape.at(-1)!;
    const depth = sizeOf(layer.kernelShape) / columns;
    const isConv = layer.config.kind === "conv2d";
    const places = sizeOf(layer.outputShape) / columns;
    const images = isConv
      ? largestDivisor(batch, maxPatchBytes / (places * depth * FLOAT_BYTES))
      : batch;
    const rows = images * places;
    const shared = {
      ...{ layer, parts: batch / images, gflop: 2 * layer.macs * batch / 1e9 },
      ...{ transposeA: false, transposeB: false, isSum: false },
    };
    const forward: Product = {
      ...{ ...shared, rows, columns, depth },
      name: `${layer.name} forward`,
    };
    const kernelGradient: Product = {
      ...{ ...shared, rows: depth, columns, depth: rows },
      name: `${layer.name} ${isConv ? "filter" : "kernel"} gradient`,
      ...{ transposeA: true, isSum: true },
    };
    const inputGradient: Product = {
      ...{ ...shared, rows, columns: depth, depth: columns },
      name: `${layer.name} input gradient`,
      transposeB: true,
    };
    return layer.needsInputGradient
      ? [forward, kernelGradient, inputGradient]
      : [forward, kernelGradient];
  });
}

/** The largest divisor of a number that is at most `limit`; at least 1. */
function largestDivisor(number: number, limit: number): number {
  let divisor = Math.max(1, Math.min(number, Math.floor(limit)));
  while (number % divisor > 0) divisor--;
  return divisor;
}
