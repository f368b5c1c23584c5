/**
 * Layers as plain data, from which a file format can describe them.
 *
 * @module
 */

import type { Window } from "./window.ts";

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
