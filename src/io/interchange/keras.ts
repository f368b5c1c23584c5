/**
 * Models as Keras describes them: reads what a model computes, to compare it with a network of this package, and writes a network
 * as a model.
 */

import { AlexNetError, ShapeError } from "../../errors.ts";
import { conv2d } from "../../nn/conv2d.ts";
import { dense, flatten } from "../../nn/dense.ts";
import type { Layer, LayerConfig } from "../../nn/layer.ts";
import { averagePool2d, maxPool2d } from "../../nn/pooling.ts";
import type { Padding, Shape } from "../../nn/shape.ts";
import { areCounts, isObject, showName } from "../files.ts";
import type { DescribedNetwork } from "../network.ts";

/** A Keras model. */
export interface KerasModel {
  /** Shape of one image, `[height, width, channels]`. */
  readonly inputShape: Shape;
  /** Names of the layers that have weights, first to last. */
  readonly weighted: readonly string[];
  /** What it computes, step by step, to be compared with {@linkcode stepsOf}. */
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
    try {
      return layerSteps(class_name, config);
    } catch (error) {
      if (!(error instanceof AlexNetError)) throw error;
      const reason = showName(error.message, 200);
      throw new ShapeError(
        `its layer ${showName(config.name)} cannot be used: ${reason}`,
      );
    }
  });
  // Probabilities have the same weights as logits.
  if (steps.at(-1) === "softmax") steps.pop();
  const weighted = layers.filter((layer) => hasWeights(layer.class_name))
    .map(({ config }) => config.name);
  return { inputShape: inputShapeOf(layers[0].config), weighted, steps };
}

function isLayer(
  value: unknown,
): value is { class_name: string; config: Config & { name: string } } {
  return isObject(value) && typeof value.class_name === "string" &&
    isObject(value.config) && typeof value.config.name === "string";
}

function hasWeights(kind: string): boolean {
  return kind === "Conv2D" || kind === "Dense";
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
  const steps = splitLayer(makeLayer(kind, config).config!);
  if (hasWeights(kind)) steps.push(...activationSteps(config.activation));
  return steps;
}

/** The values that options of activation layers must have, so that they compute what our layers do. Keras may omit them. */
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

/** Makes one of our layers, which checks the options. */
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
      ) throw new ShapeError("it has dilation or groups");
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

function pairOf(size: unknown): [number, number] {
  const pair = Array.isArray(size) ? size : [size, size];
  if (areCounts(pair) && pair.length === 2) return [pair[0], pair[1]];
  throw new ShapeError("it has a size that is not two numbers");
}

/** Describes what a network computes, as {@linkcode parseKeras} describes a Keras model. */
export function stepsOf(network: DescribedNetwork): string[] {
  return network.layers.flatMap(({ config }) => splitLayer(config));
}

/** The steps of a layer: an activation is a step of its own, and dropout is no step. */
function splitLayer(config: LayerConfig): string[] {
  if (config.kind === "dropout") return [];
  if (!("activation" in config)) return [JSON.stringify(config)];
  const step = JSON.stringify({ ...config, activation: "linear" });
  return [step, ...activationSteps(config.activation)];
}

function activationSteps(name: unknown = "linear"): string[] {
  if (name === "linear") return [];
  if (name === "softmax") return ["softmax"];
  if (name === "relu" || name === "sigmoid") {
    return [JSON.stringify({ kind: name })];
  }
  const shown = typeof name === "string" ? name : JSON.stringify(name);
  throw new ShapeError(`its activation is ${showName(shown)}`);
}

/** Writes a network as a Keras model of class `Sequential`, whose last layer gives logits. */
export function toKeras(network: DescribedNetwork): object {
  const layers = network.layers.map(({ name, config }, i) => {
    const [kind, options] = kerasLayer(config);
    const shape = { batch_input_shape: [null, ...network.inputShape] };
    return {
      class_name: kind,
      config: {
        name,
        trainable: true,
        dtype: "float32",
        ...(i === 0 ? shape : {}),
        ...options,
      },
    };
  });
  return { class_name: "Sequential", config: { name: network.name, layers } };
}

function kerasLayer(config: LayerConfig): [kind: string, options: object] {
  switch (config.kind) {
    case "conv2d": {
      const { filters, size, strides, padding, activation } = config;
      return ["Conv2D", {
        filters,
        kernel_size: size,
        strides,
        padding,
        data_format: "channels_last",
        dilation_rate: [1, 1],
        activation,
        use_bias: true,
      }];
    }
    case "max_pool2d":
    case "average_pool2d": {
      const { kind, size, strides, padding } = config;
      return [kind === "max_pool2d" ? "MaxPooling2D" : "AveragePooling2D", {
        pool_size: size,
        strides,
        padding,
        data_format: "channels_last",
      }];
    }
    case "dense": {
      const { units, activation } = config;
      return ["Dense", { units, activation, use_bias: true }];
    }
    case "dropout":
      return ["Dropout", { rate: config.rate }];
    case "flatten":
      return ["Flatten", {}];
    default:
      return ["Activation", { activation: config.kind }];
  }
}
