/**
 * What the files of a run folder say: `config.json`, once, and `metrics.jsonl`, a line per step and per epoch; and the
 * checks of what they say. Load this file only to check something, as it loads valibot: its types cost nothing.
 */

import * as v from "valibot";
import { COUNTS } from "../data/fashion_mnist/fashion_mnist.ts";
import type { AdapterDescription } from "../device/device.ts";
import { ShapeError } from "../errors.ts";
import { type ModelConfig, parseModelConfig } from "../io/network.ts";
import { reasonOf } from "../reason.ts";
import type { EpochEnd } from "../train/callbacks.ts";
import type { TrainingProgress } from "../train/state.ts";

/** Everything that a run depends on: `config.json`. */
export interface RunConfig {
  /** Version of the run folder. */
  readonly format: 1;
  /** When the run began, ISO 8601 in UTC. */
  readonly started: string;
  /** Versions by name: "@x/alexnet", "deno", "@tensorflow/tfjs-core". */
  readonly versions: Readonly<Record<string, string>>;
  /** What it computes on, in words, for example "WebGPU, llvmpipe (LLVM 15.0.6, 256 bits), a software adapter". */
  readonly device: string;
  /** The WebGPU adapter, where there is one. */
  readonly adapter?: Pick<
    AdapterDescription,
    "name" | "vendor" | "isSoftware"
  >;
  /** Operating system and architecture, for example "linux x86_64". */
  readonly system: string;
  /** Which network. */
  readonly model: ModelConfig;
  /** Every choice of the run by the names of options: epochs, batch-size, learning-rate, seed and so on. */
  readonly recipe: Readonly<Record<string, unknown>>;
  /** The data. */
  readonly data: {
    /** Which part of Fashion-MNIST; "own" for other data. */
    readonly source: "full" | "sample" | "own";
    readonly classNames: readonly string[];
    readonly trainSamples: number;
    readonly testSamples: number;
    /** SHA-256 of each decompressed file, by its name. */
    readonly sha256: Readonly<Record<string, string>>;
    /** What is done to each training image, first to last. */
    readonly transforms: readonly string[];
  };
}

/** A step: a line of `metrics.jsonl`. */
export interface StepRecord {
  /** Tells steps from epochs. */
  readonly type: "step";
  /** Epoch, from 1. */
  readonly epoch: number;
  /** Step, from 0 over the run. */
  readonly step: number;
  /** Mean loss of the batch before the step, in nats, as float32; null if it is not finite, which ends the run. */
  readonly loss: number | null;
  /** Accuracy on the batch before the step, in [0, 1]. */
  readonly accuracy: number;
  /** Step size. */
  readonly learningRate: number;
}

/** An epoch: a line of `metrics.jsonl`. */
export interface EpochRecord extends EpochEnd {
  /** Tells epochs from steps. */
  readonly type: "epoch";
}

/** A line of `metrics.jsonl`. */
export type MetricsRecord = StepRecord | EpochRecord;

const text = v.pipe(v.string(), v.maxLength(10_000));
const finite = v.pipe(v.number(), v.finite());
const positive = v.pipe(finite, v.minValue(0));
const share = v.pipe(finite, v.minValue(0), v.maxValue(1));
const count = (min: number, max = Number.MAX_SAFE_INTEGER) =>
  v.pipe(v.number(), v.safeInteger(), v.minValue(min), v.maxValue(max));

/** Checks what `config.json` says. */
export const checkConfig: (value: unknown) => RunConfig = checker(v.pipe(
  v.object({
    format: v.literal(1),
    started: v.pipe(text, v.isoTimestamp()),
    versions: v.record(text, text),
    device: text,
    adapter: v.optional(
      v.object({ name: text, vendor: text, isSoftware: v.boolean() }),
    ),
    system: text,
    model: v.pipe(
      v.unknown(),
      v.rawTransform(({ dataset: { value }, addIssue, NEVER }) => {
        try {
          return parseModelConfig(JSON.stringify(value));
        } catch (error) {
          addIssue({ message: reasonOf(error) });
          return NEVER;
        }
      }),
    ),
    recipe: v.record(text, v.unknown()),
    data: v.object({
      source: v.picklist(["full", "sample", "own"]),
      classNames: v.array(text),
      trainSamples: count(1),
      testSamples: count(1),
      sha256: v.record(text, text),
      transforms: v.array(text),
    }),
  }),
  v.check(
    ({ model, data }) => model.classes === data.classNames.length,
    "there must be a class name for each class",
  ),
  v.check(
    ({ data: { source, trainSamples, testSamples } }) =>
      source === "own" ||
      trainSamples <= COUNTS[source].train &&
        testSamples <= COUNTS[source].test,
    "there are not so many images in the data set",
  ),
));

const END = {
  isPartial: v.boolean(),
  epoch: count(1),
  loss: finite,
  trainAccuracy: share,
  // JSON leaves out what is undefined.
  testAccuracy: v.optional(share),
  testLoss: v.optional(finite),
  measuredTrainAccuracy: v.optional(share),
  steps: count(0),
  learningRate: positive,
  seconds: positive,
  waitSeconds: positive,
  imagesPerSecond: positive,
};

/** Checks what a line of `metrics.jsonl` says. */
export const checkRecord: (value: unknown) => MetricsRecord = checker(
  v.variant("type", [
    v.object({
      type: v.literal("step"),
      epoch: count(1),
      step: count(0),
      loss: v.nullable(finite),
      accuracy: share,
      learningRate: positive,
    }),
    v.object({ type: v.literal("epoch"), ...END }),
  ]) as v.GenericSchema<unknown, MetricsRecord>,
);

/** Checks the state of a run, which the header of its checkpoints says. */
export const checkProgress: (value: unknown) => TrainingProgress = checker(
  v.object({
    epoch: count(1),
    step: count(0),
    sums: v.object({
      loss: finite,
      correct: count(0),
      count: count(0),
      batches: count(0),
      seconds: positive,
    }),
    waitSeconds: positive,
    learningRate: positive,
    epochs: v.array(v.object(END)),
    callbacks: v.record(text, v.unknown()),
  }) as v.GenericSchema<unknown, TrainingProgress>,
);

/** Makes a check: it returns a value that fits the schema, and otherwise throws a `ShapeError` that says where and why. */
function checker<T>(schema: v.GenericSchema<unknown, T>) {
  return (value: unknown): T => {
    const result = v.safeParse(schema, value, { abortEarly: true });
    if (result.success) return result.output;
    const [{ path, message }] = result.issues;
    const field = path?.map(({ key }) => key).join(".");
    throw new ShapeError(field ? `${field}: ${message}` : message);
  };
}
