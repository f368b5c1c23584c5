/**
 * Cuts a batch where a tensor of all its images would be larger than the adapter binds.
 *
 * @module
 */

import type { TensorPart } from "../run/dispatch.ts";

const BYTES_PER_ELEMENT = 4;

/** Neighbouring images of a batch. */
export interface ImagePart {
  readonly begin: number;
  readonly count: number;
}

/** Cuts a batch into parts of nearly equal size. */
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

/** The images of a part. */
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
