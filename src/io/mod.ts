/**
 * Files: checkpoints and the formats of other programs, event files for TensorBoard, pictures of images and of filters.
 *
 * @module
 */

export {
  type ContactSheet,
  drawContactSheet,
  encodePng,
  type Picture,
} from "./contact_sheet.ts";
export {
  drawFilters,
  type FilterPictureOptions,
  type Kernel,
} from "./filter_picture.ts";
export { EventWriter, type EventWriterOptions } from "./tensorboard.ts";
export {
  type Checkpoint,
  loadCheckpoint,
  type LoadCheckpointOptions,
  type ModelConfig,
  restoreWeights,
  saveCheckpoint,
  writeCheckpoint,
} from "./checkpoint.ts";
export {
  exportModel,
  type ExportModelOptions,
  importModel,
  type ImportModelOptions,
} from "./interchange/interchange.ts";
export type { KnownModel } from "./interchange/detect.ts";
export type { NamedTensor } from "./safetensors.ts";
