/** What native kernels work with: the library that they are called from, and the memory that they read and write. */

import type { TensorInfo } from "@tensorflow/tfjs-core";
import { type Tensor, tf, type Variable } from "../tf.ts";
import type { CpuBackend } from "../tfjs/cpu_backend.ts";
import type { Layout } from "./library/describe.ts";
import { findOneDnn, type OneDnn } from "./library/library.ts";
import type { Primitive } from "./library/primitive.ts";

/** The library, which is in use. */
export function libraryInUse(): OneDnn {
  return findOneDnn().library!;
}

/** What the library, of which there is one, has made ready, by key. */
export const primitives = new Map<string, Primitive>();

/** Makes an operation ready, once. */
export function primitiveOf(
  key: string,
  make: (library: OneDnn) => Primitive,
): Primitive {
  let primitive = primitives.get(key);
  if (primitive === undefined) {
    primitives.set(key, primitive = make(libraryInUse()));
  }
  return primitive;
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

/** Makes a float32 tensor, whose values are yet to be written. */
export function makeFloats(
  shape: readonly number[],
): { info: TensorInfo; values: Floats } {
  const backend = cpuBackend();
  const values = backend.arrays.floats(tf.util.sizeFromShape([...shape]));
  const info = backend.makeTensorInfo([...shape], "float32", values);
  return { info, values };
}

/** Makes a tensor of bytes that mean something to the library alone. */
export function makeBytes(
  length: number,
): { info: TensorInfo; values: Uint8Array<ArrayBuffer> } {
  const backend = cpuBackend();
  const values = backend.arrays.bytes(length);
  return { info: backend.makeTensorInfo([length], "bool", values), values };
}

/** Frees tensors that a kernel made. */
export function free(...infos: readonly TensorInfo[]): void {
  for (const { dataId } of infos) cpuBackend().disposeData(dataId);
}

/** The memory of a tensor, if no other tensor shares it and nobody outside may hold it. */
export function ownFloats({ dataId }: TensorInfo): Floats | undefined {
  const backend = cpuBackend();
  const { values } = backend.data.get(dataId);
  const isOwn = backend.refCount(dataId) <= 1 &&
    backend.arrays.holders(values) === 1;
  return isOwn ? values as Floats : undefined;
}

/** The memory of a variable that is about to change where it is: new memory, if the old may be seen by anyone else. */
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
export function rowMajor(dims: readonly number[]): Layout {
  const strides = dims.map((_, d) =>
    dims.slice(d + 1).reduce((product, n) => product * n, 1)
  );
  return { dims, strides };
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
