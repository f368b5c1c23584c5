/**
 * Callbacks that act when training stands still: one ends it, the other lowers the learning rate.
 *
 * @module
 */

import { OptionError } from "../errors.ts";
import { requireInteger, requireNumber } from "../options.ts";
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

/** Checks the name of what is watched, and says what people call it and whether less of it is better. */
function describeMonitor(
  monitor: Monitor,
): { readonly words: string; readonly mode: MonitorMode } {
  if (!Object.hasOwn(MONITORS, monitor)) {
    const names = Object.keys(MONITORS).join(", ");
    throw new OptionError("monitor", monitor, `one of ${names}`);
  }
  return MONITORS[monitor];
}

/** The value of what is watched after an epoch. */
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

/** What a field of a state may be: an integer of at least 0; a number, or nothing yet. */
type StateField = "count" | "number?";

/** A state with such fields. Nothing yet is null, as JSON has no infinity. */
type StateOf<Fields extends Readonly<Record<string, StateField>>> = {
  -readonly [Name in keyof Fields]: Fields[Name] extends "number?"
    ? number | null
    : number;
};

/** Checks what a checkpoint says of a callback's state, and gives its fields alone. */
function requireState<
  const Fields extends Readonly<Record<string, StateField>>,
>(callback: string, state: unknown, fields: Fields): StateOf<Fields> {
  const isObject = typeof state === "object" && state !== null;
  const given = (isObject ? state : {}) as Record<string, unknown>;
  const isValid = Object.entries(fields).every(([name, field]) => {
    const value = Object.hasOwn(given, name) ? given[name] : undefined;
    if (field === "number?" && value === null) return true;
    if (typeof value !== "number") return false;
    return field === "count"
      ? Number.isSafeInteger(value) && value >= 0
      : Number.isFinite(value);
  });
  if (!isValid) {
    const names = Object.keys(fields).join(", ");
    const what = `what ${callback}() saved, with numbers for ${names}`;
    throw new OptionError(`state of ${callback}`, JSON.stringify(state), what);
  }
  return Object.fromEntries(
    Object.keys(fields).map((name) => [name, given[name]]),
  ) as StateOf<Fields>;
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

const STOPPING_STATE = {
  best: "number?",
  bestEpoch: "count",
  wait: "count",
  /** Epoch after which it ended training; 0 if it has not. */
  stoppedEpoch: "count",
} as const satisfies Record<string, StateField>;

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
  const { words, mode } = describeMonitor(monitor);
  requireNumber("minDelta", minDelta, { min: 0 });
  requireInteger("patience", patience, { min: 0 });
  requireInteger("startFromEpoch", startFromEpoch, { min: 0 });
  if (baseline !== undefined) requireNumber("baseline", baseline, {});
  let state: StateOf<typeof STOPPING_STATE> = {
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
        : explain(words, { ...state, baseline });
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
      state = requireState("earlyStopping", saved, STOPPING_STATE);
      if (state.stoppedEpoch > 0) training.stop();
    },
  };
}

function explain(
  words: string,
  { best, bestEpoch, wait, baseline }: StateOf<typeof STOPPING_STATE> & {
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

const PLATEAU_STATE = {
  best: "number?",
  bad: "count",
  cooldown: "count",
} as const satisfies Record<string, StateField>;

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
  const { words, mode: usualMode } = describeMonitor(monitor);
  const { mode = usualMode } = options;
  requireOneOf("mode", mode, ["min", "max"]);
  requireOneOf("thresholdMode", thresholdMode, ["rel", "abs"]);
  requireNumber("factor", factor, { above: 0, below: 1 });
  requireInteger("patience", patience, { min: 0 });
  requireNumber("threshold", threshold, { min: 0 });
  requireInteger("cooldown", cooldown, { min: 0 });
  requireNumber("minLearningRate", minLearningRate, { min: 0 });
  let state: StateOf<typeof PLATEAU_STATE> = {
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
      state = requireState("reduceOnPlateau", saved, PLATEAU_STATE);
    },
  };
}

function requireOneOf(
  option: string,
  value: string,
  values: readonly string[],
): void {
  if (values.includes(value)) return;
  throw new OptionError(option, value, `one of ${values.join(", ")}`);
}
