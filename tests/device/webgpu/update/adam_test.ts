/**
 * Tests of Adam in place on WebGPU against the rule in float64: from textures and buffers, with float16 gradients, and with
 * what gradients are still to be multiplied by.
 *
 * @module
 */

import {
  SCALE_STATE,
  throwIfDeviceFailed,
} from "../../../../src/device/device.ts";
import { type Tensor, tf, type Variable } from "../../../../src/device/tf.ts";
import { adamInPlace } from "../../../../src/device/webgpu/update/update_in_place.ts";
import { readAs } from "../../../../src/device/webgpu/cast.ts";
import { webgpuTest } from "../../../device.ts";
import {
  ADAM_NAMES,
  ADAM_RECIPES,
  ADAM_STEPS,
  type AdamRun,
  checkAdam,
  makeAdamParameter,
} from "./adam_cases.ts";
import { passTest } from "../forms.ts";
import { poison, webgpuBackend } from "../run.ts";
import { assertEquals } from "@std/assert";

async function check(
  run: AdamRun,
  type: "float32" | "float16" = "float32",
): Promise<void> {
  const backend = await webgpuBackend();
  const step: Variable = tf.tidy(() => tf.variable(tf.scalar(0), false));
  const place = step.dataId;
  const round = type === "float16" ? Math.f16round : undefined;
  const count = await checkAdam(
    { ...run, round },
    ({ parameters, rates, factor }) =>
      tf.tidy(() => {
        const state = new Float32Array(4).fill(NaN);
        if (factor !== undefined) state[SCALE_STATE.factor] = factor;
        const scale = factor === undefined ? undefined : tf.tensor1d(state);
        const stored = parameters.map((parameter) => ({
          ...parameter,
          gradient: tf.clone(readAs(backend, parameter.gradient, type)),
        }));
        adamInPlace(stored, rates, { step, scale });
      }),
  );
  assertEquals(step.dataId, place);
  assertEquals([...await step.data()], [count]);
  step.dispose();
  throwIfDeviceFailed();
}

for (const [what, rates] of Object.entries(ADAM_RECIPES)) {
  passTest(
    `adamInPlace() with ${what} is the reference's`,
    () => check({ rates }),
  );
}

passTest(
  "adamInPlace() reads float16",
  () => check({ rates: ADAM_RECIPES["weight decay"] }, "float16"),
);

passTest(
  "adamInPlace() multiplies gradients, and skips where by 0, the count of steps included",
  async () => {
    const rates = ADAM_RECIPES["weight decay"];
    await check({ rates, factors: [0, 0.5, 0.25] });
    await check({ rates, factors: [2, 0, 1] }, "float16");
  },
);

webgpuTest(
  "adamInPlace() leaves clones of what it changes as they were, and makes no more tensors",
  async () => {
    const backend = await webgpuBackend();
    const parameter = makeAdamParameter(100, 1);
    const step: Variable = tf.tidy(() => tf.variable(tf.scalar(5), false));
    const changed: Tensor[] = [
      ...ADAM_NAMES.map((name) => parameter[name]),
      step,
    ];
    const clones = changed.map((tensor) => tf.clone(tensor));
    const before = await Promise.all(clones.map((clone) => clone.data()));
    const gradient = tf.ones([100]);
    const run = () =>
      adamInPlace([{ ...parameter, gradient }], ADAM_RECIPES.defaults, {
        step,
      });
    await poison([100, 1]);
    run();
    const counts = () => [tf.memory().numTensors, backend.numDataIds()];
    const after = counts();
    for (let i = 0; i < ADAM_STEPS; i++) run();
    assertEquals(counts(), after);
    for (const [i, clone] of clones.entries()) {
      assertEquals(await clone.data(), before[i]);
    }
    assertEquals([...await step.data()], [6 + ADAM_STEPS]);
    tf.dispose([...changed, ...clones, gradient]);
    throwIfDeviceFailed();
  },
);
