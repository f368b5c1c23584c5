/**
 * Convolutions and products of matrices of AlexNet's training step, as the CPU device calls native kernels for them.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import {
  nativeConv2d,
  nativeConv2dFilterGradient,
  nativeConv2dInputGradient,
} from "../src/device/onednn/conv2d.ts";
import { nativeMatmul } from "../src/device/onednn/matmul.ts";
import { convSizes } from "../src/device/sizes.ts";
import type { Conv2dConfig } from "../src/nn/layer.ts";
import { type WeightedLayer, weightedLayers } from "./alexnet_products.ts";
import type { NativeCall, NativeOperands } from "./native_call.ts";

/** Forward pass, with bias, gradient of the kernel (of a convolution with that of the bias) and of the input. */
type Passes = readonly (() => readonly TensorInfo[])[];

/**
 * Lists what multiplies. The CPU must be in use, with its library.
 *
 * @param operands What to multiply.
 * @param batch Images of the step.
 * @returns The calls, in the order of `alexnetProducts` and with its names.
 */
export function nativeProducts(
  operands: NativeOperands,
  batch: number,
): NativeCall[] {
  return weightedLayers().flatMap((layer) => {
    const { name, config, inputShape, kernelShape } = layer;
    const isConv = config.kind === "conv2d";
    const passes = isConv
      ? convolution(layer, config, { operands, batch })
      : dense(layer, { operands, batch });
    const operations = [
      "forward",
      `${isConv ? "filter" : "kernel"} gradient`,
      ...layer.needsInputGradient ? ["input gradient"] : [],
    ];
    return operations.map((operation, i) => ({
      ...{ layer: name, operation, compute: passes[i] },
      sizes: `${[batch, ...inputShape].join("x")} by ${kernelShape.join("x")}`,
      gflop: 2 * layer.macs * batch / 1e9,
    }));
  });
}

function convolution(
  { inputShape, outputShape, kernelShape }: WeightedLayer,
  { strides, padding, filters }: Conv2dConfig,
  { operands, batch }: { operands: NativeOperands; batch: number },
): Passes {
  const { left, right } = operands;
  const sizes = convSizes({
    inShape: [batch, ...inputShape],
    filterShape: kernelShape,
    strides,
    pad: padding,
  });
  const x = left([batch, ...inputShape]);
  const filter = right(kernelShape);
  const bias = right([filters]);
  const dy = [left, right].map((make) => make([batch, ...outputShape]));
  return [
    () => [nativeConv2d({ x, filter, bias }, sizes)],
    () => {
      const gradients = nativeConv2dFilterGradient({ x, dy: dy[1] }, sizes);
      return [gradients.filter, gradients.bias];
    },
    () => [nativeConv2dInputGradient({ dy: dy[0], filter }, sizes)],
  ];
}

function dense(
  { kernelShape }: WeightedLayer,
  { operands, batch: rows }: { operands: NativeOperands; batch: number },
): Passes {
  const { left, right } = operands;
  const [inputs, columns] = kernelShape;
  const x = left([rows, inputs]);
  const kernel = right(kernelShape);
  const bias = right([columns]);
  const dy = [left, right].map((make) => make([rows, columns]));
  return [
    () => [nativeMatmul(
      { a: x, b: kernel, bias, outputShape: [rows, columns] },
      { rows, columns, depth: inputs },
    )],
    () => [nativeMatmul(
      { a: x, b: dy[1], outputShape: kernelShape },
      { rows: inputs, columns, depth: rows, transposeA: true },
    )],
    () => [nativeMatmul(
      { a: dy[0], b: kernel, outputShape: [rows, inputs] },
      { rows, columns: inputs, depth: columns, transposeB: true },
    )],
  ];
}
