/**
 * Run folders: what a training run leaves behind.
 *
 * @module
 */

export type {
  EpochRecord,
  MetricsRecord,
  RunConfig,
  StepRecord,
} from "./records.ts";
export { readRun, type RunRecords } from "./read_run.ts";
