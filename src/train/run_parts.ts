/**
 * What a training run is made of.
 *
 * @module
 */

import type { Callbacks } from "./callbacks.ts";
import type { Replicas } from "./replicas.ts";
import type { Checkpoints } from "./state.ts";
import type { UpdateParts } from "./update.ts";

/** What a run is made of. */
export interface RunParts extends UpdateParts {
  /** Ties to the processes that train together with this one. */
  readonly replicas?: Replicas;
  readonly callbacks: readonly Callbacks[];
  readonly checkpoints?: Checkpoints;
  readonly signal?: AbortSignal;
  readonly logEvery: number;
  /** By `performance.now()`. */
  readonly deadline: number;
}
