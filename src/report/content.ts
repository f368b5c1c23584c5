/**
 * What the page is made of.
 *
 * @module
 */

import type { PlacedLayer } from "../nn/summary.ts";
import type { RunRecords } from "../runs/read_run.ts";
import type { RunEvaluation } from "./evaluation.ts";

/** Everything that sections are made from. */
export interface ReportContent extends RunRecords {
  /** Name of the run. */
  readonly name: string;
  /** The layers of the network. */
  readonly layers: readonly PlacedLayer[];
  /** What the network does on the test images, if there is a checkpoint. */
  readonly evaluation?: RunEvaluation;
}

/** The networks by their proper names. */
export const MODEL_NAMES = { alexnet: "AlexNet", lenet: "LeNet" } as const;
