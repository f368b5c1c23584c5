/**
 * What the device has to do in place of a transform: which windows to look through, what size to resize to, how to scale.
 */

import {
  type Extent,
  type GatherSizes,
  WINDOW_WORDS,
  wordsPerImage,
} from "../../device/sizes.ts";
import { isSameSize } from "../transforms/resize.ts";
import {
  type DrawWindows,
  takeApart,
  type Transform,
} from "../transforms/transform.ts";
import type { BatchPlan, ImageShape } from "./batch.ts";
import { randomOf } from "./host_batch.ts";

/** A transform, as the device does it. */
export interface DevicePlan {
  /** Sizes and values, the same for every sample. */
  readonly sizes: GatherSizes;
  /** Windows before resizing. */
  readonly before: readonly DrawWindows[];
  /** Windows after resizing. */
  readonly after: readonly DrawWindows[];
}

/** Windows that follow each other, and the value beyond the edges, if they go there. */
interface Windows {
  readonly draws: DrawWindows[];
  fill?: number;
}

/** Plans a transform for the device. If the device cannot do it, returns in words what it cannot do. */
export function planForDevice(
  transform: Transform,
  [height, width, channels]: ImageShape,
): DevicePlan | string {
  const stored: Extent = { height, width };
  const before: Windows = { draws: [] };
  const after: Windows = { draws: [] };
  let viewed = stored;
  let size = stored;
  let resized: Extent | undefined;
  let divisor: 1 | 255 = 1;
  let normal: Pick<GatherSizes, "mean" | "std"> | undefined;
  for (const { description, onDevice } of takeApart(transform)) {
    const cannot = (why: string) => `"${description}" ${why}`;
    switch (onDevice?.kind) {
      case undefined:
        return cannot("is done on the host only");
      case "scale":
        divisor = 255;
        break;
      case "normalize": {
        const { mean, std } = onDevice;
        const lengths = [mean.length, std.length];
        if (!lengths.every((length) => length === 1 || length === channels)) {
          return cannot(`is not for images of ${channels} channel(s)`);
        }
        if (normal || divisor === 1) {
          return cannot("is not right after scaling");
        }
        normal = { mean, std };
        break;
      }
      case "resize": {
        const { size: asked, fitted } = onDevice;
        if (isSameSize(asked, size)) break;
        const isLess = asked.height < size.height || asked.width < size.width;
        if (isLess || !isSameSize(fitted(size), asked)) {
          return cannot(
            "shrinks images or changes edges, as only the host can",
          );
        }
        // The kernel normalizes last, and would round otherwise than the host.
        if (normal) return cannot("comes after normalizing");
        if (resized) return cannot("resizes a second time");
        size = resized = asked;
        break;
      }
      case "windows": {
        const windows = resized ? after : before;
        if (onDevice.fill !== undefined) {
          // The kernel takes the value in the units of the bytes.
          const fill = onDevice.fill * divisor;
          if (normal) return cannot("adds pixels after normalizing");
          if (fill !== (windows.fill ?? fill)) {
            return cannot("adds pixels of another value");
          }
          windows.fill = fill;
        }
        windows.draws.push(onDevice.draw);
        // Sizes do not depend on the numbers that are drawn.
        const { height, width } = onDevice.draw(size, () => 0).at(-1)!;
        size = { height, width };
        if (!resized) viewed = size;
      }
    }
  }
  const fillOf = ({ draws, fill = 0 }: Windows) =>
    draws.length > 0 ? { fill } : undefined;
  return {
    before: before.draws,
    after: after.draws,
    sizes: {
      stored,
      channels,
      viewed,
      resized: resized ?? viewed,
      output: size,
      before: fillOf(before),
      after: fillOf(after),
      divisor,
      mean: normal?.mean ?? [0],
      std: normal?.std ?? [1],
    },
  };
}

/** Draws the windows of a batch: int32 `[batch, wordsPerImage]`, the first word of each row is the index of the image. */
export function drawRows(
  { sizes, before, after }: DevicePlan,
  batch: BatchPlan,
  indices: ArrayLike<number>,
): Int32Array<ArrayBuffer> {
  const stride = wordsPerImage(sizes);
  const rows = new Int32Array(indices.length * stride);
  for (let i = 0; i < indices.length; i++) {
    let at = i * stride;
    rows[at++] = indices[i];
    if (stride === 1) continue;
    const random = randomOf(batch, i);
    if (before.length > 0) {
      rows.set(fold(before, sizes.stored, random), at);
      at += WINDOW_WORDS;
    }
    if (after.length > 0) rows.set(fold(after, sizes.resized, random), at);
  }
  return rows;
}

/** Draws windows that are looked through one after the other, and makes one of them: see {@linkcode WINDOW_WORDS}. */
function fold(
  draws: readonly DrawWindows[],
  image: Extent,
  random: () => number,
): number[] {
  let sign = 1;
  let [left, top] = [0, 0];
  let [firstColumn, endColumn] = [0, image.width];
  let [firstRow, endRow] = [0, image.height];
  let size = image;
  for (const draw of draws) {
    for (const window of draw(size, random)) {
      // This window shows nothing that the last one does not show.
      const edges = [left, left + sign * (size.width - 1)];
      firstColumn = Math.max(firstColumn, Math.min(...edges));
      endColumn = Math.min(endColumn, Math.max(...edges) + 1);
      firstRow = Math.max(firstRow, top);
      endRow = Math.min(endRow, top + size.height);
      left += sign * (window.left + (window.isFlipped ? window.width - 1 : 0));
      if (window.isFlipped) sign = -sign;
      top += window.top;
      size = window;
    }
  }
  return [sign, left, top, firstColumn, endColumn, firstRow, endRow];
}
