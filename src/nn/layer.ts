/** What a layer is: a description without state, so that one list of layers can be built into many networks. */

import { device } from "../device/device.ts";
import type { Tensor } from "../device/tf.ts";
import { OptionError } from "../errors.ts";
import type { RandomSource } from "../random.ts";
import type { Shape, Window } from "./shape.ts";

/**
 * Gives the first values of a weight tensor.
 *
 * @param shape Shape of the weight.
 * @param source The random numbers to draw from.
 * @returns float32 values in row-major order.
 */
export type Initializer = (
  shape: Shape,
  source: RandomSource,
) => Float32Array<ArrayBuffer>;

/** A weight tensor that a layer needs. */
export interface WeightSpec {
  /** What the weight is, for example "kernel". */
  readonly name: "kernel" | "bias";
  /** Shape of the tensor: HWIO or `[in, out]` for kernels, `[out]` for biases. */
  readonly shape: Shape;
  /** Gives the first values. */
  readonly initializer: Initializer;
}

/** How to compute a forward pass for training. */
export interface ForwardOptions {
  /** Training step, from 0 over the run. */
  step: number;
  /** Index in the whole batch of the first image. */
  firstImage: number;
  /** What to store activations as and to read kernels as; float16 on WebGPU only. Default "float32". */
  precision?: Precision;
}

/** How a layer is being called. */
export interface CallContext {
  /** Whether dropout is on. */
  readonly training: boolean;
  /** Seed of the network's random numbers. */
  readonly seed: number;
  /** Training step, from 0 over the run: each has its own dropout masks. */
  readonly step: number;
  /** Index in the whole batch of the first image of this call, so that a split batch gets the same masks. */
  readonly firstImage: number;
  /** Index of the layer in its network. */
  readonly layerIndex: number;
  /** Whether the gradient by the layer's input is wanted. */
  readonly needsInputGradient: boolean;
  /** What to read kernels as and to store the output as, by a layer that `usesDevice`; others give float32. Default "float32". */
  readonly precision?: Precision;
}

/** What a pooling layer computes. */
export interface Pooling {
  /** What it computes of each window. */
  readonly kind: "max" | "average";
  /** Its size, steps and padding. */
  readonly window: Window;
}

/** A tensor that a layer makes on the way from its input to its output. */
export interface InnerTensor {
  /** Elements per input. */
  readonly size: number;
  /** A part of it begins at a multiple of so many inputs. */
  readonly step: number;
}

/**
 * A layer of a network. Images are `[batch, height, width, channels]`, feature vectors `[batch, features]`: float32 or, for
 * layers that `usesDevice`, maybe float16.
 */
export interface Layer {
  /** Kind of layer, for example "conv2d"; layers are named after it. */
  readonly kind: string;
  /** Its options as plain data, with which it can be exported. A layer of your own, which no format knows, has none. */
  readonly config?: LayerConfig;
  /**
   * Works out the shape of the output.
   *
   * @param input Shape of one input.
   * @returns Shape of one output.
   * @throws {ShapeError} If the layer cannot take such an input.
   */
  outputShape(input: Shape): Shape;
  /**
   * Lists the weights.
   *
   * @param input Shape of one input.
   * @returns The weights that the layer needs for it, kernel then bias; none for most layers.
   */
  weights(input: Shape): readonly WeightSpec[];
  /**
   * Counts multiply-adds.
   *
   * @param input Shape of one input.
   * @returns Multiply-adds of the forward pass for one input; 0 where the layer multiplies no weights.
   */
  macs(input: Shape): number;
  /**
   * Computes the layer. Called inside a `tidy`.
   *
   * @param x Inputs, with the batch dimension first.
   * @param weights Tensors in the order of `weights`.
   * @param context How the layer is being called.
   * @returns Outputs, with the batch dimension first.
   */
  apply(x: Tensor, weights: readonly Tensor[], context: CallContext): Tensor;
  /**
   * Joins the layer with the next one, where both together can be one operation of the device.
   *
   * @param next The layer after this one.
   * @returns A layer that does the work of both with the weights of this one, or `undefined`.
   */
  fuseWith?(next: Layer): Layer | undefined;
  /**
   * Describes the tensor that the layer makes on the way to its output, if it can make it part by part.
   *
   * @param input Shape of one input.
   * @returns Size and parts of the tensor.
   */
  inner?(input: Shape): InnerTensor;
  /** What a pooling layer computes, and of which windows; `undefined` for other layers. */
  readonly pooling?: Pooling;
  /** The rate of a dropout layer; `undefined` for other layers. */
  readonly dropoutRate?: number;
  /**
   * Whether the layer is made of operations of the device (`device/device.ts`) alone, which may read and give float16. Any other
   * layer is made of TensorFlow.js's operations, and gets float32. Default false.
   */
  readonly usesDevice?: boolean;
}

/** Name of an activation; "linear" is none. */
export type Activation = "linear" | "relu" | "sigmoid";

/** A convolution with bias. */
export interface Conv2dConfig extends Window {
  /** Which layer. */
  readonly kind: "conv2d";
  /** Number of output channels. */
  readonly filters: number;
  /** Applied to the sum. */
  readonly activation: Activation;
}

/** A pooling; padding never counts as a value. */
export interface PoolingConfig extends Window {
  /** Which layer. */
  readonly kind: "max_pool2d" | "average_pool2d";
}

/** A matrix product with bias. */
export interface DenseConfig {
  /** Which layer. */
  readonly kind: "dense";
  /** Number of outputs. */
  readonly units: number;
  /** Applied to the sum. */
  readonly activation: Activation;
}

/** A dropout. */
export interface DropoutConfig {
  /** Which layer. */
  readonly kind: "dropout";
  /** Probability that a value becomes zero in training. */
  readonly rate: number;
}

/** A layer without options. */
export interface PlainConfig {
  /** Which layer. */
  readonly kind: "flatten" | "relu" | "sigmoid";
}

/** The options of a layer, all of them written out, as plain data. */
export type LayerConfig =
  | Conv2dConfig
  | PoolingConfig
  | DenseConfig
  | DropoutConfig
  | PlainConfig;

/**
 * How training stores activations, their gradients and the gradients of dense kernels, and how it reads kernels. Sums, weights
 * and the gradients that `lossAndGradients` gives are float32 all the same.
 */
export type Precision = "float32" | "float16";

/** The values of {@linkcode Precision}. */
export const PRECISIONS: readonly Precision[] = ["float32", "float16"];

/** Checks that there is such a precision, and that the device in use can train in it. */
export function requirePrecision(precision: Precision): void {
  if (!PRECISIONS.includes(precision)) {
    const names = PRECISIONS.join(" or ");
    throw new OptionError("precision", precision, names);
  }
  const features = device().info.adapter?.features ?? [];
  if (precision === "float16" && !features.includes("shader-f16")) {
    throw new OptionError(
      "precision",
      precision,
      "float32 on this device, as float16 needs a WebGPU adapter that has shader-f16",
    );
  }
}
