/**
 * Reads a Keras model from a file that nobody vouches for: which layers it has, and whether a network here computes the
 * same.
 *
 * @module
 */

import { AlexNetError, ShapeError } from "../../errors.ts";
import { relu, sigmoid } from "../../nn/activation.ts";
import { conv2d } from "../../nn/conv2d.ts";
import { dense, flatten } from "../../nn/dense.ts";
import type { Activation, Layer, LayerConfig } from "../../nn/layer.ts";
import { averagePool2d, maxPool2d } from "../../nn/pooling.ts";
import type { Padding, Shape } from "../../nn/shape.ts";
import { areCounts, isObject, showName } from "../untrusted.ts";
import type { DescribedNetwork } from "./described.ts";

/** What a Keras model is. */
export interface KerasModel {
  /** Shape of one image, `[height, width, channels]`. */
  readonly inputShape: Shape;
  /** Names of the layers that have weights, first to last. */
  readonly weighted: readonly string[];
  /** What it computes, step by step, to be compared. */
  readonly steps: readonly string[];
}

/** Most layers of a model that is read. */
const MAX_LAYERS = 1000;

type Config = Record<string, unknown>;

/**
 * Reads a model.
 *
 * @param topology The model as Keras writes it: `modelTopology` of a file in TensorFlow.js's layers format.
 * @returns What it is.
 * @throws {ShapeError} If it is not a `Sequential` of known layers, in words to complete "Cannot read FILE: ...".
 */
export function parseKeras(topology: unknown): KerasModel {
  // Python writes the model within "model_config", TensorFlow.js does not.
  const model = isObject(topology) && isObject(topology.model_config)
    ? topology.model_config
    : topology;
  if (!isObject(model) || model.class_name !== "Sequential") {
    throw new ShapeError("its modelTopology is no model of class Sequential");
  }
  // Before Keras 2.2.3, the list stood where its object does now.
  const layers = isObject(model.config) ? model.config.layers : model.config;
  if (
    !Array.isArray(layers) || layers.length === 0 ||
    layers.length > MAX_LAYERS || !layers.every(_isLayer)
  ) throw new ShapeError("its modelTopology has no list of layers");
  const steps = layers.flatMap(({ class_name, config }) => {
    const name = showName(String(config.name));
    try {
      return _steps(class_name, config);
    } catch (error) {
      if (!(error instanceof AlexNetError)) throw error;
      throw new ShapeError(
        `its layer ${name} is none of here: ${showName(error.message, 200)}`,
      );
    }
  });
  // Probabilities have the same weights as logits.
  if (steps.at(-1) === "softmax") steps.pop();
  const weighted = layers.filter(({ class_name }) =>
    class_name === "Conv2D" || class_name === "Dense"
  ).map(({ config }) => String(config.name));
  return { inputShape: _inputShape(layers[0].config), weighted, steps };
}

/**
 * Describes what a network here computes, as {@linkcode parseKeras} describes a Keras model.
 *
 * @param network The network.
 * @returns Its steps.
 */
export function stepsOf(network: DescribedNetwork): string[] {
  return network.layers.flatMap(({ config }) => _split(config));
}

function _isLayer(
  value: unknown,
): value is { class_name: string; config: Config } {
  return isObject(value) && typeof value.class_name === "string" &&
    isObject(value.config) && typeof value.config.name === "string";
}

function _inputShape(config: Config): Shape {
  const shape = config.batch_input_shape ?? config.batch_shape;
  if (
    !Array.isArray(shape) || shape.length !== 4 || !areCounts(shape.slice(1))
  ) {
    throw new ShapeError(
      "its first layer has no batch_input_shape of [null, height, width, channels]",
    );
  }
  return shape.slice(1);
}

/** What a layer computes when training is over: none, one or, with an activation, two steps. */
function _steps(kind: string, config: Config): string[] {
  if (kind === "InputLayer" || kind === "Dropout") return [];
  if (kind === "Activation") return _activation(config.activation);
  if (kind === "ReLU" || kind === "Softmax") {
    _requirePlain(config);
    return _activation(kind.toLowerCase());
  }
  const layer = _layer(kind, config);
  const hasActivation = kind === "Conv2D" || kind === "Dense";
  return [
    ..._split(layer.config!),
    ...(hasActivation ? _activation(config.activation) : []),
  ];
}

/** Options of activations that are layers, and what they must be to compute what those of here do; Keras may leave them out. */
const PLAIN: readonly [option: string, values: readonly unknown[]][] = [
  ["max_value", [null]],
  ["negative_slope", [0, null]],
  ["threshold", [0, null]],
  // Of images and classes: the second dimension is the last.
  ["axis", [-1, 1]],
];

function _requirePlain(config: Config): void {
  for (const [option, values] of PLAIN) {
    if (option in config && !values.includes(config[option])) {
      throw new ShapeError(`its ${option} is not ${values[0]}`);
    }
  }
}

/** A layer of here checks the options as it does those of a caller. */
function _layer(kind: string, config: Config): Layer {
  const { data_format: format = "channels_last", use_bias: hasBias = true } =
    config;
  if (format !== "channels_last") throw new ShapeError("not channels_last");
  if (hasBias !== true) throw new ShapeError("it has no bias");
  const strides = _pair(config.strides ?? config.pool_size ?? 1);
  const padding = (config.padding ?? "valid") as Padding;
  const pool = () => ({ poolSize: _pair(config.pool_size), strides, padding });
  switch (kind) {
    case "Flatten":
      return flatten();
    case "Dense":
      return dense({ units: config.units as number });
    case "Conv2D":
      if (
        `${_pair(config.dilation_rate ?? 1)}` !== "1,1" ||
        (config.groups ?? 1) !== 1
      ) {
        throw new ShapeError("it has dilation or groups");
      }
      return conv2d({
        filters: config.filters as number,
        kernelSize: _pair(config.kernel_size),
        strides,
        padding,
      });
    case "MaxPooling2D":
      return maxPool2d(pool());
    case "AveragePooling2D":
      return averagePool2d(pool());
    default:
      throw new ShapeError(`its class is ${showName(kind)}`);
  }
}

function _activation(name: unknown = "linear"): string[] {
  if (name === "linear") return [];
  if (name === "softmax") return ["softmax"];
  const layer = [relu(), sigmoid()].find(({ kind }) => kind === name);
  if (layer !== undefined) return _split(layer.config!);
  const shown = typeof name === "string" ? name : JSON.stringify(name);
  throw new ShapeError(`its activation is ${showName(shown)}`);
}

function _pair(size: unknown): [number, number] {
  const pair = Array.isArray(size) ? size : [size, size];
  if (areCounts(pair) && pair.length === 2) return [pair[0], pair[1]];
  throw new ShapeError("it has a size that is not two numbers");
}

/** An activation is a step of its own, and dropout is none. */
function _split(config: LayerConfig): string[] {
  if (config.kind === "dropout") return [];
  const activation: Activation = "activation" in config
    ? config.activation
    : "linear";
  const step = "activation" in config
    ? { ...config, activation: "linear" }
    : config;
  return [
    JSON.stringify(step),
    ...(activation === "linear" ? [] : [JSON.stringify({ kind: activation })]),
  ];
}
