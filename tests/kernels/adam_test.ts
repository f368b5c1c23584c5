/**
 * Tests of Adam in place on WebGPU against the rule in float64: from textures and buffers, with float16 gradients, and with
 * what gradients are still to be multiplied by.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { throwIfDeviceFailed } from "../../src/backend/backend.ts";
import { type Tensor, tf, type Variable } from "../../src/backend/tf.ts";
import { adamInPlace, type AdamRates } from "../../src/kernels/adam.ts";
import { readAs } from "../../src/kernels/differentiable.ts";
import { SCALE_STATE } from "../../src/kernels/loss_scale.ts";
import { assertClose } from "../compare.ts";
import { webgpuTest } from "../device.ts";
import { numbers } from "../numbers.ts";
import { ADAM_DEFAULTS, adamStep } from "../optim/adam_reference.ts";
import { passTest } from "./forms.ts";
import { poison, webgpuBackend } from "./run.ts";

const SIZES = [1, 3, 4, 1000, 4097];
const STEPS = 3;

const RECIPES: Readonly<Record<string, AdamRates>> = {
  "defaults": { ...ADAM_DEFAULTS, learningRate: 0.1 },
  "weight decay": { ...ADAM_DEFAULTS, learningRate: 0.1, weightDecay: 0.05 },
  "decoupled decay": {
    ...ADAM_DEFAULTS,
    learningRate: 0.1,
    decoupledDecay: 0.5,
  },
};

const NAMES = ["weight", "firstMoment", "secondMoment"] as const;

/** A parameter, and what is expected of it. */
function _make(size: number, seed: number) {
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

/** How an optimization goes: what its gradients store, and what they are to be multiplied by in each step. */
interface _Run {
  readonly rates: AdamRates;
  readonly type?: "float32" | "float16";
  readonly factors?: readonly number[];
}

async function _check(
  sizes: readonly number[],
  { rates, type = "float32", factors }: _Run,
): Promise<void> {
  const backend = await webgpuBackend();
  const parameters = sizes.map(_make);
  const step: Variable = tf.tidy(() => tf.variable(tf.scalar(0), false));
  const places = parameters.map((p) => NAMES.map((name) => p[name].dataId));
  let t = 0;
  for (let i = 0; i < STEPS; i++) {
    const factor = factors?.[i] ?? 1;
    const values = sizes.map((size, k) =>
      numbers(size, [0.5, 1], 10 + i + 7 * k).map((x) =>
        type === "float16" ? Math.f16round(x) : x
      )
    );
    const floats = values.map((v) => tf.tensor1d(v.slice()));
    const gradients = tf.tidy(() =>
      floats.map((g) => tf.clone(readAs(backend, g, type)))
    );
    const state = new Float32Array(4).fill(NaN);
    state[SCALE_STATE.factor] = factor;
    const scale = factors && tf.tensor1d(state);
    adamInPlace(
      parameters.map((p, k) => ({ ...p, gradient: gradients[k] })),
      rates,
      { step, scale },
    );
    if (factor !== 0) t++;
    for (const [k, { expected }] of parameters.entries()) {
      if (factor === 0) continue;
      const gradient = values[k].map((x) => x * factor);
      adamStep(expected, gradient, { ...rates, t });
    }
    tf.dispose([...gradients, ...floats, ...scale ? [scale] : []]);
  }
  // In place.
  assertEquals(
    parameters.map((p) => NAMES.map((name) => p[name].dataId)),
    places,
  );
  assertEquals([...await step.data()], [t]);
  for (const parameter of parameters) {
    for (const name of NAMES) {
      const actual = await parameter[name].data();
      assertClose(actual, parameter.expected[name], {
        // A few roundings of weights around 1.
        absolute: name === "weight" ? 1e-6 : 0,
        relative: 1e-6,
        what: name,
      });
    }
    tf.dispose(NAMES.map((name) => parameter[name]));
  }
  step.dispose();
  throwIfDeviceFailed();
}

for (const [what, rates] of Object.entries(RECIPES)) {
  passTest(
    `adamInPlace() with ${what} is the reference's`,
    () => _check(SIZES, { rates }),
  );
}

passTest(
  "adamInPlace() reads float16",
  () => _check(SIZES, { rates: RECIPES["weight decay"], type: "float16" }),
);

passTest(
  "adamInPlace() multiplies gradients, and skips where by 0, the count of steps included",
  async () => {
    const rates = RECIPES["weight decay"];
    await _check(SIZES, { rates, factors: [0, 0.5, 0.25] });
    await _check(SIZES, { rates, factors: [2, 0, 1], type: "float16" });
  },
);

webgpuTest(
  "adamInPlace() leaves clones of what it changes as they were, and makes no more tensors",
  async () => {
    const backend = await webgpuBackend();
    const parameter = _make(100, 1);
    const step: Variable = tf.tidy(() => tf.variable(tf.scalar(5), false));
    const changed: Tensor[] = [...NAMES.map((name) => parameter[name]), step];
    const clones = changed.map((tensor) => tf.clone(tensor));
    const before = await Promise.all(clones.map((clone) => clone.data()));
    const gradient = tf.ones([100]);
    const run = () =>
      adamInPlace([{ ...parameter, gradient }], RECIPES.defaults, { step });
    await poison([100, 1]);
    run();
    const counts = () => [tf.memory().numTensors, backend.numDataIds()];
    const after = counts();
    for (let i = 0; i < STEPS; i++) run();
    assertEquals(counts(), after);
    for (const [i, clone] of clones.entries()) {
      assertEquals(await clone.data(), before[i]);
    }
    assertEquals([...await step.data()], [6 + STEPS]);
    tf.dispose([...changed, ...clones, gradient]);
    throwIfDeviceFailed();
  },
);
