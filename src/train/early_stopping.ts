/**
 * Ends training when it no longer helps.
 *
 * @module
 */

import { requireInteger, requireNumber } from "../options.ts";
import type { Callbacks } from "./callbacks.ts";
import {
  describeMonitor,
  formatEpochs,
  type Monitor,
  requireState,
  type StateField,
  type StateOf,
  valueOf,
} from "./monitor.ts";

/** Options of {@linkcode earlyStopping}. */
export interface EarlyStoppingOptions {
  /** What is watched: losses are to fall, accuracies to rise. Default "testLoss". */
  monitor?: Monitor;
  /** What a change must be more than to be an improvement, at least 0. Default 0. */
  minDelta?: number;
  /** Epochs without improvement after which training ends; 0 is the first. Default 0. */
  patience?: number;
  /** What must be improved on, besides what was best, for an epoch to count as an improvement. Default: nothing. */
  baseline?: number;
  /** Epochs at the start that are not watched. Default 0. */
  startFromEpoch?: number;
}

/** A callback that ends training. */
export interface EarlyStopping extends Callbacks {
  /** One line for people, for example "early stopping on test loss, patience 3". */
  readonly description: string;
  /** Why it ended training, for people; `undefined` as long as it has not. */
  readonly reason: string | undefined;
}

const STATE = {
  best: "number?",
  bestEpoch: "count",
  wait: "count",
  /** Epoch after which it ended training; 0 if it has not. */
  stoppedEpoch: "count",
} as const satisfies Record<string, StateField>;

/**
 * Ends training after an epoch once what is watched has not improved for so many, as the `EarlyStopping` of
 * Keras 3. It leaves the
 * weights of the last epoch (Keras's `restore_best_weights=False`): a run folder's `checkpoints/best` has the best ones.
 *
 * @example
 * ```ts
 * import { earlyStopping, fit, initBackend, lenet, loadFashionMnist } from "@x/alexnet";
 *
 * await initBackend();
 * const { train, test } = await loadFashionMnist({ source: "sample", batchSize: 64 });
 * const stopping = earlyStopping({ patience: 2 });
 * await fit(lenet(), train, { epochs: 50, validation: test, callbacks: [stopping] });
 * console.log(stopping.reason);
 * ```
 *
 * @param options What is watched, and for how long.
 * @returns The callback, for one run of `fit`; a resumed run goes on with its count.
 * @throws {OptionError} If an option is out of its range.
 */
export function earlyStopping(
  options: EarlyStoppingOptions = {},
): EarlyStopping {
  const { monitor = "testLoss", minDelta = 0, patience = 0 } = options;
  const { baseline, startFromEpoch = 0 } = options;
  const { words, mode } = describeMonitor(monitor);
  requireNumber("minDelta", minDelta, { min: 0 });
  requireInteger("patience", patience, { min: 0 });
  requireInteger("startFromEpoch", startFromEpoch, { min: 0 });
  if (baseline !== undefined) requireNumber("baseline", baseline, {});
  let state: StateOf<typeof STATE> = {
    best: null,
    bestEpoch: 0,
    wait: 0,
    stoppedEpoch: 0,
  };

  function improves(value: number, on: number | null | undefined): boolean {
    if (on === null || on === undefined) return Number.isFinite(value);
    return mode === "min" ? value + minDelta < on : value - minDelta > on;
  }

  return {
    name: "earlyStopping",
    description: `early stopping on ${words}, patience ${patience}`,
    get reason() {
      return state.stoppedEpoch === 0
        ? undefined
        : _explain(words, { ...state, baseline });
    },
    onEpochEnd(event, training) {
      const { epoch, isPartial } = event;
      const value = valueOf(event, monitor);
      if (isPartial || epoch <= startFromEpoch) return;
      if (improves(value, state.best)) {
        const wait = improves(value, baseline) ? 0 : state.wait + 1;
        state = { ...state, best: value, bestEpoch: epoch, wait };
        return;
      }
      state.wait++;
      // Not after the first epoch, as Keras has it.
      if (state.wait < patience || epoch === 1) return;
      state.stoppedEpoch = epoch;
      training.stop();
    },
    saveState: () => ({ ...state }),
    restoreState(saved, training) {
      state = requireState("earlyStopping", saved, STATE);
      if (state.stoppedEpoch > 0) training.stop();
    },
  };
}

function _explain(
  words: string,
  { best, bestEpoch, wait, baseline }: StateOf<typeof STATE> & {
    baseline: number | undefined;
  },
): string {
  const than = [
    best === null ? "" : `${best.toPrecision(4)} of epoch ${bestEpoch}`,
    baseline === undefined ? "" : `the baseline ${baseline}`,
  ].filter(Boolean).join(" or ");
  return `${words} has not improved ${than && `on ${than} `}for ${
    formatEpochs(wait)
  }`;
}
