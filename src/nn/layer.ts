/**
 * What a layer is: a description without state, so that one list of layers can be built into many networks.
 *
 * @module
 */

import type { Tensor } from "../device/tf.ts";
import type { Initializer } from "./initializers.ts";
import type { LayerConfig } from "./layer_config.ts";
import type { Precision } from "./precision.ts";
import type { Shape } from "./shape.ts";
import type { Window } from "./window.ts";

/** A weight tensor that a layer needs. */
export interface WeightSpec {
  /** What the weight is, for example "kernel". */
  readonly name: "kernel" | "bias";
  /** Shape of the tensor: HWIO or `[in, out]` for kernels, `[out]` for biases. */
  readonly shape: Shape;
  /** Gives the first values. */
  readonly initializer: Initializer;
}

/** How to run a forward pass for training. */
export interface ForwardOptions {
  /** Training step, from 0 over the run. */
  step: number;
  /** Place in the whole batch of the first image. */
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
  /** Place in the whole batch of the first image of this call, so that a split batch gets the same masks. */
  readonly firstImage: number;
  /** Place of the layer in its network. */
  readonly layerIndex: number;
  /** Whether the gradient by the layer's input is wanted. */
  readonly needsInputGradient: boolean;
  /** What to read kernels as and to store the output as, by a layer that `usesDevice`; others give float32. Default "float32". */
  readonly precision?: Precision;
}

/** What a pooling layer computes. */
export interface Pooling {
  /** What it takes of each window. */
  readonly kind: "max" | "average";
  /** Its size, steps and padding. */
  readonly window: Window;
}

/** A tensor that a layer makes on its way. */
export interface InnerTensor {
  /** Elements per input. */
  readonly size: number;
  /** The multiple of inputs that its parts begin at. */
  readonly step: number;
}

/**
 * A layer of a network. Images are `[batch, height, width, channels]`, feature vectors `[batch, features]`: float32 or, for
 * layers that `usesDevice`, maybe float16.
 */
export interface Layer {
  /** Kind of layer, for example "conv2d"; layers are named after it. */
  readonly kind: string;
  /** Its options as plain data, by which it can be exported; a layer of one's own, which no format knows, has none. */
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
   * Where the layer makes a tensor that is neither its input nor its output, of which it can make a part at a time.
   *
   * @param input Shape of one input.
   * @returns The tensor.
   */
  inner?(input: Shape): InnerTensor;
  /** Where the layer is a pooling: which, and its window. */
  readonly pooling?: Pooling;
  /** Where the layer is a dropout: its rate. */
  readonly dropoutRate?: number;
  /**
   * Whether the layer consists of operations of the device (`device/device.ts`) alone, which may read and give float16. A layer
   * of TensorFlow.js's operations is given float32. Default false.
   */
  readonly usesDevice?: boolean;
}
