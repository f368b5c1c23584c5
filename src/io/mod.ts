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
export { exportModel, type ExportOptions } from "./interchange/export.ts";
export { importModel, type ImportOptions } from "./interchange/import.ts";
export type { KnownModel } from "./interchange/detect.ts";
export type { NamedTensor } from "./safetensors.ts";
