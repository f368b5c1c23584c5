/**
 * What `train` prints: lines for people, or with `--json` one JSON object a line for programs.
 *
 * @module
 */

import type { BackendInfo } from "../../device/device.ts";
import type { MpiCommunicator } from "../../distributed/mpi_communicator.ts";
import { nameOf, type Process } from "../../distributed/processes.ts";
import type { Sequential } from "../../nn/sequential.ts";
import type { EpochRecord, RunConfig } from "../../runs/records.ts";
import type { Callbacks, EpochEnd, Progress } from "../../train/callbacks.ts";
import type { History } from "../../train/fit.ts";
import type { Recipe } from "../recipe.ts";
import {
  formatBytes,
  formatDuration,
  formatEpoch,
  formatSpeed,
} from "../terminal/console.ts";
import type { ProgressView } from "../terminal/progress.ts";

/** Batches after which the speed is known well enough to estimate the time. */
const ESTIMATE_AFTER = 3;

/** Share of an epoch that may be spent waiting for data without a word. */
const MAX_WAIT = 0.05;

/** The run begins: the first line. */
interface StartLine {
  readonly type: "start";
  /** Everything that the run depends on. */
  readonly config: RunConfig;
  /** The processes that train together, by rank, with `--distributed`. */
  readonly processes?: readonly Process[];
  /** Run folder, if there is one. */
  readonly out?: string;
  /** Training steps that were done before, if the run was resumed. */
  readonly resumedAtStep?: number;
}

/** How far training or evaluation is, about once a second and at every `--log-every` steps. */
interface ProgressLine extends Progress {
  readonly type: "progress";
}

/** A checkpoint was written. */
interface CheckpointLine {
  readonly type: "checkpoint";
  /** The file. */
  readonly path: string;
  /** Training steps that are done. */
  readonly step: number;
}

/** Something that a person would be told in words. */
interface NoteLine {
  readonly type: "note";
  /** The words. */
  readonly message: string;
}

/** The run is over: the last line. A run that fails has none, and an exit code other than 0. */
interface EndLine {
  readonly type: "end";
  /** What `fit` returned. */
  readonly history: History;
}

/** A line that `train --json` prints on standard output; what is unknown is left out, and a number that is not finite is null. */
export type JsonLine =
  | StartLine
  | ProgressLine
  | EpochRecord
  | CheckpointLine
  | NoteLine
  | EndLine;

/** What is told before training. */
export interface Beginning extends Omit<StartLine, "type"> {
  /** The same for people. */
  readonly lines: readonly string[];
  /** Epochs that were done before. */
  readonly epochs: readonly EpochEnd[];
}

/** Tells how training goes. */
export interface TrainOutput {
  /** Tells what is going to be done. */
  begin(beginning: Beginning): void;
  /** Tells something in words, if there is something to tell. */
  note(text: string | undefined): void;
  /** Tells how far training is, and of each epoch. */
  readonly callbacks: Callbacks;
  /** Tells of a checkpoint. */
  checkpoint(path: string, step: number): void;
  /** Tells that training is over, before anything that follows from it. */
  trained(): void;
  /** Tells what was done: the last thing. */
  end(history: History): void;
}

/** Chooses how to print: lines on a terminal that `view` shows, or JSON. */
export function trainOutput(
  recipe: Recipe,
  view: ProgressView,
): TrainOutput {
  return recipe.json ? forPrograms(recipe) : forPeople(recipe, view);
}

/** Prints nothing. */
export const SILENT: TrainOutput = {
  begin() {},
  note() {},
  callbacks: {},
  checkpoint() {},
  trained() {},
  end() {},
};

function forPrograms({ quiet }: Recipe): TrainOutput {
  return {
    begin: ({ lines: _, epochs: __, ...rest }) =>
      printJson({ type: "start", ...rest }),
    note(message) {
      if (!quiet && message) printJson({ type: "note", message });
    },
    callbacks: {
      onProgress(e) {
        if (!quiet) printJson({ type: "progress", ...e });
      },
      onEpochEnd: (e) => printJson({ type: "epoch", ...e }),
    },
    checkpoint: (path, step) => printJson({ type: "checkpoint", path, step }),
    trained() {},
    end: (history) => printJson({ type: "end", history }),
  };
}

function forPeople(
  recipe: Recipe,
  view: ProgressView,
): TrainOutput {
  const { quiet } = recipe;
  const say = (text: string | undefined) => {
    if (!quiet && text !== undefined) console.log(text);
  };
  let isEstimated = false;
  return {
    begin({ lines, epochs }) {
      lines.forEach(say);
      epochs.forEach((epoch) => view.epochEnd(epoch));
    },
    note: say,
    callbacks: {
      onProgress(e) {
        if (!isEstimated && e.phase === "train" && e.batch >= ESTIMATE_AFTER) {
          isEstimated = true;
          view.print(estimateTime(e, recipe));
        }
        view.update(e);
      },
      onEpochEnd(e) {
        view.stop();
        view.epochEnd(e);
        console.log(formatEpoch(e));
        say(explainWait(e));
      },
    },
    checkpoint() {},
    trained: () => view.end(),
    end() {},
  };
}

/** Prints a line on standard output; leaves out what is unknown. */
export function printJson(line: JsonLine): void {
  console.log(JSON.stringify(line));
}

/** Describes in one line what is going to be computed; `optimizer` is the optimizer in words. */
export function describeRecipe(
  recipe: Recipe,
  optimizer: string,
  data: { train: { numSamples: number }; test: { numSamples: number } },
): string {
  const { model, epochs, resize, dropout, precision, seed } = recipe;
  const maxTimeMs = recipe["max-time"];
  return [
    model,
    `${data.train.numSamples} training and ${data.test.numSamples} test images at ${resize}x${resize}`,
    `batch size ${recipe["batch-size"]}`,
    optimizer,
    dropout === undefined ? "" : `dropout ${dropout}`,
    `${epochs} ${epochs === 1 ? "epoch" : "epochs"}`,
    maxTimeMs ? `at most ${formatDuration(maxTimeMs / 1000)}` : "",
    precision === "float32" ? "" : precision,
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
    `together: ${size} ${
      size === 1 ? "process" : "processes"
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

/** Estimates from the first steps how long training takes. */
export function estimateTime(
  e: Progress,
  { epochs, "max-time": maxTimeMs }: Recipe,
): string {
  const left = epochs - e.epoch + 1;
  const seconds = (e.batches ?? e.batch) * e.secondsPerBatch * left;
  const limit = maxTimeMs !== undefined && seconds * 1000 > maxTimeMs
    ? `, stopping after ${formatDuration(maxTimeMs / 1000)}`
    : "";
  return `estimated training time: ${formatDuration(seconds)} for ${left} ${
    left === 1 ? "epoch" : "epochs"
  } at ${formatSpeed(e.imagesPerSecond)}, evaluation not counted${limit}`;
}

/** Explains that an epoch was slow because it waited for batches, if it was. */
export function explainWait(
  { waitSeconds, seconds }: Pick<EpochEnd, "waitSeconds" | "seconds">,
): string | undefined {
  if (waitSeconds < Math.max(1, MAX_WAIT * seconds)) return;
  const percent = Math.round(100 * waitSeconds / seconds);
  return `note: ${percent}% of that time was spent waiting for batches: more --workers or fewer changes of --augment may help`;
}

/** Explains that training ended because the time was up, if it did. */
export function explainStop(
  history: History,
  { "max-time": maxTimeMs, epochs }: Recipe,
  stepsPerEpoch: number,
): string | undefined {
  if (history.stopped !== "max-time" || maxTimeMs === undefined) return;
  return `stopped after ${
    formatDuration(maxTimeMs / 1000)
  } as asked, at step ${history.steps} of ${
    stepsPerEpoch * epochs
  }; test acc is of the weights at that step`;
}

/** Explains that some steps changed nothing, if some did. */
export function explainSkipped(
  { skippedSteps, steps }: History,
): string | undefined {
  if (skippedSteps === 0) return;
  return `note: ${skippedSteps} of ${steps} steps changed nothing, as gradients overflowed float16`;
}
