/**
 * Lowers the learning rate when training stands still.
 *
 * @module
 */

import { OptionError } from "../errors.ts";
import { requireInteger, requireNumber } from "../options.ts";
import type { Callbacks } from "./callbacks.ts";
import {
  describeMonitor,
  formatEpochs,
  type Monitor,
  type MonitorMode,
  requireState,
  type StateField,
  type StateOf,
  valueOf,
} from "./monitor.ts";

/** Options of {@linkcode reduceOnPlateau}. */
export interface ReduceOnPlateauOptions {
  /** What is watched. Default "testLoss". */
  monitor?: Monitor;
  /** Whether less of it is better, or more. Default "min" for losses, "max" for accuracies. */
  mode?: MonitorMode;
  /** What the learning rate is multiplied by, in (0, 1). Default 0.1. */
  factor?: number;
  /** Epochs without improvement that are let pass: the rate falls after the next. Default 10. */
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

const STATE = {
  best: "number?",
  bad: "count",
  cooldown: "count",
} as const satisfies Record<string, StateField>;

/**
 * Multiplies the optimizer's learning rate by a factor once what is watched has not improved for more than so many epochs, as
 * PyTorch's `ReduceLROnPlateau`. It does not go with the `schedule` of `fit`, which sets the rate of every step.
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
  _requireOneOf("mode", mode, ["min", "max"]);
  _requireOneOf("thresholdMode", thresholdMode, ["rel", "abs"]);
  requireNumber("factor", factor, { above: 0, below: 1 });
  requireInteger("patience", patience, { min: 0 });
  requireNumber("threshold", threshold, { min: 0 });
  requireInteger("cooldown", cooldown, { min: 0 });
  requireNumber("minLearningRate", minLearningRate, { min: 0 });
  let state: StateOf<typeof STATE> = { best: null, bad: 0, cooldown: 0 };

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
      state = requireState("reduceOnPlateau", saved, STATE);
    },
  };
}

function _requireOneOf(
  option: string,
  value: string,
  values: readonly string[],
): void {
  if (values.includes(value)) return;
  throw new OptionError(option, value, `one of ${values.join(", ")}`);
}
