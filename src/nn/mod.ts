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

export { type Activation, relu, sigmoid } from "./activation.ts";
export { conv2d, type Conv2dOptions } from "./conv2d.ts";
export { dense, type DenseOptions, flatten } from "./dense.ts";
export { dropout, type DropoutOptions } from "./dropout.ts";
export { type Initializer, xavierUniform, zeros } from "./initializers.ts";
export type {
  CallContext,
  ForwardOptions,
  InnerTensor,
  Layer,
  Pooling,
  WeightSpec,
} from "./layer.ts";
export type {
  Conv2dConfig,
  DenseConfig,
  DropoutConfig,
  LayerConfig,
  PlainConfig,
  PoolingConfig,
} from "./layer_config.ts";
export type { Precision } from "./precision.ts";
export type { Shape } from "./shape.ts";
export { countCorrect, softmaxCrossEntropy } from "./loss.ts";
export { averagePool2d, maxPool2d, type Pool2dOptions } from "./pooling.ts";
export { Sequential, type SequentialOptions } from "./sequential.ts";
export type { LayerSummary } from "./summary.ts";
export type { Padding, Size2d, Window } from "./window.ts";
export type { RandomSource } from "../random.ts";
