/** How many images a device takes at once, and parts of batches that are larger. */

import { device } from "../device/device.ts";
import { type Tensor, tf } from "../device/tf.ts";
import { ShapeError } from "../errors.ts";
import type { Layer } from "./layer.ts";
import { type Shape, sizeOf } from "./shape.ts";

function bytesOf(numFloats: number): number {
  return numFloats * Float32Array.BYTES_PER_ELEMENT;
}

/** What `Sequential.maxBatch` gives; `layers` are those that are computed, of which joined ones count as one. */
export function maxBatch(
  net: { layers: readonly Layer[]; inputShape: Shape },
): number {
  const { maxBindingBytes } = device().info;
  let max = Infinity;
  let shape = net.inputShape;
  for (const layer of net.layers) {
    const output = layer.outputShape(shape);
    const inner = layer.inner?.(shape) ?? { size: 0, step: 1 };
    const outerBytes = bytesOf(Math.max(sizeOf(shape), sizeOf(output)));
    const innerBytes = bytesOf(inner.size);
    const weights = layer.weights(shape).map((w) => bytesOf(sizeOf(w.shape)));
    const largest = Math.max(outerBytes, innerBytes, ...weights);
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

/** Checks that labels are int32 `[count]`; `each` is what there is one for, for the error. */
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
): { begin: number; part: T }[] {
  const total = batch.shape[0];
  const count = Math.ceil(total / maxSize);
  if (count <= 1) return [{ begin: 0, part: batch }];
  const size = Math.ceil(total / count);
  const [, ...shape] = batch.shape;
  const stride = sizeOf(shape);
  // No kernel can read a tensor larger than a binding, so it is still on the host: reading it downloads nothing.
  const isOnHost = bytesOf(batch.size) > device().info.maxBindingBytes;
  const values = isOnHost ? batch.dataSync() : undefined;
  return Array.from({ length: Math.ceil(total / size) }, (_, i) => {
    const begin = i * size;
    const end = Math.min(begin + size, total);
    const part = values === undefined
      ? tf.slice(batch, begin, end - begin)
      : tf.tensor(
        values.slice(begin * stride, end * stride),
        [end - begin, ...shape],
        batch.dtype,
      );
    return { begin, part: part as T };
  });
}
