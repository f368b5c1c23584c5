/**
 * Networks: layers, and lists of layers with their weights.
 *
 * ```ts
 * import { initBackend } from "@x/alexnet";
 * import { conv2d, dense, flatten, Sequential } from "@x/alexnet/nn";
 *
 * await initBackend();
 * const net = new Sequential({
 *   inputShape: [28, 28, 1],
 *   layers: [
 *     conv2d({ filters: 8, kernelSize: 5, activation: "relu" }),
 *     flatten(),
 *     dense({ units: 10 }),
 *   ],
 * });
 * for (const row of net.summary()) console.log(row.name, row.outputShape);
 * ```
 *
 * @module
 */

export { relu, sigmoid } from "./activation.ts";
export { conv2d, type Conv2dOptions } from "./conv2d.ts";
export {
  dense,
  type DenseOptions,
  dropout,
  type DropoutOptions,
  flatten,
} from "./dense.ts";
export { xavierUniform, zeros } from "./initializers.ts";
export type {
  Activation,
  CallContext,
  Conv2dConfig,
  DenseConfig,
  DropoutConfig,
  ForwardOptions,
  Initializer,
  InnerTensor,
  Layer,
  LayerConfig,
  PlainConfig,
  Pooling,
  PoolingConfig,
  Precision,
  WeightSpec,
} from "./layer.ts";
export { countCorrect, softmaxCrossEntropy } from "./loss.ts";
export { averagePool2d, maxPool2d, type Pool2dOptions } from "./pooling.ts";
export {
  type LayerSummary,
  Sequential,
  type SequentialOptions,
} from "./sequential.ts";
export type { Padding, Shape, Size2d, Window } from "./shape.ts";
export type { RandomSource } from "../random.ts";
