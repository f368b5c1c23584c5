/**
 * Training: fit a network, evaluate it, or compute a single step.
 *
 * ```ts
 * import { alexnet, initBackend, loadFashionMnist } from "@x/alexnet";
 * import { evaluate, fit, sgd } from "@x/alexnet/train";
 *
 * await initBackend();
 * const net = alexnet({ seed: 42 });
 * const { train, test } = await loadFashionMnist({ resize: 224, source: "sample" });
 * await fit(net, train, { optimizer: sgd({ learningRate: 0.01 }), validation: test });
 * console.log(await evaluate(net, test));
 * ```
 *
 * @module
 */

export type {
  Callbacks,
  EpochEnd,
  Progress,
  StepEnd,
  Training,
} from "./callbacks.ts";
export {
  classify,
  type ClassifyOptions,
  type ClassProbability,
} from "./classify.ts";
export {
  type ClassMetrics,
  classMetrics,
  confusionMatrix,
  evaluatePredictions,
  type Predictions,
} from "./confusion.ts";
export type { BatchSource } from "./batch_source.ts";
export {
  type EarlyStopping,
  earlyStopping,
  type EarlyStoppingOptions,
} from "./early_stopping.ts";
export { evaluate, type EvaluateOptions } from "./evaluate.ts";
export type { Communicator, Summable } from "./communicator.ts";
export { fit } from "./fit.ts";
export type { FitOptions, History } from "./fit_options.ts";
export {
  findLearningRate,
  type LearningRateCurve,
  type LearningRateOptions,
  type LearningRatePoint,
} from "./lr_finder.ts";
export type { LearningRateSuggestions } from "./lr_suggestions.ts";
export type { LossAndAccuracy, MetricsSums } from "./metrics.ts";
export type { Monitor, MonitorMode } from "./monitor.ts";
export {
  type ReduceOnPlateau,
  reduceOnPlateau,
  type ReduceOnPlateauOptions,
} from "./reduce_on_plateau.ts";
export type { CallbackStates } from "./callback_states.ts";
export type { Interruption } from "./interruption.ts";
export type { NamedTensor } from "../io/safetensors.ts";
export type { Checkpoints, TrainingProgress, TrainingState } from "./state.ts";
export {
  type LossAndGradients,
  lossAndGradients,
  type StepOptions,
} from "./step.ts";
export {
  tune,
  type TunedOperation,
  type TuneOptions,
  type TuningOptions,
  useTuned,
} from "./tune.ts";
export * from "../optim/mod.ts";
