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

export { throwIfDeviceFailed, type TunedOperation } from "../device/device.ts";
export type { NamedTensor } from "../io/safetensors.ts";
export { adam, type AdamOptions, adamW } from "../optim/adam.ts";
export {
  type GradientScale,
  LossScale,
  type LossScaleOptions,
  NormClip,
  type NormClipOptions,
} from "../optim/gradient_scale.ts";
export type { Optimizer, OptimizerState } from "../optim/optimizer.ts";
export {
  constantRate,
  type ConstantRateOptions,
  cosineRate,
  type CosineRateOptions,
  oneCycleRate,
  type OneCycleRateOptions,
  type Schedule,
  stepRate,
  type StepRateOptions,
  warmup,
  type WarmupOptions,
} from "../optim/schedule.ts";
export { sgd, type SgdOptions } from "../optim/sgd.ts";
export type { BatchSource } from "./batch_source.ts";
export type {
  Callbacks,
  CallbackStates,
  EpochEnd,
  Progress,
  StepEnd,
  Training,
} from "./callbacks.ts";
export type { Communicator, Summable } from "./communicator.ts";
export { evaluate, type EvaluateOptions } from "./evaluate.ts";
export {
  fit,
  type FitOptions,
  type History,
  type Interruption,
} from "./fit.ts";
export {
  findLearningRate,
  type LearningRateCurve,
  type LearningRateOptions,
  type LearningRatePoint,
  type LearningRateSuggestions,
} from "./lr_finder.ts";
export type { LossAndAccuracy, MetricsSums } from "./metrics.ts";
export {
  type EarlyStopping,
  earlyStopping,
  type EarlyStoppingOptions,
  type Monitor,
  type MonitorMode,
  type ReduceOnPlateau,
  reduceOnPlateau,
  type ReduceOnPlateauOptions,
} from "./plateau.ts";
export {
  classify,
  type ClassifyOptions,
  type ClassMetrics,
  classMetrics,
  type ClassProbability,
  confusionMatrix,
  evaluatePredictions,
  type Predictions,
} from "./predictions.ts";
export type { Checkpoints, TrainingProgress, TrainingState } from "./state.ts";
export {
  type LossAndGradients,
  lossAndGradients,
  type StepOptions,
} from "./step.ts";
export {
  tune,
  type TuneOptions,
  type TuningOptions,
  useTuned,
} from "./tune.ts";
