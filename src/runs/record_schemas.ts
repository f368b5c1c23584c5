/**
 * What the files of a run folder must say to be believed.
 *
 * @module
 */

import * as v from "valibot";
import { COUNTS } from "../data/fashion_mnist/fashion_mnist.ts";
import type { TrainingProgress } from "../train/state.ts";
import type { MetricsRecord, RunConfig } from "./records.ts";

/** Longest text, in characters. */
const MAX_TEXT = 10_000;

/** Most classes of a network. */
const MAX_CLASSES = 1000;

/** Largest images, as with `--resize`. */
const MAX_IMAGE_SIZE = 1024;

const text = v.pipe(v.string(), v.maxLength(MAX_TEXT));
const finite = v.pipe(v.number(), v.finite());
const positive = v.pipe(finite, v.minValue(0));
const share = v.pipe(finite, v.minValue(0), v.maxValue(1));
const count = (min: number, max = Number.MAX_SAFE_INTEGER) =>
  v.pipe(v.number(), v.safeInteger(), v.minValue(min), v.maxValue(max));

/** What `config.json` must be. */
export const CONFIG_SCHEMA: v.GenericSchema<unknown, RunConfig> = v.pipe(
  v.object({
    format: v.literal(1),
    started: v.pipe(text, v.isoTimestamp()),
    versions: v.record(text, text),
    device: text,
    adapter: v.optional(
      v.object({ name: text, vendor: text, isSoftware: v.boolean() }),
    ),
    system: text,
    model: v.object({
      model: v.picklist(["alexnet", "lenet"]),
      classes: count(2, MAX_CLASSES),
      imageSize: count(1, MAX_IMAGE_SIZE),
    }),
    recipe: v.record(text, v.unknown()),
    data: v.object({
      source: v.picklist(["full", "sample"]),
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
    ({ data }) =>
      data.trainSamples <= COUNTS[data.source].train &&
      data.testSamples <= COUNTS[data.source].test,
    "there are not so many images in the data set",
  ),
);

const STEP = v.object({
  type: v.literal("step"),
  epoch: count(1),
  step: count(0),
  loss: v.nullable(finite),
  accuracy: share,
  learningRate: positive,
});

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

const EPOCH = v.object({ type: v.literal("epoch"), ...END });

/** What the state of a run, in the header of its checkpoints, must be. */
export const PROGRESS_SCHEMA: v.GenericSchema<unknown, TrainingProgress> = v
  .object({
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
  }) as v.GenericSchema<unknown, TrainingProgress>;

/** What a line of `metrics.jsonl` must be. */
export const RECORD_SCHEMA: v.GenericSchema<unknown, MetricsRecord> = v.variant(
  "type",
  [STEP, EPOCH],
) as v.GenericSchema<unknown, MetricsRecord>;
