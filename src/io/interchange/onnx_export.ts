/**
 * Writes a network as an ONNX file: https://onnx.ai
 *
 * @module
 */

import packageConfig from "../../../deno.json" with { type: "json" };
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
import { DataError } from "../../errors.ts";
import { type Shape, sizeOf } from "../../nn/shape.ts";
import { writeAtomically } from "../atomic_file.ts";
import type { NamedTensor } from "../safetensors.ts";
import type { DescribedNetwork } from "./described.ts";
import {
  INPUT,
  kernelOrder,
  type OnnxNode,
  onnxNodes,
  OUTPUT,
} from "./onnx_graph.ts";
import { permute } from "./permute.ts";

/** Version of the file format, the one of {@linkcode OPSET}. */
const IR_VERSION = 8n;
/** Version of the operators. */
const OPSET = 17n;
/** Readers of protobuf refuse larger files. */
const MAX_BYTES = 2 ** 31 - 1;

/** Part of a file: its length, and its bytes, which are made when it is their turn. */
interface Part {
  readonly numBytes: number;
  readonly pieces: () => Iterable<Uint8Array>;
}

/**
 * Writes the file, whole or not at all. Weights are written as they are, without copies in messages.
 *
 * @param path The file.
 * @param network The network.
 * @param tensors Its weights by name.
 * @throws {DataError} If the file cannot be written, or would be larger than protobuf allows.
 */
export async function exportOnnx(
  path: string,
  network: DescribedNetwork,
  tensors: ReadonlyMap<string, NamedTensor>,
): Promise<void> {
  const file = _model(network, tensors);
  if (file.numBytes > MAX_BYTES) {
    throw new DataError(
      path,
      `Cannot write ${path}: it would have ${file.numBytes} bytes, and an ONNX file has at most ${MAX_BYTES}`,
    );
  }
  await writeAtomically(path, file.pieces());
}

function _model(
  network: DescribedNetwork,
  tensors: ReadonlyMap<string, NamedTensor>,
): Part {
  const { name, version } = packageConfig;
  return _join([
    _message(ModelProtoSchema, {
      irVersion: IR_VERSION,
      producerName: name,
      producerVersion: version,
      opsetImport: [{ domain: "", version: OPSET }],
    }),
    _field(ModelProtoSchema.field.graph.number, _graph(network, tensors)),
  ]);
}

function _graph(
  network: DescribedNetwork,
  tensors: ReadonlyMap<string, NamedTensor>,
): Part {
  const nodes = onnxNodes(network);
  const graph = _message(GraphProtoSchema, {
    name: network.name,
    node: nodes.map(_node),
    input: [_value(INPUT, network.inputShape)],
    output: [_value(OUTPUT, network.outputShape)],
  });
  const { number } = GraphProtoSchema.field.initializer;
  const initializers = network.layers.flatMap((layer) =>
    layer.weights.map((weight, i) =>
      _field(
        number,
        _tensor(
          weight.name,
          tensors.get(weight.name)!,
          i === 0 ? kernelOrder(layer) : undefined,
        ),
      )
    )
  );
  return _join([graph, ...initializers]);
}

function _node(
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
function _value(
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

function _tensor(
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
  return _join([
    _message(TensorProtoSchema, {
      name,
      dataType: TensorProto_DataType.FLOAT,
      dims: shape.map(BigInt),
    }),
    _field(TensorProtoSchema.field.rawData.number, data),
  ]);
}

function _message<T extends DescMessage>(
  schema: T,
  content: MessageInitShape<T>,
): Part {
  const bytes = toBinary(schema, create(schema, content));
  return { numBytes: bytes.length, pieces: () => [bytes] };
}

/** The fields of a message follow one another, in any order. */
function _join(parts: readonly Part[]): Part {
  return {
    numBytes: parts.reduce((sum, { numBytes }) => sum + numBytes, 0),
    *pieces() {
      for (const part of parts) yield* part.pieces();
    },
  };
}

/** A field of a message that is itself a message or bytes. */
function _field(number: number, content: Part): Part {
  const start = new BinaryWriter().tag(number, WireType.LengthDelimited)
    .uint32(content.numBytes).finish();
  return _join([
    { numBytes: start.length, pieces: () => [start] },
    content,
  ]);
}
