/**
 * Sees how far training is, and tells.
 *
 * @module
 */

import type { Progress } from "./callbacks.ts";
import type { Metrics } from "./metrics.ts";
import { Pacer, pause } from "./pacer.ts";
import type { RunParts } from "./run_parts.ts";

/** Waits for the device about once a second, and tells callbacks what it finds. */
export class Lookout {
  readonly #parts: Pick<RunParts, "callbacks" | "logEvery" | "deadline">;
  readonly #pacer = new Pacer();

  /** @param parts Whom to tell, and how often. */
  constructor(parts: Pick<RunParts, "callbacks" | "logEvery" | "deadline">) {
    this.#parts = parts;
  }

  /**
   * Waits for the device, if it is time to.
   *
   * @param metrics Sums over the epoch.
   * @param where Epoch, batches in it, and whether to wait in any case.
   * @returns What was found, once callbacks know it; undefined where it was not time.
   */
  async afterStep(
    metrics: Metrics,
    { epoch, batches, isDue }: Pick<Progress, "epoch" | "batches"> & {
      isDue: boolean;
    },
  ): Promise<Progress | undefined> {
    const { logEvery, deadline } = this.#parts;
    const isTime = this.#pacer.step() || performance.now() >= deadline;
    if (!isDue && !isTime && metrics.batches % logEvery !== 0) return;
    const progress = await metrics.progress({ phase: "train", epoch, batches });
    this.#pacer.caughtUp();
    // Told first, so that what led to a loss that is not finite is known.
    await this.tell(progress);
    await pause();
    return progress;
  }

  /**
   * Tells callbacks how far the run is.
   *
   * @param progress How far.
   */
  async tell(progress: Progress): Promise<void> {
    for (const c of this.#parts.callbacks) await c.onProgress?.(progress);
  }
}
