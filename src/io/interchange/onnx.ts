/**
 * Writes a network as an ONNX file, https://onnx.ai, a graph of operators: https://onnx.ai/onnx/operators
 *
 * @module
 */

import {
  create,
  type DescMessage,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import {
  AttributeProto_AttributeType,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProtoSchema,
  TensorProto_DataType,
  TensorProtoSchema,
  type ValueInfoProtoSchema,
} from "onnx-buf";
import packageConfig from "../../../deno.json" with { type: "json" };
import { DataError } from "../../errors.ts";
import type { DropoutConfig, LayerConfig } from "../../nn/layer.ts";
import { type Shape, sizeOf, type Window } from "../../nn/shape.ts";
import { writeAtomically } from "../atomic_file.ts";
import type { NamedTensor } from "../safetensors.ts";
import {
  type DescribedLayer,
  type DescribedNetwork,
  permute,
} from "./described.ts";

/** An operator. */
interface OnnxNode {
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
const INPUT = "images";
/** Name of the graph's output. */
const OUTPUT = "logits";

const TO_NCHW = [0, 3, 1, 2];
const TO_NHWC = [0, 2, 3, 1];

/**
 * Lists the operators, in order. ONNX has images as NCHW, so the graph turns them after its input, and back before they
 * are flattened: then the dense kernels are as here. Weights have their names here; kernels of convolutions are OIHW.
 */
function onnxNodes(network: DescribedNetwork): OnnxNode[] {
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
      ...operator(config, input),
      weights: weights.map((weight) => weight.name),
    });
    if (!("activation" in config) || config.activation === "linear") continue;
    const { activation } = config;
    add(`${name}.${activation}`, operator({ kind: activation }, input));
  }
  return nodes.map((node) =>
    node.output === last ? { ...node, output: OUTPUT } : node
  );
}

/** For each dimension of a kernel in ONNX, which one it is here; `undefined` if they are the same. */
function kernelOrder(layer: DescribedLayer): number[] | undefined {
  return layer.config.kind === "conv2d" ? [3, 2, 0, 1] : undefined;
}

function operator(
  config: Exclude<LayerConfig, DropoutConfig>,
  input: Shape,
): Pick<OnnxNode, "opType" | "attributes"> {
  switch (config.kind) {
    case "conv2d":
      return { opType: "Conv", attributes: windowAttributes(config, input) };
    case "max_pool2d":
      return { opType: "MaxPool", attributes: windowAttributes(config, input) };
    case "average_pool2d":
      return {
        opType: "AveragePool",
        attributes: {
          ...windowAttributes(config, input),
          count_include_pad: 0,
        },
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
function windowAttributes(
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

/** Version of the file format, the one of {@linkcode OPSET}. */
const IR_VERSION = 8n;
/** Version of the operators. */
const OPSET = 17n;
/** Readers of protobuf refuse larger files. */
const MAX_BYTES = 2 ** 31 - 1;

/** Part of a file: its length, and its bytes, which are made when they are written. */
interface Part {
  readonly numBytes: number;
  readonly pieces: () => Iterable<Uint8Array>;
}

/** Writes the file, whole or not at all. Weights are written as they are, without copies in messages. */
export async function exportOnnx(
  path: string,
  network: DescribedNetwork,
  tensors: ReadonlyMap<string, NamedTensor>,
): Promise<void> {
  const file = model(network, tensors);
  if (file.numBytes > MAX_BYTES) {
    throw new DataError(
      path,
      `Cannot write ${path}: it would have ${file.numBytes} bytes, and an ONNX file has at most ${MAX_BYTES}`,
    );
  }
  await writeAtomically(path, file.pieces());
}

function model(
  network: DescribedNetwork,
  tensors: ReadonlyMap<string, NamedTensor>,
): Part {
  const { name, version } = packageConfig;
  return join([
    message(ModelProtoSchema, {
      irVersion: IR_VERSION,
      producerName: name,
      producerVersion: version,
      opsetImport: [{ domain: "", version: OPSET }],
    }),
    field(ModelProtoSchema.field.graph.number, makeGraph(network, tensors)),
  ]);
}

function makeGraph(
  network: DescribedNetwork,
  tensors: ReadonlyMap<string, NamedTensor>,
): Part {
  const nodes = onnxNodes(network);
  const graph = message(GraphProtoSchema, {
    name: network.name,
    node: nodes.map(makeNode),
    input: [makeValue(INPUT, network.inputShape)],
    output: [makeValue(OUTPUT, network.outputShape)],
  });
  const { number } = GraphProtoSchema.field.initializer;
  const initializers = network.layers.flatMap((layer) =>
    layer.weights.map((weight, i) =>
      field(
        number,
        makeTensor(
          weight.name,
          tensors.get(weight.name)!,
          i === 0 ? kernelOrder(layer) : undefined,
        ),
      )
    )
  );
  return join([graph, ...initializers]);
}

function makeNode(
  { opType, input, output, attributes }: OnnxNode,
): MessageInitShape<typeof NodeProtoSchema> {
  const { INT, INTS } = AttributeProto_AttributeType;
  const attribute = Object.entries(attributes).map(([name, value]) =>
    typeof value === "number"
      ? { name, type: INT, i: BigInt(value) }
      : { name, type: INTS, ints: value.map(BigInt) }
  );
  return {
    opType,
    name: output,
    input: [...input],
    output: [output],
    attribute,
  };
}

/** float32, of any number of images or results. */
function makeValue(
  name: string,
  shape: Shape,
): MessageInitShape<typeof ValueInfoProtoSchema> {
  const dim = [
    { value: { case: "dimParam" as const, value: "batch" } },
    ...shape.map((n) => ({
      value: { case: "dimValue" as const, value: BigInt(n) },
    })),
  ];
  const elemType = TensorProto_DataType.FLOAT;
  const type = { elemType, shape: { dim } };
  return { name, type: { value: { case: "tensorType", value: type } } };
}

function makeTensor(
  name: string,
  tensor: NamedTensor,
  order: readonly number[] | undefined,
): Part {
  const shape = order?.map((d) => tensor.shape[d]) ?? tensor.shape;
  const data: Part = {
    numBytes: 4 * sizeOf(shape),
    *pieces() {
      const { values } = order ? permute(tensor, order) : tensor;
      yield new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    },
  };
  return join([
    message(TensorProtoSchema, {
      name,
      dataType: TensorProto_DataType.FLOAT,
      dims: shape.map(BigInt),
    }),
    field(TensorProtoSchema.field.rawData.number, data),
  ]);
}

function message<T extends DescMessage>(
  schema: T,
  content: MessageInitShape<T>,
): Part {
  const bytes = toBinary(schema, create(schema, content));
  return { numBytes: bytes.length, pieces: () => [bytes] };
}

/** The fields of a message follow one another, in any order. */
function join(parts: readonly Part[]): Part {
  return {
    numBytes: parts.reduce((sum, { numBytes }) => sum + numBytes, 0),
    *pieces() {
      for (const part of parts) yield* part.pieces();
    },
  };
}

/** A field of a message that is itself a message or bytes. */
function field(number: number, content: Part): Part {
  const start = new BinaryWriter().tag(number, WireType.LengthDelimited)
    .uint32(content.numBytes).finish();
  return join([
    { numBytes: start.length, pieces: () => [start] },
    content,
  ]);
}
