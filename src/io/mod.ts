/**
 * Networks in files: checkpoints, and the formats of other programs.
 *
 * @module
 */

export {
  type Checkpoint,
  loadCheckpoint,
  type LoadCheckpointOptions,
  type ModelConfig,
  restoreWeights,
  saveCheckpoint,
  writeCheckpoint,
} from "./checkpoint.ts";
export { exportModel, type ExportModelOptions } from "./interchange/export.ts";
export { importModel, type ImportModelOptions } from "./interchange/import.ts";
export type { KnownModel } from "./interchange/detect.ts";
export type { NamedTensor } from "./safetensors.ts";
