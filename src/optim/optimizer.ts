/** What an optimizer is, and how one is made of its formula. */

import { device } from "../device/device.ts";
import type { UpdateFormula } from "../device/formula.ts";
import { type Tensor, tf, type Variable } from "../device/tf.ts";
import { OptionError, ShapeError } from "../errors.ts";
import type { GradientScale } from "./gradient_scale.ts";

/** What an optimizer keeps from step to step: lists of float32 tensors by name, for example `velocity`, one per weight. */
export type OptimizerState = Readonly<Record<string, readonly Tensor[]>>;

/** Turns gradients into new weights. It belongs to the network that it was first used on. */
export interface Optimizer {
  /** One line for people, for example "SGD, learning rate 0.01". */
  readonly description: string;
  /** Learning rate of the next step, at least 0: schedules and callbacks change it. */
  learningRate: number;
  /**
   * Changes the weights in place.
   *
   * @param weights The variables of a network, the same and in the same order at every call.
   * @param gradients A tensor per weight, of the same shape: float32 or, with a loss scale, maybe float16; not disposed.
   * @param scale A factor by which the optimizer has to multiply the gradients: 1 over a loss scale, or less to clip them. Only
   * given if the optimizer `takesLossScale`.
   */
  apply(
    weights: readonly Variable[],
    gradients: readonly Tensor[],
    scale?: GradientScale,
  ): void;
  /**
   * Whether `apply` multiplies gradients by a scale, skips steps whose gradients are not finite, and reads gradients that are
   * stored as float16. Training in float16 and clipping need all three. Default false.
   */
  readonly takesLossScale?: boolean;
  /**
   * Gives what the optimizer keeps, so that another one can go on from it.
   *
   * @returns The optimizer's own tensors, which change with every step; none before the first step, or if it keeps nothing.
   */
  state(): OptimizerState;
  /**
   * Goes on from what an optimizer of the same kind kept.
   *
   * @param state What its `state` gave; copied, not disposed.
   * @throws {OptionError} If it is not what this kind keeps.
   */
  restore(state: OptimizerState): void;
  /** Frees what the optimizer keeps on the device. */
  dispose(): void;
}

/** An optimizer that is a formula. */
interface FormulaOptions extends Pick<Optimizer, "description"> {
  /** As an error names it. */
  readonly name: string;
  readonly learningRate: number;
  /** What the formula keeps of each weight, by name: at most two tensors, which begin at 0. */
  readonly keeps: readonly string[];
  /** Whether the formula has bias corrections, for which steps are counted. */
  readonly countsSteps?: boolean;
  readonly formulaAt: (learningRate: number) => UpdateFormula;
}

/** Makes an optimizer of its formula, which the device computes. */
export function formulaOptimizer(options: FormulaOptions): Optimizer {
  const { name, description, learningRate, keeps, formulaAt } = options;
  const names = options.countsSteps ? ["step", ...keeps] : keeps;
  let kept: Readonly<Record<string, readonly Variable[]>> | undefined;
  const keep = (variablesOf: (name: string) => Variable[]) =>
    Object.fromEntries(names.map((name) => [name, variablesOf(name)]));
  const optimizer: Optimizer = {
    description,
    learningRate,
    takesLossScale: true,
    apply(weights, gradients, scale) {
      const { step, ...ofWeights } = kept ??= keep((name) =>
        name === "step"
          ? [variableOf(() => tf.scalar(0))]
          : weights.map((w) => variableOf(() => tf.zerosLike(w)))
      );
      const lists = Object.entries(ofWeights);
      for (const [, list] of lists) requireFit(list, weights);
      const parameters = weights.map((weight, i) => ({
        gradient: gradients[i],
        variables: {
          weight,
          ...Object.fromEntries(lists.map(([name, list]) => [name, list[i]])),
        },
      }));
      const state = { step: step?.[0], scale: scale?.state };
      device().update(formulaAt(optimizer.learningRate), parameters, state);
    },
    state: () => kept ?? {},
    restore(state) {
      const given = Object.keys(state);
      if (given.length > 0) requireKept(state, names, name);
      optimizer.dispose();
      if (given.length === 0) return;
      kept = keep((name) =>
        state[name].map((t) => variableOf(() => tf.clone(t)))
      );
    },
    dispose() {
      // Nothing may be kept as no device is open.
      if (kept === undefined) return;
      tf.dispose(Object.values(kept).flat());
      kept = undefined;
    },
  };
  return optimizer;
}

/** A variable that the optimizer changes in place. */
function variableOf(make: () => Tensor): Variable {
  return tf.tidy(() => tf.variable(make(), false));
}

/** Checks that a state has all that an optimizer keeps, and nothing else. */
function requireKept(
  state: OptimizerState,
  names: readonly string[],
  optimizer: string,
): void {
  const given = Object.keys(state);
  const isKept = given.length === names.length &&
    names.every((name) => name in state);
  const { step } = state;
  if (isKept && (!step || (step.length === 1 && step[0].size === 1))) return;
  const shapes = given.map((name) => {
    const { length } = state[name];
    if (length === 0) return `${name}: none`;
    const count = length === 1 ? "1 tensor" : `${length} tensors`;
    return `${name}: ${count} (${shapesOf(state[name])})`;
  });
  const what = names.length > 0
    ? `${names.join(", ")}, as ${optimizer} keeps these`
    : `nothing, as ${optimizer} keeps nothing`;
  const scalar = names.includes("step") ? ", the step being one scalar" : "";
  throw new OptionError("state", shapes.join("; "), `${what}${scalar}`);
}

/** Checks that an optimizer's tensors belong to the network that it is used on. */
function requireFit(
  kept: readonly Tensor[],
  weights: readonly Tensor[],
): void {
  const [given, needed] = [kept, weights].map(shapesOf);
  if (given === needed) return;
  throw new ShapeError(
    `Cannot go on from an optimizer's state of shapes ${given} as the network has ${needed}: it was kept for another network`,
  );
}

function shapesOf(tensors: readonly Tensor[]): string {
  return tensors.map(({ shape }) => `[${shape}]`).join(", ");
}
