/** What `train` prints: lines for people, or with `--json` one JSON object a line for programs. */

import type { BackendInfo } from "../../device/device.ts";
import type { MpiCommunicator } from "../../distributed/mpi_communicator.ts";
import { nameOf, type Process } from "../../distributed/processes.ts";
import type { Sequential } from "../../nn/sequential.ts";
import type { EpochRecord, RunConfig } from "../../runs/records.ts";
import { describeChoice } from "../../runs/run_checkpoints.ts";
import type { Callbacks, EpochEnd, Progress } from "../../train/callbacks.ts";
import type { History } from "../../train/fit.ts";
import type { Recipe } from "../recipe.ts";
import {
  formatBytes,
  formatDuration,
  formatEpoch,
  formatQuantity,
  formatSpeed,
} from "../terminal/console.ts";
import type { ProgressView } from "../terminal/progress.ts";

/** Batches after which the speed is known well enough to estimate the time. */
const ESTIMATE_AFTER = 3;

/** Share of an epoch that may be spent waiting for data without a note. */
const MAX_WAIT = 0.05;

/** What is told before training. */
interface Beginning {
  /** Everything that the run depends on. */
  readonly config: RunConfig;
  /** The processes that train together, by rank, with `--distributed`. */
  readonly processes?: readonly Process[];
  /** Run folder, if there is one. */
  readonly out?: string;
  /** Training steps that were done before, if the run was resumed. */
  readonly resumedAtStep?: number;
}

/** A line that `train --json` prints on standard output; what is unknown is left out, and a number that is not finite is null. */
type JsonLine =
  | Beginning & { readonly type: "start" }
  /** About once a second, and at every `--log-every` steps. */
  | Progress & { readonly type: "progress" }
  | EpochRecord
  | {
    readonly type: "checkpoint";
    readonly path: string;
    readonly step: number;
  }
  /** What a person would be told in words. */
  | { readonly type: "note"; readonly message: string }
  /** The last line. A run that fails has none, and an exit code other than 0. */
  | { readonly type: "end"; readonly history: History };

/** Tells how training goes. */
export type TrainOutput = ReturnType<typeof trainOutput>;

/**
 * Prints lines for people, or with `--json` objects for programs; of processes that train together, only the first one prints.
 * `view` shows bars and curves, if it is not quiet.
 */
export function trainOutput(
  recipe: Recipe,
  { view, isFirst }: { view: ProgressView; isFirst: boolean },
) {
  const { json, quiet } = recipe;
  const tell = (line: JsonLine) => {
    if (isFirst && json) console.log(JSON.stringify(line));
  };
  const print = (text: string) => {
    if (isFirst && !json) console.log(text);
  };
  let isEstimated = false;
  return {
    /** Tells what is going to be done: to people in words, and by curves of the epochs that were done before. */
    begin(
      beginning: Beginning,
      { lines, epochs }: {
        lines: readonly string[];
        epochs: readonly EpochEnd[];
      },
    ): void {
      tell({ type: "start", ...beginning });
      if (!quiet) lines.forEach(print);
      epochs.forEach((epoch) => view.epochEnd(epoch));
    },
    /** Tells something in words, if there is something to tell. */
    note(message: string | undefined): void {
      if (quiet || message === undefined) return;
      tell({ type: "note", message });
      print(message);
    },
    /** Tell how far training is, and of each epoch. */
    callbacks: {
      onProgress(e) {
        if (!quiet) tell({ type: "progress", ...e });
        if (!isEstimated && e.phase === "train" && e.batch >= ESTIMATE_AFTER) {
          isEstimated = true;
          view.print(estimateTime(e, recipe));
        }
        view.update(e);
      },
      onEpochEnd(e) {
        tell({ type: "epoch", ...e });
        view.stop();
        view.epochEnd(e);
        print(formatEpoch(e));
        const wait = explainWait(e);
        if (!quiet && wait !== undefined) print(wait);
      },
    } satisfies Callbacks,
    checkpoint(path: string, step: number): void {
      tell({ type: "checkpoint", path, step });
    },
    /** Tells what was done: the last thing. */
    end(history: History): void {
      tell({ type: "end", history });
    },
  };
}

/** Estimates from the first steps how long training takes. */
function estimateTime(
  e: Progress,
  { epochs, "max-time": maxTimeMs = Infinity }: Recipe,
): string {
  const left = epochs - e.epoch + 1;
  const seconds = (e.batches ?? e.batch) * e.secondsPerBatch * left;
  const limit = seconds * 1000 > maxTimeMs
    ? `, stopping after ${formatDuration(maxTimeMs / 1000)}`
    : "";
  return `estimated training time: ${formatDuration(seconds)} for ${
    formatQuantity(left, "epoch")
  } at ${formatSpeed(e.imagesPerSecond)}, evaluation not counted${limit}`;
}

/** Explains that an epoch was slow because it waited for batches, if it was. */
function explainWait({ waitSeconds, seconds }: EpochEnd): string | undefined {
  if (waitSeconds < Math.max(1, MAX_WAIT * seconds)) return;
  const percent = Math.round(100 * waitSeconds / seconds);
  return `note: ${percent}% of that time was spent waiting for batches: more --workers or fewer changes of --augment may help`;
}

/** Describes in one line what is going to be computed; `optimizer` is the optimizer in words. */
export function describeRecipe(
  recipe: Recipe,
  optimizer: string,
  data: { train: { numSamples: number }; test: { numSamples: number } },
): string {
  const { model, epochs, resize, dropout, precision, seed } = recipe;
  const { "batch-size": batchSize, "max-time": maxTimeMs } = recipe;
  return [
    model,
    `${data.train.numSamples} training and ${data.test.numSamples} test images at ${resize}x${resize}`,
    `batch size ${batchSize}`,
    optimizer,
    dropout !== undefined && `dropout ${dropout}`,
    formatQuantity(epochs, "epoch"),
    maxTimeMs && `at most ${formatDuration(maxTimeMs / 1000)}`,
    precision === "float16" && precision,
    `seed ${seed}`,
  ].filter(Boolean).join(", ");
}

/** Tells which processes train together, and with how many images of a batch each. */
export function describeTogether(
  communicator: MpiCommunicator | undefined,
  batchSize: number,
): string[] {
  if (communicator === undefined) return [];
  const { library, size, processes } = communicator;
  const [least, most] = [Math.floor, Math.ceil].map((f) => f(batchSize / size));
  const images = least === most ? least : `${least} or ${most}`;
  return [
    `together: ${
      formatQuantity(size, "process", "processes")
    } by ${library}, each with ${images} images of every batch`,
    ...processes.map((process) => `  ${nameOf(process)}`),
  ];
}

/** Explains that batches are computed in parts, if they are. */
export function explainSplit(
  net: Sequential,
  batchSize: number,
  backend: BackendInfo,
): string | undefined {
  const size = net.maxBatch();
  if (size >= batchSize) return;
  const parts = Math.ceil(batchSize / size);
  return `note: each batch is computed in ${parts} parts, with the same result, as the adapter binds at most ${
    formatBytes(backend.maxBindingBytes)
  }`;
}

/** Explains why training ended early, that some steps changed nothing, and what the test images decided. */
export function explainEnd(
  { stopped, steps, skippedSteps }: History,
  recipe: Recipe,
  { stepsPerEpoch, reason }: { stepsPerEpoch: number; reason?: string },
): string[] {
  const { epochs, "max-time": maxTimeMs, out, resume } = recipe;
  const lines: string[] = [];
  if (stopped === "max-time" && maxTimeMs !== undefined) {
    const time = formatDuration(maxTimeMs / 1000);
    const numSteps = stepsPerEpoch * epochs;
    lines.push(
      `stopped after ${time} as asked, at step ${steps} of ${numSteps}; test acc is of the weights at that step`,
    );
  }
  if (skippedSteps > 0) {
    lines.push(
      `note: ${skippedSteps} of ${steps} steps changed nothing, as gradients overflowed float16`,
    );
  }
  if (reason !== undefined) lines.push(`stopped early: ${reason}`);
  const hasBest = (out ?? resume) !== undefined;
  const choice = describeChoice({ ...recipe }, { hasBest });
  if (choice !== undefined) lines.push(`note: ${choice}`);
  return lines;
}
