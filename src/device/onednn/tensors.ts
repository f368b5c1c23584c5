/**
 * The CPU as a device of native kernels: the library they are called from, and the memory they read and write.
 *
 * @module
 */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { CpuBackend } from "../tfjs/cpu_backend.ts";
import { findOneDnn, type OneDnn } from "./library/library.ts";
import type { Layout } from "./library/operation.ts";
import type { Primitive } from "./library/primitive.ts";
import { type Tensor, tf, type Variable } from "../tf.ts";
import { BackendError } from "../../errors.ts";

const primitives = new Map<string, Primitive>();

/** The library. */
export function nativeLibrary(): OneDnn {
  const { library, missing } = findOneDnn();
  if (library === undefined) {
    throw new BackendError(`Cannot compute by oneDNN, as ${missing}`);
  }
  return library;
}

/** Makes an operation ready, once per process. */
export function primitiveOf(
  key: string,
  make: (library: OneDnn) => Primitive,
): Primitive {
  let primitive = primitives.get(key);
  if (primitive === undefined) {
    primitives.set(key, primitive = make(nativeLibrary()));
  }
  return primitive;
}

/** Lists how the library computes what was computed so far. */
export function implementations(): Map<string, string> {
  const entries = [...primitives];
  return new Map(
    entries.map(([key, { implementation }]) => [key, implementation]),
  );
}

/** Numbers where they lie. */
export type Floats = Float32Array<ArrayBuffer>;

/** The CPU backend, which is in use. */
export function cpuBackend(): CpuBackend {
  return tf.backend() as CpuBackend;
}

/** The values of a tensor, where they lie. */
export function floatsOf({ dataId }: TensorInfo): Floats {
  const { values } = cpuBackend().data.get(dataId);
  return values instanceof Float32Array
    ? values as Floats
    : Float32Array.from(values as ArrayLike<number>);
}

/** A new tensor and its memory, which is yet to be filled. */
export interface Made<A> {
  readonly info: TensorInfo;
  readonly values: A;
}

/** Makes a float32 tensor. */
export function makeFloats(
  shape: readonly number[],
): Made<Floats> {
  const backend = cpuBackend();
  const values = backend.arrays.floats(tf.util.sizeFromShape([...shape]));
  return {
    info: backend.makeTensorInfo([...shape], "float32", values),
    values,
  };
}

/** Makes a tensor of bytes that mean something to the library alone. */
export function makeBytes(length: number): Made<Uint8Array<ArrayBuffer>> {
  const backend = cpuBackend();
  const values = backend.arrays.bytes(length);
  return { info: backend.makeTensorInfo([length], "bool", values), values };
}

/** The bytes of a tensor that {@linkcode makeBytes} made. */
export function bytesOf({ dataId }: TensorInfo): Uint8Array<ArrayBuffer> {
  return cpuBackend().data.get(dataId).values as Uint8Array<ArrayBuffer>;
}

/** The memory of a tensor, if no other tensor shares it and nobody outside may hold it. */
export function ownFloats(
  { dataId }: TensorInfo,
): Floats | undefined {
  const backend = cpuBackend();
  const { values } = backend.data.get(dataId);
  const isOwn = backend.refCount(dataId) <= 1 &&
    backend.arrays.holders(values) === 1;
  return isOwn ? values as Floats : undefined;
}

/**
 * The memory of a variable that is about to change where it is. One whose memory another tensor shares, as a clone does, or
 * that someone outside may hold, is moved to new memory first.
 */
export function soleFloats(variable: Variable): Floats {
  const own = ownFloats(variable);
  if (own !== undefined) return own;
  const copy = makeFloats(variable.shape);
  copy.values.set(floatsOf(variable));
  const tensor: Tensor = tf.engine().makeTensorFromTensorInfo(copy.info);
  variable.assign(tensor);
  tensor.dispose();
  return copy.values;
}

/** The layout of a tensor whose last dimension lies closest. */
export function rowMajor(shape: readonly number[]): Layout {
  const strides = shape.map((_, d) =>
    shape.slice(d + 1).reduce((product, n) => product * n, 1)
  );
  return { dims: shape, strides };
}

/** The layout of images, channels last, as the library names their dimensions. */
export function imageLayout(
  [batch, height, width, channels]: readonly number[],
): Layout {
  return {
    dims: [batch, channels, height, width],
    strides: [height * width * channels, 1, width * channels, channels],
  };
}
