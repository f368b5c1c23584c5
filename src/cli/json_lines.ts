/**
 * `--json`: what a command says to other programs, one JSON object a line and nothing else on standard output.
 *
 * @module
 */

import type { Process } from "../distributed/processes.ts";
import type { EpochRecord, RunConfig } from "../runs/records.ts";
import type { Progress } from "../train/callbacks.ts";
import type { History } from "../train/fit.ts";

/** The run begins: the first line. */
export interface StartLine {
  readonly type: "start";
  /** Everything that the run depends on. */
  readonly config: RunConfig;
  /** The processes that train together, by rank, with `--distributed`. */
  readonly processes?: readonly Process[];
  /** Run folder, if there is one. */
  readonly out?: string;
  /** Training steps that were done before, if the run was resumed. */
  readonly resumedAtStep?: number;
}

/** How far training or evaluation is, about once a second and at every `--log-every` steps. */
export interface ProgressLine extends Progress {
  readonly type: "progress";
}

/** A checkpoint was written. */
export interface CheckpointLine {
  readonly type: "checkpoint";
  /** The file. */
  readonly path: string;
  /** Training steps that are done. */
  readonly step: number;
}

/** Something that a person would be told in words. */
export interface NoteLine {
  readonly type: "note";
  /** The words. */
  readonly message: string;
}

/** The run is over: the last line. A run that fails has none, and an exit code other than 0. */
export interface EndLine {
  readonly type: "end";
  /** What `fit` returned. */
  readonly history: History;
}

/** A line of `train --json`; what is unknown is left out, and a number that is not finite is null. */
export type JsonLine =
  | StartLine
  | ProgressLine
  | EpochRecord
  | CheckpointLine
  | NoteLine
  | EndLine;

/**
 * Prints a line on standard output.
 *
 * @param line What happened.
 */
export function printJson(line: JsonLine): void {
  console.log(JSON.stringify(line));
}
