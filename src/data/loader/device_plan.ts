/**
 * What the device has to do in place of a transform: which windows to look through, what size to resize to, how to scale.
 *
 * @module
 */

import {
  type GatherSizes,
  WINDOW_WORDS,
  wordsPerImage,
} from "../../device/sizes.ts";
import {
  type DrawWindows,
  partsOf,
  type Step,
  type Transform,
} from "../transforms/transform.ts";
import type { Extent, Placement } from "../transforms/window.ts";
import type { ImageShape } from "./batch.ts";
import type { BatchPlan } from "./epoch_plan.ts";
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

/** Plans a transform for the device. Returns, in words, what the device cannot do, if there is something. */
export function planForDevice(
  transform: Transform,
  shape: ImageShape,
): DevicePlan | string {
  const plan = new Plan(shape);
  for (const { description, step } of partsOf(transform)) {
    const obstacle = step ? plan.add(step) : "is done on the host only";
    if (obstacle !== undefined) return `"${description}" ${obstacle}`;
  }
  return plan.finish();
}

/** A plan that grows step by step. */
class Plan {
  readonly #stored: Extent;
  readonly #channels: number;
  readonly #windows: Record<"before" | "after", DrawWindows[]> = {
    before: [],
    after: [],
  };
  readonly #fills: { before?: number; after?: number } = {};
  #viewed: Extent;
  #resized?: Extent;
  #size: Extent;
  #divisor: 1 | 255 = 1;
  #normalize?: { mean: readonly number[]; std: readonly number[] };

  constructor([height, width, channels]: ImageShape) {
    this.#stored = this.#viewed = this.#size = { height, width };
    this.#channels = channels;
  }

  /** Adds a step. If the device cannot do it, it says why. */
  add(step: Step): string | undefined {
    // Pixels beyond the edges have the units of the bytes, and rounding must be as on the host.
    const isLate = this.#normalize !== undefined;
    switch (step.kind) {
      case "scale":
        this.#divisor = 255;
        return;
      case "normalize": {
        const fits = [step.mean, step.std].every(({ length }) =>
          length === 1 || length === this.#channels
        );
        if (!fits) return `is not for images of ${this.#channels} channel(s)`;
        if (isLate || this.#divisor === 1) return "is not right after scaling";
        this.#normalize = step;
        return;
      }
      case "resize":
        if (isSame(step.size, this.#size)) return;
        if (isLate) return "comes after normalizing";
        if (this.#resized) return "resizes a second time";
        this.#resized = this.#size = step.size;
        return;
      case "window": {
        const side = this.#resized ? "after" : "before";
        if (step.fill !== undefined) {
          const fill = step.fill * this.#divisor;
          const { [side]: known = fill } = this.#fills;
          if (isLate) return "adds pixels after normalizing";
          if (known !== fill) return "adds pixels of another value";
          this.#fills[side] = fill;
        }
        this.#windows[side].push(step.draw);
        // Sizes do not depend on the numbers that are drawn.
        const last = step.draw(this.#size, () => 0).at(-1)!;
        this.#size = { height: last.height, width: last.width };
        if (!this.#resized) this.#viewed = this.#size;
        return;
      }
    }
  }

  finish(): DevicePlan {
    const { before, after } = this.#windows;
    const { before: fillBefore = 0, after: fillAfter = 0 } = this.#fills;
    return {
      before,
      after,
      sizes: {
        stored: this.#stored,
        channels: this.#channels,
        viewed: this.#viewed,
        resized: this.#resized ?? this.#viewed,
        output: this.#size,
        before: before.length > 0 ? { fill: fillBefore } : undefined,
        after: after.length > 0 ? { fill: fillAfter } : undefined,
        divisor: this.#divisor,
        mean: this.#normalize?.mean ?? [0],
        std: this.#normalize?.std ?? [1],
      },
    };
  }
}

/** Draws the windows of a batch: int32 `[batch, wordsPerImage]`. */
export function drawRows(
  plan: DevicePlan,
  batch: BatchPlan,
  places: ArrayLike<number>,
): Int32Array<ArrayBuffer> {
  const { sizes, before, after } = plan;
  const stride = wordsPerImage(sizes);
  const rows = new Int32Array(places.length * stride);
  for (let i = 0; i < places.length; i++) {
    let at = i * stride;
    rows[at++] = places[i];
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

/** Makes one window of several that are looked through one after the other: see {@linkcode WINDOW_WORDS}. */
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
  const lookThrough = (place: Placement) => {
    // This window shows nothing that the last one does not show.
    const edges = [left, left + sign * (size.width - 1)];
    firstColumn = Math.max(firstColumn, Math.min(...edges));
    endColumn = Math.min(endColumn, Math.max(...edges) + 1);
    firstRow = Math.max(firstRow, top);
    endRow = Math.min(endRow, top + size.height);
    left += sign * (place.left + (place.isFlipped ? place.width - 1 : 0));
    if (place.isFlipped) sign = -sign;
    top += place.top;
    size = place;
  };
  for (const draw of draws) draw(size, random).forEach(lookThrough);
  return [sign, left, top, firstColumn, endColumn, firstRow, endRow];
}

function isSame(a: Extent, b: Extent): boolean {
  return a.height === b.height && a.width === b.width;
}
