/** Callbacks that act when training stands still: one ends it, the other lowers the learning rate. */

import { OptionError } from "../errors.ts";
import { requireInteger, requireNumber, requireOneOf } from "../options.ts";
import type { Callbacks, EpochEnd } from "./callbacks.ts";

/** What a callback may watch from epoch to epoch. */
export type Monitor = "testLoss" | "testAccuracy" | "loss" | "trainAccuracy";

/** Whether less is better, or more. */
export type MonitorMode = "min" | "max";

/** What people call each, and which change is an improvement. */
const MONITORS: Readonly<
  Record<Monitor, { readonly words: string; readonly mode: MonitorMode }>
> = {
  testLoss: { words: "test loss", mode: "min" },
  testAccuracy: { words: "test accuracy", mode: "max" },
  loss: { words: "loss", mode: "min" },
  trainAccuracy: { words: "training accuracy", mode: "max" },
};

function valueOf(event: EpochEnd, monitor: Monitor): number {
  const value = event[monitor];
  if (value === undefined) {
    const what = "loss or trainAccuracy where fit() has no validation data";
    throw new OptionError("monitor", monitor, what);
  }
  return value;
}

/** For example "3 epochs". */
function formatEpochs(count: number): string {
  return `${count} ${count === 1 ? "epoch" : "epochs"}`;
}

/** What a callback keeps: counts, and the best value so far, null where there is none yet, as JSON has no infinity. */
type CallbackState<Counts extends string> =
  & { best: number | null }
  & Record<Counts, number>;

/** Checks what a checkpoint says of a callback's state, and gives the fields alone that its first state has. */
function requireState<State extends CallbackState<never>>(
  callback: string,
  saved: unknown,
  first: State,
): State {
  const names = Object.keys(first);
  const given = Object(saved);
  const isValid = names.every((name) => {
    const value = Object.hasOwn(given, name) ? given[name] : undefined;
    if (name === "best") return value === null || Number.isFinite(value);
    return Number.isSafeInteger(value) && value >= 0;
  });
  if (isValid) {
    return Object.fromEntries(
      names.map((name) => [name, given[name]]),
    ) as State;
  }
  throw new OptionError(
    `state of ${callback}`,
    JSON.stringify(saved),
    `what ${callback}() saved, with numbers for ${names.join(", ")}`,
  );
}

/** Options of {@linkcode earlyStopping}. */
export interface EarlyStoppingOptions {
  /** What is watched: losses are to fall, accuracies to rise. Default "testLoss". */
  monitor?: Monitor;
  /** A change of more than this is an improvement; at least 0. Default 0. */
  minDelta?: number;
  /** Epochs without improvement after which training ends; 0 is the first. Default 0. */
  patience?: number;
  /** A value that an epoch must improve on as well, besides the best so far, to count as an improvement. Default: none. */
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

/**
 * Ends training once what is watched has not improved for `patience` epochs, as the `EarlyStopping` of Keras 3. The weights
 * stay those of the last epoch (Keras's `restore_best_weights=False`): a run folder's `checkpoints/best` has the best ones.
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
  requireOneOf("monitor", monitor, Object.keys(MONITORS));
  const { words, mode } = MONITORS[monitor];
  requireNumber("minDelta", minDelta, { min: 0 });
  requireInteger("patience", patience, { min: 0 });
  requireInteger("startFromEpoch", startFromEpoch, { min: 0 });
  if (baseline !== undefined) requireNumber("baseline", baseline, {});
  let state: CallbackState<"bestEpoch" | "wait" | "stoppedEpoch"> = {
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
      const { best, bestEpoch, wait, stoppedEpoch } = state;
      if (stoppedEpoch === 0) return;
      const than = [
        best === null ? "" : `${best.toPrecision(4)} of epoch ${bestEpoch}`,
        baseline === undefined ? "" : `the baseline ${baseline}`,
      ].filter(Boolean).join(" or ");
      return `${words} has not improved ${than && `on ${than} `}for ${
        formatEpochs(wait)
      }`;
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
      state = requireState("earlyStopping", saved, state);
      if (state.stoppedEpoch > 0) training.stop();
    },
  };
}

/** Options of {@linkcode reduceOnPlateau}. */
export interface ReduceOnPlateauOptions {
  /** What is watched. Default "testLoss". */
  monitor?: Monitor;
  /** Whether less of it is better, or more. Default "min" for losses, "max" for accuracies. */
  mode?: MonitorMode;
  /** What the learning rate is multiplied by, in (0, 1). Default 0.1. */
  factor?: number;
  /** Epochs without improvement that change nothing: the rate falls after the next one. Default 10. */
  patience?: number;
  /** How much better an epoch must be, at least 0. Default 1e-4. */
  threshold?: number;
  /** Whether that is a share of the best so far, or a difference. Default "rel". */
  thresholdMode?: "rel" | "abs";
  /** Epochs after a fall that are not counted. Default 0. */
  cooldown?: number;
  /** What the learning rate does not fall below, at least 0. Default 0. */
  minLearningRate?: number;
}

/** A callback that lowers the learning rate. */
export interface ReduceOnPlateau extends Callbacks {
  /** One line for people, for example "times 0.1 when test loss has not improved for 11 epochs". */
  readonly description: string;
}

/** Least change of a learning rate, as PyTorch's `eps`. */
const LEAST_CHANGE = 1e-8;

/**
 * Multiplies the optimizer's learning rate by a factor once what is watched has not improved for more than `patience` epochs,
 * as PyTorch's `ReduceLROnPlateau`. Use it without the `schedule` of `fit`, which sets the rate of every step.
 *
 * @example
 * ```ts
 * import { fit, initBackend, lenet, loadFashionMnist, reduceOnPlateau } from "@x/alexnet";
 *
 * await initBackend();
 * const { train, test } = await loadFashionMnist({ source: "sample", batchSize: 64 });
 * const callbacks = [reduceOnPlateau({ patience: 2 })];
 * await fit(lenet(), train, { epochs: 50, validation: test, callbacks });
 * ```
 *
 * @param options What is watched, for how long, and how far the rate falls.
 * @returns The callback, for one run of `fit`; a resumed run goes on with its count.
 * @throws {OptionError} If an option is out of its range.
 */
export function reduceOnPlateau(
  options: ReduceOnPlateauOptions = {},
): ReduceOnPlateau {
  const { monitor = "testLoss", factor = 0.1, patience = 10 } = options;
  const { threshold = 1e-4, thresholdMode = "rel" } = options;
  const { cooldown = 0, minLearningRate = 0 } = options;
  requireOneOf("monitor", monitor, Object.keys(MONITORS));
  const { words } = MONITORS[monitor];
  const { mode = MONITORS[monitor].mode } = options;
  requireOneOf("mode", mode, ["min", "max"]);
  requireOneOf("thresholdMode", thresholdMode, ["rel", "abs"]);
  requireNumber("factor", factor, { above: 0, below: 1 });
  requireInteger("patience", patience, { min: 0 });
  requireNumber("threshold", threshold, { min: 0 });
  requireInteger("cooldown", cooldown, { min: 0 });
  requireNumber("minLearningRate", minLearningRate, { min: 0 });
  let state: CallbackState<"bad" | "cooldown"> = {
    best: null,
    bad: 0,
    cooldown: 0,
  };

  function improves(value: number): boolean {
    const { best } = state;
    if (best === null) return Number.isFinite(value);
    const margin = thresholdMode === "rel" ? best * threshold : threshold;
    return mode === "min" ? value < best - margin : value > best + margin;
  }

  return {
    name: "reduceOnPlateau",
    description: `times ${factor} when ${words} has not improved for ${
      formatEpochs(patience + 1)
    }`,
    onEpochEnd(event, { optimizer }) {
      const value = valueOf(event, monitor);
      if (event.isPartial) return;
      if (improves(value)) state = { ...state, best: value, bad: 0 };
      else state.bad++;
      if (state.cooldown > 0) {
        state.cooldown--;
        state.bad = 0;
      }
      if (state.bad <= patience) return;
      state = { ...state, bad: 0, cooldown };
      const { learningRate } = optimizer;
      const next = Math.max(learningRate * factor, minLearningRate);
      if (learningRate - next > LEAST_CHANGE) optimizer.learningRate = next;
    },
    saveState: () => ({ ...state }),
    restoreState(saved) {
      state = requireState("reduceOnPlateau", saved, state);
    },
  };
}
