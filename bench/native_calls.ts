/**
 * AlexNet's training step on the CPU as single calls of native kernels, to be timed. They read random numbers that are there
 * before, and what they make is freed.
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import { asTensor } from "../src/device/tape.ts";
import { tf } from "../src/device/tf.ts";
import {
  nativeConv2d,
  nativeConv2dFilterGradient,
  nativeConv2dInputGradient,
} from "../src/device/onednn/conv2d.ts";
import {
  activateInPlace,
  nativeActivationGradient,
  nativeUnary,
  sumOfRows,
} from "../src/device/onednn/elementwise.ts";
import { device } from "../src/device/device.ts";
import { nativeMatmul } from "../src/device/onednn/matmul.ts";
import { nativePool, nativePoolGradient } from "../src/device/onednn/pool.ts";
import { cpuBackend, primitives } from "../src/device/onednn/tensors.ts";
import { convSizes, poolSizes } from "../src/device/sizes.ts";
import { alexnetLayers } from "../src/models/alexnet.ts";
import type {
  Conv2dConfig,
  DropoutConfig,
  LayerConfig,
  PoolingConfig,
} from "../src/nn/layer.ts";
import type { Sequential } from "../src/nn/sequential.ts";
import { type Shape, sizeOf } from "../src/nn/shape.ts";
import { summarize } from "../src/nn/sequential.ts";
import { sgd } from "../src/optim/sgd.ts";
import { STREAMS } from "../src/random.ts";
import type { HostTiming } from "./report.ts";

/** So small that the network stays what it is, however often it is updated. */
const LEARNING_RATE = 1e-12;

const FLOAT_BYTES = 4;

/** A layer of AlexNet. Shapes are without the batch dimension. */
interface AlexNetLayer {
  /** As in the layer table, for example "conv2d_1". */
  readonly name: string;
  readonly config: LayerConfig;
  readonly inputShape: Shape;
  readonly outputShape: Shape;
  /** HWIO or `[in, out]`; of layers without a kernel, empty. */
  readonly kernelShape: Shape;
  /** Multiply-adds of the forward pass for one image. */
  readonly macs: number;
}

/** A call of a native kernel, and how much it does. */
interface NativeCall extends Pick<HostTiming, "sizes" | "gflop" | "gigabytes"> {
  /** Name of the layer; empty where the call is not of one. */
  readonly layer: string;
  /** For example "filter gradient". */
  readonly operation: string;
  /** Computes new tensors. */
  readonly compute: () => readonly TensorInfo[];
}

/** Makes operands of given shapes, of numbers in [-0.5, 0.5). All left ones share memory, and so do all right ones. */
export interface NativeOperands {
  readonly left: (shape: Shape) => TensorInfo;
  readonly right: (shape: Shape) => TensorInfo;
}

/** What calls compute with. */
interface Context {
  readonly operands: NativeOperands;
  /** Images of the step. */
  readonly batch: number;
}

/** Lists the layers of AlexNet, first to last. */
export function placedLayers(): AlexNetLayer[] {
  const { layers, inputShape } = alexnetLayers();
  const rows = summarize(layers, inputShape);
  return rows.map(({ name, outputShape, weights, macs }, i) => ({
    name,
    config: layers[i].config!,
    inputShape: i === 0 ? inputShape : rows[i - 1].outputShape,
    outputShape,
    kernelShape: weights[0]?.shape ?? [],
    macs,
  }));
}

/** Makes memory for operands of at most `maxSize` elements. The CPU must be in use, with its library. */
export function makeOperands(maxSize: number): NativeOperands {
  const [left, right] = [0, 1].map(() => {
    const backend = cpuBackend();
    const values = backend.arrays.floats(maxSize);
    for (let i = 0; i < maxSize; i++) values[i] = Math.random() - 0.5;
    return (shape: Shape) =>
      backend.makeTensorInfo(
        [...shape],
        "float32",
        values.subarray(0, sizeOf(shape)),
      );
  });
  return { left, right };
}

/** Makes a timing of each call, named after layer and operation, which knows the library's implementation once it has run. */
export function timeCalls(calls: readonly NativeCall[]): HostTiming[] {
  // Layers of the same sizes share what the library has made ready.
  const known = new Map<string, string>();
  return calls.map(({ layer, operation, compute, ...work }) => {
    const key = `${operation} ${work.sizes}`;
    return {
      ...work,
      name: `${layer} ${operation}`.trim(),
      group: layer || operation,
      implementation: () => known.get(key) ?? "",
      run() {
        const isNew = !known.has(key);
        const before = isNew ? primitives.size : 0;
        for (const { dataId } of compute()) cpuBackend().disposeData(dataId);
        if (!isNew) return;
        const made = [...primitives.values()].slice(before)
          .map(({ implementation }) => implementation);
        known.set(key, [...new Set(made)].join(", "));
      },
    };
  });
}

/** Lists what multiplies, layer by layer: forward with bias, gradient of the kernel, gradient of the input. */
export function nativeProducts(
  operands: NativeOperands,
  batch: number,
): NativeCall[] {
  return placedLayers().flatMap((layer, i) => {
    const { name, config, inputShape, kernelShape, macs } = layer;
    const context = { operands, batch };
    const call = (
      operation: string,
      compute: () => readonly TensorInfo[],
    ): NativeCall => ({
      layer: name,
      operation,
      sizes: `${[batch, ...inputShape].join("x")} by ${kernelShape.join("x")}`,
      gflop: 2 * macs * batch / 1e9,
      compute,
    });
    if (config.kind === "dense") return dense(layer, call, context);
    if (config.kind !== "conv2d") return [];
    const calls = convolution(layer, { config, call, ...context });
    // The images need no gradient.
    return i === 0 ? calls.slice(0, -1) : calls;
  });
}

type MakeCall = (
  operation: string,
  compute: () => readonly TensorInfo[],
) => NativeCall;

function convolution(
  { inputShape, outputShape, kernelShape }: AlexNetLayer,
  { config, call, operands: { left, right }, batch }: Context & {
    config: Conv2dConfig;
    call: MakeCall;
  },
): NativeCall[] {
  const sizes = convSizes({
    inShape: [batch, ...inputShape],
    filterShape: kernelShape,
    strides: config.strides,
    pad: config.padding,
  });
  const x = left([batch, ...inputShape]);
  const filter = right(kernelShape);
  const bias = right([config.filters]);
  const dy = [left, right].map((make) => make([batch, ...outputShape]));
  return [
    call("forward", () => [nativeConv2d({ x, filter, bias }, sizes)]),
    call("filter gradient", () => {
      const gradients = nativeConv2dFilterGradient({ x, dy: dy[1] }, sizes);
      return [gradients.filter, gradients.bias];
    }),
    call("input gradient", () => [
      nativeConv2dInputGradient({ dy: dy[0], filter }, sizes),
    ]),
  ];
}

function dense(
  { kernelShape }: AlexNetLayer,
  call: MakeCall,
  { operands: { left, right }, batch: rows }: Context,
): NativeCall[] {
  const [inputs, columns] = kernelShape;
  const x = left([rows, inputs]);
  const kernel = right(kernelShape);
  const bias = right([columns]);
  const dy = [left, right].map((make) => make([rows, columns]));
  return [
    call("forward", () => [nativeMatmul(
      { a: x, b: kernel, bias, outputShape: [rows, columns] },
      { rows, columns, depth: inputs },
    )]),
    call("kernel gradient", () => [nativeMatmul(
      { a: x, b: dy[1], outputShape: kernelShape },
      { rows: inputs, columns, depth: rows, transposeA: true },
    )]),
    call("input gradient", () => [nativeMatmul(
      { a: dy[0], b: kernel, outputShape: [rows, inputs] },
      { rows, columns: inputs, depth: columns, transposeB: true },
    )]),
  ];
}

/**
 * Lists the rest: relu and pooling with their gradients, gradients of biases, dropout, loss and SGD, which changes the weights
 * of `net` by less than 1e-12 a call.
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
  return [...ofLayers, loss(outputShape, context), update(net, operands)];
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
      // If pooling follows, the gradient of relu comes before that of pooling, and so is of fewer elements.
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

/** The gradient reads a byte for each largest value: its position in the window. */
function pooling(
  { name, inputShape, outputShape }: AlexNetLayer,
  { size, strides, padding }: PoolingConfig,
  { operands, batch }: Context,
): NativeCall[] {
  const inShape = [batch, ...inputShape];
  const outShape = [batch, ...outputShape];
  const sizes = poolSizes({
    inShape,
    filterSize: size,
    strides,
    pad: padding,
  });
  const x = operands.left(inShape);
  const dy = operands.right(outShape);
  const forward = () => nativePool(x, "max", sizes);
  let places: TensorInfo | undefined;
  const shared = {
    layer: name,
    sizes: format(inShape),
    gigabytes: floats(inShape, outShape) + sizeOf(outShape) / 1e9,
  };
  return [{
    ...shared,
    operation: "forward",
    compute() {
      const { pooled, places } = forward();
      return [pooled, places!];
    },
  }, {
    ...shared,
    operation: "gradient",
    compute() {
      places ??= forward().places;
      return [nativePoolGradient({ dy, places }, sizes)];
    },
  }];
}

/** Changes its operand in place, which it reads once more to look for NaN. */
function relu(
  { name, outputShape }: AlexNetLayer,
  { operands, batch }: Context,
): NativeCall {
  const shape = [batch, ...outputShape];
  const x = operands.left(shape);
  return {
    layer: name,
    operation: "relu",
    sizes: format(shape),
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
    layer: name,
    operation: "relu gradient",
    sizes: format(shape),
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
    layer: name,
    operation: "bias gradient",
    sizes: format(shape),
    gigabytes: floats(shape, outputShape),
    compute: () => [sumOfRows(dy, { rows, columns })],
  };
}

/** The gradient only scales, as the gradient of relu has left zeros where elements were dropped. */
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
    layer: name,
    sizes: format(shape),
    gigabytes: floats(shape, shape),
  };
  return [{
    ...shared,
    operation: "forward",
    compute: () => [device().dropout(x, { rate, key })],
  }, {
    ...shared,
    operation: "gradient",
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
    layer: "",
    operation: "loss and its gradient",
    sizes: format(shape),
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
    layer: "",
    operation: "SGD",
    sizes: `${parameters} parameters`,
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
