/**
 * A network as a graph of ONNX operators: https://onnx.ai/onnx/operators
 *
 * @module
 */

import type { DropoutConfig, LayerConfig } from "../../nn/layer.ts";
import type { Shape, Window } from "../../nn/shape.ts";
import type { DescribedLayer, DescribedNetwork } from "./described.ts";

/** An operator. */
export interface OnnxNode {
  /** Which operator, for example "Conv". */
  readonly opType: string;
  /** Names of the values that it takes. */
  readonly input: readonly string[];
  /** Name of the value that it gives. */
  readonly output: string;
  /** Its attributes: integers, each one number or a list. */
  readonly attributes: Readonly<Record<string, number | readonly number[]>>;
}

/** Name of the graph's input. */
export const INPUT = "images";
/** Name of the graph's output. */
export const OUTPUT = "logits";

const TO_NCHW = [0, 3, 1, 2];
const TO_NHWC = [0, 2, 3, 1];

/**
 * Lists the operators. ONNX has images as NCHW, so the graph turns them after its input, and back before they are flattened:
 * then the dense kernels are as here.
 *
 * @param network The network.
 * @returns The operators, in order. Weights have their names here; kernels of convolutions are OIHW.
 */
export function onnxNodes(network: DescribedNetwork): OnnxNode[] {
  const nodes: OnnxNode[] = [];
  let last = INPUT;
  let isNchw = false;
  const add = (
    name: string,
    node: Omit<OnnxNode, "input" | "output"> & { weights?: string[] },
  ) => {
    const { weights = [], ...rest } = node;
    nodes.push({ ...rest, input: [last, ...weights], output: name });
    last = name;
  };
  const turn = (name: string, toNchw: boolean) => {
    if (isNchw === toNchw) return;
    const perm = toNchw ? TO_NCHW : TO_NHWC;
    add(name, { opType: "Transpose", attributes: { perm } });
    isNchw = toNchw;
  };
  for (const { name, config, input, weights } of network.layers) {
    if (config.kind === "dropout") continue;
    if ("strides" in config) turn(`${name}.nchw`, true);
    if (config.kind === "flatten") turn(`${name}.nhwc`, false);
    add(name, {
      ..._operator(config, input),
      weights: weights.map((weight) => weight.name),
    });
    if (!("activation" in config) || config.activation === "linear") continue;
    const { activation } = config;
    add(`${name}.${activation}`, _operator({ kind: activation }, input));
  }
  return nodes.map((node) =>
    node.output === last ? { ...node, output: OUTPUT } : node
  );
}

/**
 * Tells which weights ONNX has in another layout.
 *
 * @param layer The layer.
 * @returns For each dimension of its kernel in ONNX, which one it is here; `undefined` if they are the same.
 */
export function kernelOrder(layer: DescribedLayer): number[] | undefined {
  return layer.config.kind === "conv2d" ? [3, 2, 0, 1] : undefined;
}

function _operator(
  config: Exclude<LayerConfig, DropoutConfig>,
  input: Shape,
): Pick<OnnxNode, "opType" | "attributes"> {
  switch (config.kind) {
    case "conv2d":
      return { opType: "Conv", attributes: _window(config, input) };
    case "max_pool2d":
      return { opType: "MaxPool", attributes: _window(config, input) };
    case "average_pool2d":
      return {
        opType: "AveragePool",
        attributes: { ..._window(config, input), count_include_pad: 0 },
      };
    case "dense":
      return { opType: "Gemm", attributes: {} };
    case "flatten":
      return { opType: "Flatten", attributes: { axis: 1 } };
    case "relu":
      return { opType: "Relu", attributes: {} };
    case "sigmoid":
      return { opType: "Sigmoid", attributes: {} };
  }
}

/** "same" is written out, as `auto_pad` is deprecated: what cannot be halved goes to the end. */
function _window(
  { size, strides, padding }: Window,
  input: Shape,
): Record<string, readonly number[]> {
  const totals = [0, 1].map((d) => {
    if (padding === "valid") return 0;
    const count = Math.ceil(input[d] / strides[d]);
    return Math.max((count - 1) * strides[d] + size[d] - input[d], 0);
  });
  const begins = totals.map((total) => Math.floor(total / 2));
  const ends = totals.map((total) => Math.ceil(total / 2));
  return { kernel_shape: size, strides, pads: [...begins, ...ends] };
}
