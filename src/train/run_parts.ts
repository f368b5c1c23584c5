/**
 * What a training run is made of.
 *
 * @module
 */

import type { Callbacks } from "./callbacks.ts";
import type { Checkpoints } from "./state.ts";
import type { UpdateParts } from "./update.ts";

/** Why a run ended before all its epochs were done. */
export type Interruption = "max-time" | "stopped" | "aborted";

/** What a run is made of. */
export interface RunParts extends UpdateParts {
  readonly callbacks: readonly Callbacks[];
  readonly checkpoints?: Checkpoints;
  readonly signal?: AbortSignal;
  readonly logEvery: number;
  /** By `performance.now()`. */
  readonly deadline: number;
}
