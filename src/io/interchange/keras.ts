/**
 * Models as Keras describes them. One of a file that nobody vouches for is read: which layers it has, and whether a network
 * here computes the same. One of here is written, for TensorFlow.js's layers format.
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
 * Reads a model as Keras writes it: `modelTopology` of a file in TensorFlow.js's layers format. The message of an error
 * completes "Cannot read FILE: ...".
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
    layers.length > MAX_LAYERS || !layers.every(isLayer)
  ) throw new ShapeError("its modelTopology has no list of layers");
  const steps = layers.flatMap(({ class_name, config }) => {
    const name = showName(String(config.name));
    try {
      return layerSteps(class_name, config);
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
  return { inputShape: inputShapeOf(layers[0].config), weighted, steps };
}

/** Describes what a network here computes, as {@linkcode parseKeras} describes a Keras model. */
export function stepsOf(network: DescribedNetwork): string[] {
  return network.layers.flatMap(({ config }) => split(config));
}

function isLayer(
  value: unknown,
): value is { class_name: string; config: Config } {
  return isObject(value) && typeof value.class_name === "string" &&
    isObject(value.config) && typeof value.config.name === "string";
}

function inputShapeOf(config: Config): Shape {
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
function layerSteps(kind: string, config: Config): string[] {
  if (kind === "InputLayer" || kind === "Dropout") return [];
  if (kind === "Activation") return activationSteps(config.activation);
  if (kind === "ReLU" || kind === "Softmax") {
    requirePlain(config);
    return activationSteps(kind.toLowerCase());
  }
  const layer = makeLayer(kind, config);
  const hasActivation = kind === "Conv2D" || kind === "Dense";
  return [
    ...split(layer.config!),
    ...(hasActivation ? activationSteps(config.activation) : []),
  ];
}

/** The values that options of activation layers must have, so that they compute what those of here do. Keras may omit them. */
const PLAIN: readonly [option: string, values: readonly unknown[]][] = [
  ["max_value", [null]],
  ["negative_slope", [0, null]],
  ["threshold", [0, null]],
  // Of images and classes: the second dimension is the last.
  ["axis", [-1, 1]],
];

function requirePlain(config: Config): void {
  for (const [option, values] of PLAIN) {
    if (option in config && !values.includes(config[option])) {
      throw new ShapeError(`its ${option} is not ${values[0]}`);
    }
  }
}

/** Makes a layer of here, which checks the options. */
function makeLayer(kind: string, config: Config): Layer {
  const { data_format: format = "channels_last", use_bias: hasBias = true } =
    config;
  if (format !== "channels_last") throw new ShapeError("not channels_last");
  if (hasBias !== true) throw new ShapeError("it has no bias");
  const strides = pairOf(config.strides ?? config.pool_size ?? 1);
  const padding = (config.padding ?? "valid") as Padding;
  const pool = () => ({ poolSize: pairOf(config.pool_size), strides, padding });
  switch (kind) {
    case "Flatten":
      return flatten();
    case "Dense":
      return dense({ units: config.units as number });
    case "Conv2D":
      if (
        `${pairOf(config.dilation_rate ?? 1)}` !== "1,1" ||
        (config.groups ?? 1) !== 1
      ) {
        throw new ShapeError("it has dilation or groups");
      }
      return conv2d({
        filters: config.filters as number,
        kernelSize: pairOf(config.kernel_size),
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

function activationSteps(name: unknown = "linear"): string[] {
  if (name === "linear") return [];
  if (name === "softmax") return ["softmax"];
  const layer = [relu(), sigmoid()].find(({ kind }) => kind === name);
  if (layer !== undefined) return split(layer.config!);
  const shown = typeof name === "string" ? name : JSON.stringify(name);
  throw new ShapeError(`its activation is ${showName(shown)}`);
}

function pairOf(size: unknown): [number, number] {
  const pair = Array.isArray(size) ? size : [size, size];
  if (areCounts(pair) && pair.length === 2) return [pair[0], pair[1]];
  throw new ShapeError("it has a size that is not two numbers");
}

/** The steps of a layer: an activation is a step of its own, and dropout is no step. */
function split(config: LayerConfig): string[] {
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

/** Writes a network as a Keras model of class `Sequential`, whose last layer gives logits, as here. */
export function toKeras(network: DescribedNetwork): object {
  const layers = network.layers.map(({ name, config }, i) => {
    const layer = kerasLayer(config);
    const shape = { batch_input_shape: [null, ...network.inputShape] };
    return {
      class_name: layer.class_name,
      config: {
        name,
        trainable: true,
        dtype: "float32",
        ...(i === 0 ? shape : {}),
        ...layer.config,
      },
    };
  });
  return { class_name: "Sequential", config: { name: network.name, layers } };
}

interface KerasLayer {
  readonly class_name: string;
  readonly config: object;
}

function kerasLayer(config: LayerConfig): KerasLayer {
  switch (config.kind) {
    case "conv2d": {
      const { filters, size, strides, padding, activation } = config;
      return {
        class_name: "Conv2D",
        config: {
          filters,
          kernel_size: size,
          strides,
          padding,
          data_format: "channels_last",
          dilation_rate: [1, 1],
          activation,
          use_bias: true,
        },
      };
    }
    case "max_pool2d":
    case "average_pool2d": {
      const { size, strides, padding } = config;
      return {
        class_name: config.kind === "max_pool2d"
          ? "MaxPooling2D"
          : "AveragePooling2D",
        config: {
          pool_size: size,
          strides,
          padding,
          data_format: "channels_last",
        },
      };
    }
    case "dense": {
      const { units, activation } = config;
      return {
        class_name: "Dense",
        config: { units, activation, use_bias: true },
      };
    }
    case "dropout":
      return { class_name: "Dropout", config: { rate: config.rate } };
    case "flatten":
      return { class_name: "Flatten", config: {} };
    default:
      return { class_name: "Activation", config: { activation: config.kind } };
  }
}
