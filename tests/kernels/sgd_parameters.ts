/**
 * Parameters for tests of SGD, and what they should become.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { type Tensor, tf, type Variable } from "../../src/backend/tf.ts";
import type { SgdRates } from "../../src/kernels/sgd.ts";
import { assertClose } from "../compare.ts";
import { numbers } from "../numbers.ts";

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
