/** Formulas that no optimizer of the package has, the same in plain TypeScript, and checks of their steps on any device. */

import { assertEquals } from "@std/assert";
import {
  device,
  type Parameter,
  SCALE_STATE,
  throwIfDeviceFailed,
} from "../../src/device/device.ts";
import {
  biasCorrection,
  expressionOf,
  type UpdateFormula,
} from "../../src/device/formula.ts";
import { type Tensor, tf, type Variable } from "../../src/device/tf.ts";
import { assertClose } from "../compare.ts";
import { numbers } from "../numbers.ts";

/** A formula, and what it is to give. */
export interface UpdateCase {
  readonly names: readonly string[];
  readonly countsSteps?: boolean;
  readonly formula: UpdateFormula;
  /** The same for one element, at step `t`. */
  readonly reference: (
    old: Readonly<Record<string, number>>,
    t: number,
  ) => Readonly<Record<string, number>>;
}

const RATE = 0.1;

/** Formulas by name; the variables other than the weight begin as random numbers. */
export const UPDATE_CASES: Readonly<Record<string, UpdateCase>> = {
  "weight decay": {
    names: ["weight"],
    formula: ({ weight, gradient }) => ({
      weight: weight.minus(gradient.plus(weight.times(0.05)).times(RATE)),
    }),
    reference: ({ weight, gradient }) => ({
      weight: weight - RATE * (gradient + 0.05 * weight),
    }),
  },
  "Nesterov's momentum": {
    names: ["weight", "velocity"],
    formula({ weight, gradient, velocity }) {
      const v = velocity.times(0.9).plus(gradient);
      const ahead = gradient.plus(v.times(0.9));
      return { velocity: v, weight: weight.minus(ahead.times(RATE)) };
    },
    reference({ weight, gradient, velocity }) {
      const v = 0.9 * velocity + gradient;
      return { velocity: v, weight: weight - RATE * (gradient + 0.9 * v) };
    },
  },
  "RMSprop, centered": {
    names: ["weight", "mean", "squares"],
    formula({ weight, gradient, mean, squares }) {
      const m = mean.plus(gradient.minus(mean).times(0.1));
      const s = squares.times(0.9).plus(gradient.square().times(0.1));
      // So that a root of a variance near 0 does not make much of roundings.
      const root = s.minus(m.square().times(0.25)).plus(1).sqrt();
      const change = gradient.over(root.plus(1e-3));
      return { weight: weight.minus(change.times(RATE)), mean: m, squares: s };
    },
    reference({ weight, gradient, mean, squares }) {
      const m = mean + 0.1 * (gradient - mean);
      const s = 0.9 * squares + 0.1 * gradient ** 2;
      const change = gradient / (Math.sqrt(s - 0.25 * m ** 2 + 1) + 1e-3);
      return { weight: weight - RATE * change, mean: m, squares: s };
    },
  },
  "a corrected mean": {
    names: ["weight", "mean"],
    countsSteps: true,
    formula({ weight, gradient, mean }) {
      const m = mean.times(0.9).plus(gradient.times(1 - 0.9));
      const size = expressionOf(RATE).over(biasCorrection(0.9).plus(1).sqrt());
      return {
        mean: m,
        weight: weight.minus(m.over(biasCorrection(0.9)).times(size)),
      };
    },
    reference({ weight, gradient, mean }, t) {
      const m = 0.9 * mean + 0.1 * gradient;
      const correction = 1 - 0.9 ** t;
      const size = RATE / Math.sqrt(correction + 1);
      return { mean: m, weight: weight - size * (m / correction) };
    },
  },
  "numbers made of numbers": {
    names: ["weight"],
    formula: ({ weight, gradient }) => ({
      weight: weight.minus(gradient.over(expressionOf(3).plus(1))),
    }),
    reference: ({ weight, gradient }) => ({ weight: weight - gradient / 4 }),
  },
  "numbers by arrays, and old numbers after new ones": {
    names: ["weight", "other"],
    formula: ({ weight, gradient, other }) => ({
      weight: expressionOf(RATE).over(gradient.square().plus(1)).plus(other),
      other: weight.times(0.5).minus(2),
    }),
    reference: ({ weight, gradient, other }) => ({
      weight: RATE / (gradient ** 2 + 1) + other,
      other: 0.5 * weight - 2,
    }),
  },
};

/** Sizes of parameters: that come in fours, and that do not. */
export const UPDATE_SIZES = [1, 3, 4, 1000, 4097];

/** How steps are made. */
export interface UpdateRun {
  readonly sizes?: readonly number[];
  /** What gradients are to be multiplied by in each step; where by 0, nothing changes. Default 1, without a scale. */
  readonly factors?: readonly number[];
  /** What the device stores of gradients, and how it rounds them. Default float32. */
  readonly store?: (gradient: Tensor) => Tensor;
  readonly round?: (value: number) => number;
}

/** Makes a parameter of random numbers, and says which. */
export function makeParameter(
  names: readonly string[],
  size: number,
  seed = 0,
): Parameter & { values: Readonly<Record<string, Float32Array>> } {
  const values = Object.fromEntries(
    ["gradient", ...names].map((name, i) => [
      name,
      numbers(size, name === "weight" ? [-1, 1] : [0.5, 1], 10 * seed + i),
    ]),
  );
  const variable = (name: string) =>
    tf.tidy(() => tf.variable(tf.tensor1d(values[name].slice()), false));
  return {
    gradient: tf.tensor1d(values.gradient.slice()),
    variables: Object.fromEntries(names.map((name) => [name, variable(name)])),
    values,
  };
}

/** Checks three steps of parameters of several sizes on the device in use. */
export async function checkUpdate(
  { names, countsSteps, formula, reference }: UpdateCase,
  run: UpdateRun = {},
): Promise<void> {
  const { sizes = UPDATE_SIZES, factors = [1, 1, 1], store, round } = run;
  const parameters = sizes.map((size, i) => makeParameter(names, size, i));
  const step: Variable | undefined = countsSteps
    ? tf.tidy(() => tf.variable(tf.scalar(0), false))
    : undefined;
  let t = 0;
  for (const [i, factor] of factors.entries()) {
    const state = new Float32Array(4).fill(NaN);
    state[SCALE_STATE.factor] = factor;
    const gradients = parameters.map(({ values }) =>
      values.gradient.map((g) => round?.(g * (i + 1)) ?? g * (i + 1))
    );
    tf.tidy(() => {
      const stored = parameters.map(({ variables }, k) => {
        const gradient = tf.tensor1d(gradients[k].slice());
        return { variables, gradient: store?.(gradient) ?? gradient };
      });
      const scale = run.factors && tf.tensor1d(state);
      device().update(formula, stored, { step, scale });
    });
    if (factor === 0) continue;
    t++;
    for (const [k, { values }] of parameters.entries()) {
      for (let j = 0; j < sizes[k]; j++) {
        const old: Record<string, number> = {
          gradient: factor * gradients[k][j],
        };
        for (const name of names) old[name] = values[name][j];
        const news = reference(old, t);
        for (const name of names) values[name][j] = news[name];
      }
    }
  }
  if (step !== undefined) assertEquals([...await step.data()], [t]);
  for (const { variables, gradient, values } of parameters) {
    for (const name of names) {
      // Three steps of a few float32 operations on numbers around 1, and the reference is kept as float32.
      const tolerance = { absolute: 1e-6, relative: 1e-6, what: name };
      assertClose(await variables[name].data(), values[name], tolerance);
    }
    tf.dispose([gradient, ...Object.values(variables)]);
  }
  step?.dispose();
  throwIfDeviceFailed();
}

/** Ways to make a tensor of the given values that has the memory of a variable. */
export const SHARERS: Readonly<
  Record<string, (variable: Variable, values: Float32Array) => Tensor>
> = {
  "clone of": (variable) => tf.clone(variable),
  "reshape of": (variable) => tf.reshape(variable, [1, variable.size]),
  "tensor assigned to": (variable, values) => {
    const tensor = tf.tensor(values.slice());
    variable.assign(tensor);
    return tensor;
  },
};
