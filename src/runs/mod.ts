/** Run folders: what a training run leaves behind, and goes on from. */

export { readRun, type RunRecords } from "./read_run.ts";
export type {
  EpochRecord,
  MetricsRecord,
  RunConfig,
  StepRecord,
} from "./records.ts";
export { findCheckpoint } from "./run_checkpoints.ts";
export {
  type ResumeOptions,
  RunFolder,
  type RunFolderOptions,
} from "./run_folder.ts";
