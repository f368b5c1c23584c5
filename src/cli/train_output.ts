/**
 * What `train` prints: lines for people, or with `--json` objects for programs.
 *
 * @module
 */

import type { Callbacks, EpochEnd } from "../train/callbacks.ts";
import type { History } from "../train/fit.ts";
import { formatEpoch } from "./console.ts";
import { printJson, type StartLine } from "./json_lines.ts";
import type { OptionValues } from "./options.ts";
import type { ProgressView } from "./progress.ts";
import type { Recipe } from "./recipe.ts";
import { estimateTime, explainWait } from "./train_messages.ts";

/** Batches after which the speed is known well enough to estimate the time. */
const ESTIMATE_AFTER = 3;

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

/**
 * Chooses what to print.
 *
 * @param options The options of the command line.
 * @param view Shows progress to people.
 * @param recipe Every choice of the run.
 * @returns What prints it.
 */
export function trainOutput(
  options: OptionValues,
  view: ProgressView,
  recipe: Recipe,
): TrainOutput {
  return options.json
    ? _forPrograms(options)
    : _forPeople(options, view, recipe);
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

function _forPrograms({ quiet }: OptionValues): TrainOutput {
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

function _forPeople(
  { quiet }: OptionValues,
  view: ProgressView,
  recipe: Recipe,
): TrainOutput {
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
