/** Writes a network as an ONNX file, https://onnx.ai, a graph of operators: https://onnx.ai/onnx/operators */

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
import type { LayerConfig } from "../../nn/layer.ts";
import { paddingOf, type Shape, sizeOf } from "../../nn/shape.ts";
import { writeAtomically } from "../files.ts";
import type { NamedTensor } from "../safetensors.ts";
import type { DescribedNetwork } from "../network.ts";
import { permute } from "./weights.ts";

/** Names of the graph's input and output. */
const [INPUT, OUTPUT] = ["images", "logits"];

/** Orders of the dimensions of images, and of kernels, ours of which are HWIO. */
const TO_NCHW = [0, 3, 1, 2];
const TO_NHWC = [0, 2, 3, 1];
const TO_OIHW = [3, 2, 0, 1];

/** Version of the file format, the one of {@linkcode OPSET}. */
const IR_VERSION = 8n;
/** Version of the operators. */
const OPSET = 17n;
/** Readers of protobuf refuse larger files. */
const MAX_BYTES = 2 ** 31 - 1;

/** Writes the file, whole or not at all. Weights are written as they are, without copies in messages. */
export async function exportOnnx(
  path: string,
  network: DescribedNetwork,
  tensors: ReadonlyMap<string, NamedTensor>,
): Promise<void> {
  const { name, version } = packageConfig;
  const file = join([
    message(ModelProtoSchema, {
      irVersion: IR_VERSION,
      producerName: name,
      producerVersion: version,
      opsetImport: [{ domain: "", version: OPSET }],
    }),
    field(ModelProtoSchema.field.graph.number, makeGraph(network, tensors)),
  ]);
  if (file.numBytes > MAX_BYTES) {
    throw new DataError(
      path,
      `Cannot write ${path}: it would have ${file.numBytes} bytes, and an ONNX file has at most ${MAX_BYTES}`,
    );
  }
  await writeAtomically(path, file.pieces());
}

function makeGraph(
  network: DescribedNetwork,
  tensors: ReadonlyMap<string, NamedTensor>,
): Part {
  const graph = message(GraphProtoSchema, {
    name: network.name,
    node: makeNodes(network),
    input: [makeValue(INPUT, network.inputShape)],
    output: [makeValue(OUTPUT, network.outputShape)],
  });
  const { number } = GraphProtoSchema.field.initializer;
  const initializers = network.layers.flatMap(({ weights }) =>
    weights.map(({ name }) =>
      field(number, makeTensor(name, tensors.get(name)!))
    )
  );
  return join([graph, ...initializers]);
}

/** Attributes of an operator: integers, each one number or a list. */
type Attributes = Readonly<Record<string, number | readonly number[]>>;

/** An operator, which takes the result of the one before. */
interface Operator {
  readonly opType: string;
  readonly attributes?: Attributes;
  /** Names of the weights that it takes as well. */
  readonly weights?: readonly string[];
}

/**
 * Lists the operators, in order. ONNX has images as NCHW, so the graph turns them after its input, and back before they
 * are flattened: then dense kernels can stay as they are.
 */
function makeNodes(
  { layers }: DescribedNetwork,
): MessageInitShape<typeof NodeProtoSchema>[] {
  const operators: [name: string, operator: Operator][] = [];
  let isNchw = false;
  for (const { name, config, inputShape, weights } of layers) {
    if (config.kind === "dropout") continue;
    const needsNchw = "strides" in config;
    if (needsNchw !== isNchw && (needsNchw || config.kind === "flatten")) {
      operators.push([`${name}.${needsNchw ? "nchw" : "nhwc"}`, {
        opType: "Transpose",
        attributes: { perm: needsNchw ? TO_NCHW : TO_NHWC },
      }]);
      isNchw = needsNchw;
    }
    operators.push([name, {
      opType: OPERATORS[config.kind],
      attributes: attributesOf(config, inputShape),
      weights: weights.map((weight) => weight.name),
    }]);
    if (!("activation" in config) || config.activation === "linear") continue;
    const { activation } = config;
    operators.push([`${name}.${activation}`, {
      opType: OPERATORS[activation],
    }]);
  }
  const last = operators.length - 1;
  return operators.map(([name, { opType, attributes, weights = [] }], i) => {
    const output = i === last ? OUTPUT : name;
    const input = [i === 0 ? INPUT : operators[i - 1][0], ...weights];
    const attribute = makeAttributes(attributes);
    return { opType, name: output, input, output: [output], attribute };
  });
}

const OPERATORS: Readonly<
  Record<Exclude<LayerConfig["kind"], "dropout">, string>
> = {
  conv2d: "Conv",
  max_pool2d: "MaxPool",
  average_pool2d: "AveragePool",
  dense: "Gemm",
  flatten: "Flatten",
  relu: "Relu",
  sigmoid: "Sigmoid",
};

function attributesOf(config: LayerConfig, input: Shape): Attributes {
  if (config.kind === "flatten") return { axis: 1 };
  if (!("strides" in config)) return {};
  const { size, strides } = config;
  // "same" is written out, as `auto_pad` is deprecated.
  const { begins, ends } = paddingOf(config, input);
  const pads = [...begins, ...ends];
  const window = { kernel_shape: size, strides, pads };
  return config.kind === "average_pool2d"
    ? { ...window, count_include_pad: 0 }
    : window;
}

function makeAttributes(attributes: Attributes = {}) {
  const { INT, INTS } = AttributeProto_AttributeType;
  return Object.entries(attributes).map(([name, value]) =>
    typeof value === "number"
      ? { name, type: INT, i: BigInt(value) }
      : { name, type: INTS, ints: value.map(BigInt) }
  );
}

/** Describes float32 values of any number of images. */
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

/** Writes a weight; kernels of convolutions become OIHW when they are written. */
function makeTensor(name: string, tensor: NamedTensor): Part {
  const isTurned = tensor.shape.length === 4;
  const shape = isTurned ? TO_OIHW.map((d) => tensor.shape[d]) : tensor.shape;
  const data: Part = {
    numBytes: 4 * sizeOf(shape),
    *pieces() {
      const values = isTurned ? permute(tensor, TO_OIHW) : tensor.values;
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

/** Part of a file: its length, and its bytes, which are made when they are written. */
interface Part {
  readonly numBytes: number;
  readonly pieces: () => Iterable<Uint8Array>;
}

function message<T extends DescMessage>(
  schema: T,
  content: MessageInitShape<T>,
): Part {
  const bytes = toBinary(schema, create(schema, content));
  return { numBytes: bytes.length, pieces: () => [bytes] };
}

/** Makes a field of a message that is itself a message, or bytes. */
function field(number: number, content: Part): Part {
  const start = new BinaryWriter().tag(number, WireType.LengthDelimited)
    .uint32(content.numBytes).finish();
  return join([{ numBytes: start.length, pieces: () => [start] }, content]);
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
