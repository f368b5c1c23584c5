/**
 * What the files of a run folder say: `config.json`, once, and `metrics.jsonl`, a line per step and per epoch.
 *
 * @module
 */

import type { AdapterDescription } from "../device/device.ts";
import type { ModelConfig } from "../io/checkpoint.ts";
import type { EpochEnd } from "../train/callbacks.ts";

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
    readonly source: "full" | "sample";
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
