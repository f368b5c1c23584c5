/**
 * Checks batches, and splits those that the device cannot take whole.
 *
 * @module
 */

import { device } from "../device/device.ts";
import { type Tensor, tf } from "../device/tf.ts";
import { ShapeError } from "../errors.ts";
import type { Layer } from "./layer.ts";
import { type Shape, sizeOf } from "./shape.ts";

const BYTES_PER_FLOAT = 4;

/** A part of a batch. */
export interface BatchPart<T extends Tensor> {
  /** Index in the whole batch of the part's first element. */
  readonly begin: number;
  /** The elements of the part. */
  readonly part: T;
}

/**
 * How many images the device in use takes at once, where no tensor may be larger than the adapter can bind; `Infinity` where
 * the device sets no limit. `layers` are those that are computed: joined ones count as one.
 *
 * @throws {ShapeError} If the network does not fit with even one image.
 */
export function maxBatch(
  net: { layers: readonly Layer[]; inputShape: Shape },
): number {
  const { maxBindingBytes } = device().info;
  let max = Infinity;
  let shape = net.inputShape;
  for (const layer of net.layers) {
    const largestWeight = Math.max(
      0,
      ...layer.weights(shape).map((w) => sizeOf(w.shape) * BYTES_PER_FLOAT),
    );
    const output = layer.outputShape(shape);
    const outerBytes = BYTES_PER_FLOAT *
      Math.max(sizeOf(shape), sizeOf(output));
    const inner = layer.inner?.(shape) ?? { size: 0, step: 1 };
    const innerBytes = BYTES_PER_FLOAT * inner.size;
    const largest = Math.max(largestWeight, outerBytes, innerBytes);
    if (largest > maxBindingBytes) {
      throw new ShapeError(
        `Cannot run ${layer.kind} with output [${output}]: it needs a tensor of ${largest} bytes and the adapter binds at most ${maxBindingBytes}; use smaller images or fewer units`,
      );
    }
    max = Math.min(max, Math.floor(maxBindingBytes / outerBytes));
    if (inner.step * innerBytes > maxBindingBytes) {
      max = Math.min(max, Math.floor(maxBindingBytes / innerBytes));
    }
    shape = output;
  }
  return max;
}

/**
 * Checks images.
 *
 * @throws {ShapeError} If they are not float32 `[batch, ...inputShape]`.
 */
export function requireImages(images: Tensor, inputShape: Shape): void {
  if (images.dtype !== "float32") {
    throw new ShapeError(
      `Cannot use images of type ${images.dtype}: expected float32; cast them, and scale them to [0, 1]`,
    );
  }
  if (
    images.rank !== 4 || images.shape[0] < 1 ||
    `${images.shape.slice(1)}` !== `${inputShape}`
  ) {
    throw new ShapeError(
      `Cannot use images of shape [${images.shape}]: the network takes [batch, ${
        inputShape.join(", ")
      }]`,
    );
  }
}

/**
 * Checks labels; `each` is what there is one for, for the error.
 *
 * @throws {ShapeError} If they are not int32 `[count]`.
 */
export function requireLabels(
  labels: Tensor,
  count: number,
  each: string,
): void {
  const { rank, shape, dtype } = labels;
  if (rank === 1 && shape[0] === count && dtype === "int32") return;
  throw new ShapeError(
    `Cannot use labels of shape [${shape}] and type ${dtype}: expected int32 [${count}], one per ${each}`,
  );
}

/**
 * Cuts a tensor along its first dimension into parts of nearly equal size; one that is small enough is its own only part.
 * Call it inside a `tidy`.
 */
export function sliceBatch<T extends Tensor>(
  batch: T,
  maxSize: number,
): BatchPart<T>[] {
  const total = batch.shape[0];
  const count = Math.ceil(total / maxSize);
  if (count <= 1) return [{ begin: 0, part: batch }];
  const size = Math.ceil(total / count);
  const slice = slicerOf(batch);
  return Array.from({ length: Math.ceil(total / size) }, (_, i) => {
    const begin = i * size;
    return { begin, part: slice(begin, Math.min(size, total - begin)) };
  });
}

/** Puts parts together along their first dimension. Call it inside a `tidy`. */
export function concatenate<T extends Tensor>(parts: readonly T[]): T {
  return parts.length === 1 ? parts[0] : tf.concat([...parts]) as T;
}

function slicerOf<T extends Tensor>(
  batch: T,
): (begin: number, size: number) => T {
  if (batch.size * BYTES_PER_FLOAT <= device().info.maxBindingBytes) {
    return (begin, size) => tf.slice(batch, begin, size) as T;
  }
  // No kernel can read a tensor of this size, so it is still on the host: reading it downloads nothing.
  const values = batch.dataSync();
  const [, ...shape] = batch.shape;
  const stride = sizeOf(shape);
  return (begin, size) =>
    tf.tensor(
      values.slice(begin * stride, (begin + size) * stride),
      [size, ...shape],
      batch.dtype,
    ) as T;
}
