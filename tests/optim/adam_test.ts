/** Tests of Adam and AdamW against PyTorch, on both devices: by its rule in float64 and by what it was recorded to do. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Tensor, tf, type Variable } from "../../src/device/tf.ts";
import { OptionError, ShapeError } from "../../src/errors.ts";
import { adam, type AdamOptions, adamW } from "../../src/optim/adam.ts";
import type { Optimizer, OptimizerState } from "../../src/optim/optimizer.ts";
import { assertClose } from "../compare.ts";
import { use, webgpuTest } from "../device.ts";
import { numbers } from "../numbers.ts";
import { listOf, RECORD } from "./golden.ts";

/** A size that comes in fours, and one that does not. */
const SHAPES = [[3, 4], [5]];
const SIZES = [12, 5];

function variables(values: (i: number) => ArrayLike<number>): Variable[] {
  return SHAPES.map((shape, i) =>
    tf.tidy(() => tf.variable(tf.tensor(Float32Array.from(values(i)), shape)))
  );
}

/** Gradients of one sign, whose means have no digits to lose. */
function gradientOf(step: number, i: number): Float32Array<ArrayBuffer> {
  return numbers(SIZES[i], [0.5, 1.5], 10 * step + i + 10);
}

function apply(
  optimizer: Optimizer,
  weights: readonly Variable[],
  step: number,
): void {
  const gradients = weights.map((w, i) =>
    tf.tensor(gradientOf(step, i), w.shape)
  );
  optimizer.apply(weights, gradients);
  assert(gradients.every((gradient) => !gradient.isDisposed));
  tf.dispose(gradients);
}

async function valuesOf(tensors: readonly Tensor[]): Promise<Float32Array[]> {
  return await Promise.all(
    tensors.map(async (t) => Float32Array.from(await t.data())),
  );
}

/** Copies of what an optimizer keeps, as a checkpoint has them. */
async function copiesOf(state: OptimizerState): Promise<OptimizerState> {
  const copies: Record<string, Tensor[]> = {};
  for (const [name, tensors] of Object.entries(state)) {
    const values = await valuesOf(tensors);
    copies[name] = tensors.map(({ shape }, i) => tf.tensor(values[i], shape));
  }
  return copies;
}

/** A step of torch.optim.Adam with its defaults, in float64. */
function adamStep(
  { weight, firstMoment, secondMoment }: Record<
    "weight" | "firstMoment" | "secondMoment",
    Float64Array
  >,
  gradient: Float32Array,
  t: number,
): void {
  for (const [i, g] of gradient.entries()) {
    firstMoment[i] = 0.9 * firstMoment[i] + (1 - 0.9) * g;
    secondMoment[i] = 0.999 * secondMoment[i] + (1 - 0.999) * g * g;
    const mean = firstMoment[i] / (1 - 0.9 ** t);
    const root = Math.sqrt(secondMoment[i] / (1 - 0.999 ** t));
    weight[i] -= 0.001 * mean / (root + 1e-8);
  }
}

for (const device of ["cpu", "webgpu", "plain"] as const) {
  const test = device === "webgpu" ? webgpuTest : Deno.test;
  for (const { kind, options, weights } of RECORD.optimizers) {
    test(`${kind}() with ${JSON.stringify(options)} is PyTorch's on ${device}`, async () => {
      await use(device);
      const before = tf.memory().numTensors;
      const optimizer = (kind === "adam" ? adam : adamW)(options);
      const weight = tf.tidy(() =>
        tf.variable(tf.tensor1d(listOf(RECORD.start)))
      );
      for (const [step, expected] of weights.entries()) {
        const gradient = tf.tensor1d(listOf(RECORD.gradients[step]));
        optimizer.apply([weight], [gradient]);
        gradient.dispose();
        // A rounding of weights around 1 and of a step of up to 0.1 each time.
        assertClose(await weight.data(), listOf(expected), {
          absolute: 2e-7 * (step + 1),
          what: `weights after step ${step + 1}`,
        });
      }
      optimizer.dispose();
      weight.dispose();
      assertEquals(tf.memory().numTensors, before);
    });
  }

  test(`adam() changes weights by 1e-6 of its rule at steps 1, 2, 10 and 10,000 on ${device}`, async () => {
    await use(device);
    for (const steps of [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [10_000]]) {
      const optimizer = adam();
      const states = SIZES.map((size, i) => ({
        weight: new Float64Array(size),
        firstMoment: new Float64Array(size),
        secondMoment: new Float64Array(size),
        ...steps[0] > 1 && {
          firstMoment: Float64Array.from(gradientOf(-1, i)),
          secondMoment: Float64Array.from(gradientOf(-2, i)),
        },
      }));
      if (steps[0] > 1) {
        const tensors = (key: "firstMoment" | "secondMoment") =>
          states.map((state, i) =>
            tf.tensor(Float32Array.from(state[key]), SHAPES[i])
          );
        const state = {
          step: [tf.scalar(steps[0] - 1)],
          firstMoment: tensors("firstMoment"),
          secondMoment: tensors("secondMoment"),
        };
        optimizer.restore(state);
        tf.dispose(state);
      }
      for (const t of steps) {
        // From 0, so that the new weights are what changed.
        const weights = variables((i) => states[i].weight.fill(0));
        apply(optimizer, weights, t);
        const changes = await valuesOf(weights);
        for (const [i, state] of states.entries()) {
          adamStep(state, gradientOf(t, i), t);
          assertClose(changes[i], state.weight, {
            relative: 1e-6,
            what: `changes at step ${t}`,
          });
        }
        tf.dispose(weights);
      }
      optimizer.dispose();
    }
  });

  test(`adam() goes on from its state to the bit on ${device}`, async () => {
    await use(device);
    const before = tf.memory().numTensors;
    const options = { learningRate: 0.1, weightDecay: 0.01 };
    const first = adam(options);
    const weights = variables((i) => numbers(SIZES[i], [-1, 1], i));
    for (const step of [0, 1, 2]) apply(first, weights, step);
    assertEquals(Object.keys(first.state()), [
      "step",
      "firstMoment",
      "secondMoment",
    ]);
    const state = await copiesOf(first.state());
    assertEquals([...await state.step[0].data()], [3]);
    const values = await valuesOf(weights);
    const copies = variables((i) => values[i]);
    const second = adam(options);
    second.restore(state);
    for (const step of [3, 4]) {
      apply(first, weights, step);
      apply(second, copies, step);
    }
    assertEquals(await valuesOf(copies), await valuesOf(weights));
    // What it went on from is as it was, and anew from nothing it begins at step 1.
    assertEquals([...await state.step[0].data()], [3]);
    second.restore({});
    assertEquals(second.state(), {});
    first.dispose();
    first.dispose();
    tf.dispose([...Object.values(state).flat(), ...weights, ...copies]);
    assertEquals(tf.memory().numTensors, before);
  });

  test(`adam() takes the learning rate of each step on ${device}`, async () => {
    await use(device);
    const optimizer = adam();
    const weights = variables((i) => new Float32Array(SIZES[i]));
    optimizer.learningRate = 0.25;
    apply(optimizer, weights, 0);
    // The first step is the rate, whatever the gradient.
    for (const values of await valuesOf(weights)) {
      assertClose(values, values.map(() => -0.25), { relative: 1e-6 });
    }
    optimizer.dispose();
    tf.dispose(weights);
  });
}

Deno.test("adam() and adamW() describe themselves", () => {
  assertEquals(adam().description, "Adam, learning rate 0.001");
  assertEquals(
    adamW({ learningRate: 0.1 }).description,
    "AdamW, learning rate 0.1, weight decay 0.01",
  );
});

Deno.test("adam() refuses a state of another kind or network", async () => {
  await use("cpu");
  const optimizer = adam();
  const one = [tf.ones([2])];
  const [step, two] = [[tf.scalar(1)], [tf.ones([2]), tf.ones([2])]];
  const weight = tf.variable(tf.ones([2]));
  const refused: OptimizerState[] = [
    { velocity: one },
    { step, firstMoment: one },
    { step: one, firstMoment: one, secondMoment: one },
    { step: [], firstMoment: one, secondMoment: one },
    { step, firstMoment: one, secondMoment: one, velocity: one },
  ];
  for (const state of refused) {
    const error = assertThrows(() => optimizer.restore(state), OptionError);
    assertEquals(error.option, "state");
  }
  assertThrows(
    () => optimizer.restore({ step: two, firstMoment: one, secondMoment: [] }),
    OptionError,
    "step: 2 tensors ([2], [2]); firstMoment: 1 tensor ([2]); secondMoment: none",
  );
  optimizer.restore({ step, firstMoment: one, secondMoment: two });
  assertThrows(
    () => optimizer.apply([weight], one),
    ShapeError,
    "another network",
  );
  optimizer.dispose();
  tf.dispose([...one, ...step, ...two, weight]);
});

const REFUSED: AdamOptions[] = [
  { learningRate: 0 },
  { learningRate: NaN },
  { beta1: 1 },
  { beta1: -0.1 },
  { beta2: 1 },
  { epsilon: 0 },
  { weightDecay: -1 },
  { weightDecay: Infinity },
];
for (const options of REFUSED) {
  const [[option, value]] = Object.entries(options);
  Deno.test(`adam() and adamW() refuse ${option} ${value}`, () => {
    for (const make of [adam, adamW]) {
      const error = assertThrows(() => make(options), OptionError);
      assertEquals([error.option, error.value], [option, value]);
    }
  });
}
