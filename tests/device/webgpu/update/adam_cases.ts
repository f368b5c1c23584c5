/**
 * Parameters for tests of Adam, and checks of its steps, on any device, against the rule in float64.
 *
 * @module
 */

import {
  type AdamRates,
  type AdamTensors,
  throwIfDeviceFailed,
} from "../../../../src/device/device.ts";
import { type Tensor, tf, type Variable } from "../../../../src/device/tf.ts";
import { assertClose } from "../../../compare.ts";
import { numbers } from "../../../numbers.ts";
import { ADAM_DEFAULTS, adamStep } from "../../../optim/adam_reference.ts";
import { assertEquals } from "@std/assert";

/** Sizes of parameters. */
export const ADAM_SIZES = [1, 3, 4, 1000, 4097];

/** Steps of an optimization. */
export const ADAM_STEPS = 3;

/** With either kind of weight decay, and without. */
export const ADAM_RECIPES: Readonly<Record<string, AdamRates>> = {
  "defaults": { ...ADAM_DEFAULTS, learningRate: 0.1 },
  "weight decay": { ...ADAM_DEFAULTS, learningRate: 0.1, weightDecay: 0.05 },
  "decoupled decay": {
    ...ADAM_DEFAULTS,
    learningRate: 0.1,
    decoupledDecay: 0.5,
  },
};

/** What Adam changes of a parameter. */
export const ADAM_NAMES = ["weight", "firstMoment", "secondMoment"] as const;

/** A parameter on the device, and what it should be. */
export interface AdamParameter extends Omit<AdamTensors, "gradient"> {
  readonly expected: Readonly<
    Record<typeof ADAM_NAMES[number], Float64Array>
  >;
}

/**
 * Makes a parameter of random numbers, at the first step.
 *
 * @param size How many.
 * @param seed Which.
 * @returns The parameter, and what is expected of it.
 */
export function makeAdamParameter(size: number, seed: number): AdamParameter {
  const start = numbers(size, [-1, 1], seed);
  const made = (values: Float32Array): Variable =>
    tf.tidy(() => tf.variable(tf.tensor1d(values.slice()), false));
  const zeros = new Float32Array(size);
  return {
    weight: made(start),
    firstMoment: made(zeros),
    secondMoment: made(zeros),
    expected: {
      weight: Float64Array.from(start),
      firstMoment: new Float64Array(size),
      secondMoment: new Float64Array(size),
    },
  };
}

/** How an optimization goes. */
export interface AdamRun {
  readonly rates: AdamRates;
  /** What gradients are to be multiplied by in each step. Default 1. */
  readonly factors?: readonly number[];
  /** What the values of gradients are rounded to. Default float32. */
  readonly round?: (value: number) => number;
  /** Whether the device moves what it was given to memory of its own, in the first step. */
  readonly movesOnce?: boolean;
}

/** A step on a device. */
export interface AdamStep {
  readonly parameters: readonly (AdamParameter & { gradient: Tensor })[];
  readonly rates: AdamRates;
  /** What gradients are to be multiplied by; nothing where by 1 always. */
  readonly factor?: number;
}

/**
 * Checks a few steps of parameters of several sizes, in place, and that a factor of 0 skips one.
 *
 * @param run How the optimization goes.
 * @param step Makes a step on the device in use.
 * @returns How many steps were not skipped.
 */
export async function checkAdam(
  { rates, factors, round = (value) => value, movesOnce = false }: AdamRun,
  step: (step: AdamStep) => void,
): Promise<number> {
  const parameters = ADAM_SIZES.map(makeAdamParameter);
  const placesOf = () =>
    parameters.map((p) => ADAM_NAMES.map((name) => p[name].dataId));
  let places = placesOf();
  let t = 0;
  for (let i = 0; i < ADAM_STEPS; i++) {
    const factor = factors?.[i];
    const values = ADAM_SIZES.map((size, k) =>
      numbers(size, [0.5, 1], 10 + i + 7 * k).map(round)
    );
    const gradients = values.map((v) => tf.tensor1d(v.slice()));
    step({
      parameters: parameters.map((p, k) => ({ ...p, gradient: gradients[k] })),
      rates,
      factor,
    });
    tf.dispose(gradients);
    if (factor === 0) continue;
    if (movesOnce && t === 0) places = placesOf();
    // In place.
    assertEquals(placesOf(), places);
    t++;
    for (const [k, { expected }] of parameters.entries()) {
      const gradient = values[k].map((x) => x * (factor ?? 1));
      adamStep(expected, gradient, { ...rates, t });
    }
  }
  for (const parameter of parameters) {
    for (const name of ADAM_NAMES) {
      assertClose(await parameter[name].data(), parameter.expected[name], {
        // A few roundings of weights around 1.
        absolute: name === "weight" ? 1e-6 : 0,
        relative: 1e-6,
        what: name,
      });
    }
    tf.dispose(ADAM_NAMES.map((name) => parameter[name]));
  }
  throwIfDeviceFailed();
  return t;
}
