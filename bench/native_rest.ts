/**
 * What AlexNet's training step on the CPU consists of besides convolutions and products of matrices.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import { tf } from "../src/device/tf.ts";
import { asTensor } from "../src/device/tape.ts";
import { device } from "../src/device/device.ts";
import {
  activateInPlace,
  nativeActivationGradient,
  nativeUnary,
  sumOfRows,
} from "../src/device/onednn/elementwise.ts";
import { nativePool, nativePoolGradient } from "../src/device/onednn/pool.ts";
import { poolSizes } from "../src/device/sizes.ts";
import type { DropoutConfig, PoolingConfig } from "../src/nn/layer.ts";
import type { Sequential } from "../src/nn/sequential.ts";
import { type Shape, sizeOf } from "../src/nn/shape.ts";
import { sgd } from "../src/optim/sgd.ts";
import { STREAMS } from "../src/random.ts";
import { type AlexNetLayer, placedLayers } from "./alexnet_products.ts";
import type { NativeCall, NativeOperands } from "./native_call.ts";

/** So small that the network stays what it is, however often it is updated. */
const LEARNING_RATE = 1e-12;

const FLOAT_BYTES = 4;

interface Context {
  readonly operands: NativeOperands;
  readonly batch: number;
}

/**
 * Lists relu and pooling with their gradients, gradients of biases, dropout, loss and SGD. The CPU must be in use, with its library.
 *
 * @param net AlexNet, whose weights SGD changes by less than 1e-12 a call.
 * @param operands What to compute with.
 * @param batch Images of the step.
 * @returns The calls, layer by layer, then those of the whole network.
 */
export function nativeRest(
  net: Sequential,
  operands: NativeOperands,
  batch: number,
): NativeCall[] {
  const context = { operands, batch };
  const placed = placedLayers();
  const ofLayers = placed.flatMap((layer, i) =>
    ofLayer(layer, placed[i + 1], context)
  );
  const { outputShape } = placed.at(-1)!;
  return [
    ...ofLayers,
    loss(outputShape, context),
    update(net, operands),
  ];
}

function ofLayer(
  layer: AlexNetLayer,
  next: AlexNetLayer | undefined,
  context: Context,
): NativeCall[] {
  const { config } = layer;
  switch (config.kind) {
    case "max_pool2d":
      return pooling(layer, config, context);
    case "dropout":
      return dropout(layer, config, context);
    case "conv2d": {
      // Where pooling follows, its gradient is computed last, which leaves less to compute.
      const isPooled = next?.config.kind === "max_pool2d";
      const { outputShape } = isPooled ? next : layer;
      return [
        relu(layer, context),
        reluGradient({ ...layer, outputShape }, context),
      ];
    }
    case "dense":
      return [
        ...config.activation === "relu"
          ? [relu(layer, context), reluGradient(layer, context)]
          : [],
        biasGradient(layer, context),
      ];
    default:
      return [];
  }
}

/** The gradient reads a byte for each largest value: its place in the window. */
function pooling(
  { name, inputShape, outputShape }: AlexNetLayer,
  { size, strides, padding }: PoolingConfig,
  { operands, batch }: Context,
): NativeCall[] {
  const inShape = [batch, ...inputShape];
  const outShape = [batch, ...outputShape];
  const sizes = poolSizes({
    ...{ inShape, filterSize: size, strides, pad: padding },
  });
  const x = operands.left(inShape);
  const dy = operands.right(outShape);
  const forward = () => nativePool(x, "max", sizes);
  let places: TensorInfo | undefined;
  const shared = {
    ...{ layer: name, sizes: format(inShape) },
    gigabytes: floats(inShape, outShape) + sizeOf(outShape) / 1e9,
  };
  return [{
    ...{ ...shared, operation: "forward" },
    compute() {
      const { pooled, places } = forward();
      return [pooled, places!];
    },
  }, {
    ...{ ...shared, operation: "gradient" },
    compute() {
      places ??= forward().places;
      return [nativePoolGradient({ dy, places }, sizes)];
    },
  }];
}

/** The operand is changed where it is; NaN is looked for before, which reads it once more. */
function relu(
  { name, outputShape }: AlexNetLayer,
  { operands, batch }: Context,
): NativeCall {
  const shape = [batch, ...outputShape];
  const x = operands.left(shape);
  return {
    ...{ layer: name, operation: "relu", sizes: format(shape) },
    gigabytes: floats(shape, shape, shape),
    compute() {
      activateInPlace(x, "relu");
      return [];
    },
  };
}

function reluGradient(
  { name, outputShape }: AlexNetLayer,
  { operands, batch }: Context,
): NativeCall {
  const shape = [batch, ...outputShape];
  const [y, dy] = [operands.left(shape), operands.right(shape)];
  return {
    ...{ layer: name, operation: "relu gradient", sizes: format(shape) },
    gigabytes: floats(shape, shape, shape),
    compute: () => [nativeActivationGradient({ dy, y }, "relu")],
  };
}

function biasGradient(
  { name, outputShape }: AlexNetLayer,
  { operands, batch: rows }: Context,
): NativeCall {
  const [columns] = outputShape;
  const shape = [rows, columns];
  const dy = operands.right(shape);
  return {
    ...{ layer: name, operation: "bias gradient", sizes: format(shape) },
    gigabytes: floats(shape, outputShape),
    compute: () => [sumOfRows(dy, { rows, columns })],
  };
}

/** The gradient is of what was not dropped, as the gradient of relu has left zeros elsewhere. */
function dropout(
  { name, outputShape }: AlexNetLayer,
  { rate }: DropoutConfig,
  { operands, batch }: Context,
): NativeCall[] {
  const shape = [batch, ...outputShape];
  const x = asTensor(operands.left(shape));
  const dy = operands.right(shape);
  const key = { seed: 0, stream: STREAMS.dropout };
  const shared = {
    ...{ layer: name, sizes: format(shape), gigabytes: floats(shape, shape) },
  };
  return [{
    ...{ ...shared, operation: "forward" },
    compute: () => [device().dropout(x, { rate, key })],
  }, {
    ...{ ...shared, operation: "gradient" },
    compute: () => [nativeUnary(dy, "linear", 1 / (1 - rate))],
  }];
}

function loss(
  [classes]: Shape,
  { operands, batch }: Context,
): NativeCall {
  const shape = [batch, classes];
  const logits = operands.left(shape);
  const labels = tf.tensor1d(
    Array.from({ length: batch }, (_, i) => i % classes),
    "int32",
  );
  return {
    ...{ layer: "", operation: "loss and its gradient", sizes: format(shape) },
    compute() {
      const results = device().crossEntropy({ logits, labels }, batch);
      return [results.loss, results.correct, results.gradient];
    },
  };
}

function update(net: Sequential, operands: NativeOperands): NativeCall {
  const weights = net.getWeights();
  const shapes = weights.map(({ shape }) => shape);
  const gradients = shapes.map((shape) => asTensor(operands.right(shape)));
  const optimizer = sgd({ learningRate: LEARNING_RATE });
  const parameters = weights.reduce((sum, { size }) => sum + size, 0);
  return {
    ...{ layer: "", operation: "SGD", sizes: `${parameters} parameters` },
    gigabytes: 3 * parameters * FLOAT_BYTES / 1e9,
    compute() {
      optimizer.apply(weights, gradients);
      return [];
    },
  };
}

function format(shape: Shape): string {
  return shape.join("x");
}

/** 10^9 bytes of float32 tensors. */
function floats(...shapes: readonly Shape[]): number {
  const size = shapes.reduce((sum, shape) => sum + sizeOf(shape), 0);
  return size * FLOAT_BYTES / 1e9;
}
