/**
 * Cuts a batch where a tensor of all its images would be larger than the adapter binds.
 *
 * @module
 */

import type { TensorPart } from "../run/dispatch.ts";

/** Bytes between places of a buffer where a binding may begin on every adapter. */
const ALIGNMENT = 256;

const BYTES_PER_ELEMENT = 4;

/** Neighbouring images of a batch. */
export interface ImagePart {
  readonly begin: number;
  readonly count: number;
}

/**
 * Cuts a batch into parts of nearly equal size.
 *
 * @param batch Images of the batch.
 * @param limits Elements per image of the tensor that is made of one part at a time, the most bytes that it may have, and
 * the multiple of images that parts begin at.
 * @returns The parts in order; the whole batch where parts would still be too large.
 */
export function cutImages(
  batch: number,
  { size, step, maxBytes }: { size: number; step: number; maxBytes: number },
): ImagePart[] {
  const most = Math.floor(maxBytes / (size * BYTES_PER_ELEMENT));
  const mostSteps = Math.floor(most / step);
  if (batch <= most || mostSteps === 0) return [{ begin: 0, count: batch }];
  const steps = Math.ceil(batch / step);
  const stepsEach = Math.ceil(steps / Math.ceil(steps / mostSteps));
  const each = stepsEach * step;
  return Array.from({ length: Math.ceil(batch / each) }, (_, i) => {
    const begin = i * each;
    return { begin, count: Math.min(each, batch - begin) };
  });
}

/**
 * The images of a part.
 *
 * @param tensor `[batch, ...]`, or a part of a tensor.
 * @param part Which images.
 * @returns A part of the tensor, `[count, ...]`.
 */
export function imagesOf(
  { dataId, dtype, shape: [, ...image], first = 0 }: TensorPart,
  { begin, count }: ImagePart,
): TensorPart {
  const size = image.reduce((product, n) => product * n, 1);
  return {
    dataId,
    dtype,
    shape: [count, ...image],
    first: first + begin * size,
  };
}
