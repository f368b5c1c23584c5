/**
 * AlexNet on Fashion-MNIST, on Deno's WebGPU: typed data iterators, a trainer, and a command line.
 *
 * ```ts
 * import { alexnet, fit, initBackend, loadFashionMnist, sgd } from "@x/alexnet";
 *
 * await initBackend({ device: "auto" });
 * const { train, test } = await loadFashionMnist({ batchSize: 128, resize: 224 });
 * await fit(alexnet({ classes: 10, seed: 42 }), train, {
 *   epochs: 5,
 *   optimizer: sgd({ learningRate: 0.01 }),
 *   validation: test,
 *   callbacks: [{ onEpochEnd: (e) => console.log(e) }],
 * });
 * ```
 *
 * Layers are in `@x/alexnet/nn`, transforms in `@x/alexnet/data`, and all types of training in `@x/alexnet/train`.
 *
 * From a shell: `deno run -A jsr:@x/alexnet train`.
 *
 * @module
 */

export type {
  AdapterDescription,
  BackendInfo,
  NativeLibrary,
} from "./src/device/device.ts";
export {
  type BackendOptions,
  type DeviceName,
  initBackend,
} from "./src/device/open.ts";
export {
  AlexNetError,
  BackendError,
  DataError,
  DistributedError,
  OptionError,
  SampleError,
  ShapeError,
  TrainingError,
} from "./src/errors.ts";
export {
  type Batch,
  compose,
  DataLoader,
  type DataLoaderOptions,
  type Dataset,
  encodeIdx,
  type FashionMnist,
  type FashionMnistOptions,
  idxDataset,
  type Image,
  imageFolder,
  loadFashionMnist,
  loadImage,
  loadImages,
  resize,
  toTensor,
  trainTestSplit,
  type Transform,
} from "./src/data/mod.ts";
export { alexnet, type AlexNetOptions } from "./src/models/alexnet.ts";
export { lenet, type LeNetOptions } from "./src/models/lenet.ts";
export type { ModelName } from "./src/models/named.ts";
export {
  dense,
  flatten,
  type Layer,
  type LayerSummary,
  type Precision,
  Sequential,
  type SequentialOptions,
} from "./src/nn/mod.ts";
export {
  adam,
  type AdamOptions,
  adamW,
  type BatchSource,
  type Callbacks,
  type Checkpoints,
  classify,
  type ClassifyOptions,
  type ClassMetrics,
  classMetrics,
  type ClassProbability,
  type Communicator,
  confusionMatrix,
  cosineRate,
  earlyStopping,
  type EarlyStoppingOptions,
  type EpochEnd,
  evaluate,
  type EvaluateOptions,
  evaluatePredictions,
  findLearningRate,
  fit,
  type FitOptions,
  type History,
  type LearningRateCurve,
  type LearningRateOptions,
  type LossAndAccuracy,
  type LossAndGradients,
  lossAndGradients,
  oneCycleRate,
  type Optimizer,
  type Predictions,
  type Progress,
  reduceOnPlateau,
  type ReduceOnPlateauOptions,
  type Schedule,
  sgd,
  type SgdOptions,
  type StepEnd,
  type StepOptions,
  stepRate,
  type Training,
  type TrainingState,
  tune,
  type TuneOptions,
  useTuned,
  warmup,
} from "./src/train/mod.ts";
export { connectMpi, type MpiCommunicator } from "./src/distributed/mod.ts";
export {
  type Checkpoint,
  loadCheckpoint,
  type LoadCheckpointOptions,
  type LoadedModel,
  loadModel,
  type ModelConfig,
  type NetworkConfig,
  restoreWeights,
  saveCheckpoint,
  saveModel,
  type SaveModelOptions,
  type TransformConfig,
} from "./src/io/checkpoint.ts";
export {
  exportModel,
  type ExportModelOptions,
  importModel,
  type ImportModelOptions,
  type KnownModel,
} from "./src/io/interchange/interchange.ts";
export {
  type EpochRecord,
  findCheckpoint,
  type MetricsRecord,
  readRun,
  type ResumeOptions,
  type RunConfig,
  RunFolder,
  type RunFolderOptions,
  type RunRecords,
  type StepRecord,
} from "./src/runs/mod.ts";
export {
  type EvaluationOptions,
  type ReportOptions,
  writeReport,
} from "./src/report/mod.ts";

if (import.meta.main) {
  const { main } = await import("./src/cli/main.ts");
  Deno.exit(await main(Deno.args));
}
