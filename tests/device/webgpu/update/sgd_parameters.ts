/**
 * Parameters for tests of SGD, what they should become, and checks of it on any device.
 *
 * @module
 */

import type { SgdRates } from "../../../../src/device/device.ts";
import { type Tensor, tf, type Variable } from "../../../../src/device/tf.ts";
import { assertClose } from "../../../compare.ts";
import { numbers } from "../../../numbers.ts";
import { assertEquals } from "@std/assert";

/** Parameters on the device and what they should be. */
export interface Parameter {
  readonly weight: Variable;
  readonly velocity?: Variable;
  readonly gradient: Tensor;
  readonly expected: {
    readonly weight: Float64Array;
    readonly velocity: Float64Array;
    readonly gradient: Float32Array;
  };
}

/** How far weights and velocities may be off: a few float32 operations on numbers around 1, for each of three steps. */
export const SGD_TOLERANCE = 1e-6;

/**
 * Makes a parameter of random numbers.
 *
 * @param size How many.
 * @param hasVelocity Whether it has a velocity.
 * @param i Which numbers.
 * @returns The parameter.
 */
export function makeParameter(
  size: number,
  hasVelocity: boolean,
  i = 0,
): Parameter {
  const values = (role: number) => numbers(size, [-1, 1], 10 * i + role);
  const variable = (role: number) =>
    tf.tidy(() => tf.variable(tf.tensor(values(role)), false));
  return {
    weight: variable(0),
    velocity: hasVelocity ? variable(1) : undefined,
    gradient: tf.tensor(values(2)),
    expected: {
      weight: Float64Array.from(values(0)),
      velocity: hasVelocity
        ? Float64Array.from(values(1))
        : new Float64Array(size),
      gradient: values(2),
    },
  };
}

/**
 * Where a parameter is.
 *
 * @param parameter The parameter.
 * @returns What holds its weight and its velocity.
 */
export function placesOf(
  { weight, velocity }: Parameter,
): (object | undefined)[] {
  return [weight.dataId, velocity?.dataId];
}

/**
 * A step of torch.optim.SGD with dampening 0, in float64; without a velocity it begins at 0 in each.
 *
 * @param parameter The parameter, of which what is expected changes.
 * @param rates The numbers of the step.
 */
export function followParameter(
  { expected, velocity }: Parameter,
  rates: SgdRates,
): void {
  expected.gradient.forEach((gradient, i) => {
    const g = gradient + rates.weightDecay * expected.weight[i];
    const old = velocity ? expected.velocity[i] : 0;
    expected.velocity[i] = rates.momentum * old + g;
    expected.weight[i] -= rates.learningRate * expected.velocity[i];
  });
}

/**
 * Compares a parameter with what it should be.
 *
 * @param parameter The parameter.
 */
export async function checkParameter(
  { weight, velocity, gradient, expected }: Parameter,
): Promise<void> {
  const close = async (tensor: Tensor, values: Float64Array, what: string) =>
    assertClose(await tensor.data(), values, { absolute: SGD_TOLERANCE, what });
  await close(weight, expected.weight, "weights");
  if (velocity) await close(velocity, expected.velocity, "velocities");
  assertEquals(await gradient.data(), expected.gradient);
}

/**
 * Disposes the tensors of a parameter.
 *
 * @param parameter The parameter.
 */
export function disposeParameter(
  { weight, velocity, gradient }: Parameter,
): void {
  tf.dispose([weight, gradient, ...velocity ? [velocity] : []]);
}

/** Rates that all have an effect. */
export const SGD_RATES: SgdRates = {
  learningRate: 0.1,
  momentum: 0.9,
  weightDecay: 0.05,
};

/** Sizes of parameters. */
export const SGD_SIZES = [1, 3, 4, 1000, 4097];

/** Steps of an optimization. */
export const SGD_STEPS = 3;

/** A way to optimize: its name, its rates, and whether parameters have velocities. */
export type SgdRecipe = [what: string, rates: SgdRates, hasVelocity: boolean];

/** With momentum and weight decay, and without. */
export const SGD_RECIPES: readonly SgdRecipe[] = [
  ["a velocity and weight decay", SGD_RATES, true],
  ["a velocity", { ...SGD_RATES, weightDecay: 0 }, true],
  ["weight decay", SGD_RATES, false],
  ["neither", { ...SGD_RATES, weightDecay: 0 }, false],
  ["no momentum but a velocity", { ...SGD_RATES, momentum: 0 }, true],
];

/** How an optimization goes. */
export interface SgdRun {
  readonly sizes: readonly number[];
  readonly recipe: SgdRecipe;
  /** Whether the device moves what it was given to memory of its own, in the first step. */
  readonly movesOnce?: boolean;
}

/**
 * Checks a few steps, in place.
 *
 * @param run How the optimization goes.
 * @param step Makes a step on the device in use.
 */
export async function checkSgd(
  { sizes, recipe: [, rates, hasVelocity], movesOnce = false }: SgdRun,
  step: (parameters: readonly Parameter[], rates: SgdRates) => void,
): Promise<void> {
  const parameters = sizes.map((size, i) =>
    makeParameter(size, hasVelocity, i)
  );
  let places = parameters.map(placesOf);
  for (let i = 0; i < SGD_STEPS; i++) {
    step(parameters, rates);
    parameters.forEach((parameter) => followParameter(parameter, rates));
    if (movesOnce && i === 0) places = parameters.map(placesOf);
  }
  // In place.
  assertEquals(parameters.map(placesOf), places);
  for (const parameter of parameters) await checkParameter(parameter);
  parameters.forEach(disposeParameter);
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
