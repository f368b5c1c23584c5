/**
 * Tests of the steps of optimizers in place by native kernels against the rules in float64, and of what they do to tensors
 * that share memory.
 *
 * @module
 */

import { assertEquals, assertNotEquals } from "@std/assert";
import { tf, type Variable } from "../../../src/device/tf.ts";
import {
  nativeAdam,
  nativeSgd,
} from "../../../src/device/onednn/elementwise.ts";
import { nativeBackend, nativeTest } from "../../native.ts";
import { numbers } from "../../numbers.ts";
import {
  ADAM_NAMES,
  ADAM_RECIPES,
  type AdamRun,
  checkAdam,
  makeAdamParameter,
} from "../webgpu/update/adam_cases.ts";
import {
  checkParameter,
  checkSgd,
  disposeParameter,
  followParameter,
  makeParameter,
  SGD_RATES,
  SGD_RECIPES,
  SGD_SIZES,
  SGD_STEPS,
  SHARERS,
} from "../webgpu/update/sgd_parameters.ts";
import { poisoned } from "./run.ts";

for (const recipe of SGD_RECIPES) {
  const lists = [...SGD_SIZES.map((size) => [size]), SGD_SIZES];
  for (const sizes of lists) {
    nativeTest(
      `nativeSgd() with ${recipe[0]} on ${sizes} is the reference's`,
      async () => {
        const backend = await nativeBackend();
        const { lentBytes } = backend.arrays;
        await checkSgd(
          { sizes, recipe, movesOnce: true },
          (parameters, rates) =>
            poisoned(backend, () => nativeSgd(parameters, rates, 1)),
        );
        assertEquals(backend.arrays.lentBytes, lentBytes);
      },
    );
  }
}

nativeTest("nativeSgd() multiplies gradients by a factor", async () => {
  for (const hasVelocity of [false, true]) {
    const factor = 0.25;
    const parameter = makeParameter(1000, hasVelocity);
    const { gradient } = parameter.expected;
    const scaled = {
      ...parameter,
      expected: {
        ...parameter.expected,
        gradient: gradient.map((g) => g * factor),
      },
    };
    for (let step = 0; step < SGD_STEPS; step++) {
      nativeSgd([parameter], SGD_RATES, factor);
      followParameter(scaled, SGD_RATES);
    }
    await checkParameter(parameter);
    disposeParameter(parameter);
  }
});

async function _checkAdam(run: AdamRun): Promise<void> {
  const backend = await nativeBackend();
  const { lentBytes } = backend.arrays;
  let count = 0;
  const steps = await checkAdam(
    { ...run, movesOnce: true },
    ({ parameters, rates, factor = 1 }) => {
      // The optimizer skips the step then.
      if (factor === 0) return;
      count++;
      poisoned(
        backend,
        () => nativeAdam(parameters, rates, { factor, count }),
      );
    },
  );
  assertEquals(count, steps);
  assertEquals(backend.arrays.lentBytes, lentBytes);
}

for (const [what, rates] of Object.entries(ADAM_RECIPES)) {
  nativeTest(
    `nativeAdam() with ${what} is the reference's`,
    () => _checkAdam({ rates }),
  );
}

nativeTest("nativeAdam() multiplies gradients by a factor", async () => {
  const rates = ADAM_RECIPES["weight decay"];
  await _checkAdam({ rates, factors: [0, 0.5, 0.25] });
  await _checkAdam({ rates, factors: [2, 0, 1] });
});

for (const [what, share] of Object.entries(SHARERS)) {
  for (const shared of ["weight", "velocity"] as const) {
    nativeTest(
      `nativeSgd() leaves a ${what} a ${shared} as it was`,
      async () => {
        const backend = await nativeBackend();
        const parameter = makeParameter(100, true);
        // On memory of its own, which it changes in place.
        nativeSgd([parameter], SGD_RATES, 1);
        followParameter(parameter, SGD_RATES);
        const old = Float32Array.from(await parameter[shared]!.data());
        const sharer = share(parameter[shared]!, old);
        assertEquals(sharer.dataId, parameter[shared]!.dataId);
        const tensors = tf.memory().numTensors;
        const dataIds = backend.numDataIds();
        for (let step = 0; step < SGD_STEPS; step++) {
          nativeSgd([parameter], SGD_RATES, 1);
          followParameter(parameter, SGD_RATES);
          // Moved once, by the first step.
          assertEquals(backend.numDataIds(), dataIds + 1);
          assertEquals(tf.memory().numTensors, tensors);
        }
        assertNotEquals(sharer.dataId, parameter[shared]!.dataId);
        await checkParameter(parameter);
        assertEquals(await sharer.data(), old);
        sharer.dispose();
        nativeSgd([parameter], SGD_RATES, 1);
        followParameter(parameter, SGD_RATES);
        await checkParameter(parameter);
        disposeParameter(parameter);
      },
    );
  }
}

nativeTest("nativeSgd() leaves a slice of a weight as it was", async () => {
  const parameter = makeParameter(100, false);
  nativeSgd([parameter], SGD_RATES, 1);
  const slice = tf.slice(parameter.weight, 20, 30);
  const old = (await parameter.weight.data()).slice(20, 50);
  nativeSgd([parameter], SGD_RATES, 1);
  assertEquals(await slice.data(), old);
  assertNotEquals((await parameter.weight.data()).slice(20, 50), old);
  slice.dispose();
  disposeParameter(parameter);
});

nativeTest(
  "nativeAdam() leaves clones of what it changes as they were, and makes no more tensors",
  async () => {
    const backend = await nativeBackend();
    const parameter = makeAdamParameter(100, 1);
    const changed: Variable[] = ADAM_NAMES.map((name) => parameter[name]);
    const gradient = tf.tensor1d(numbers(100, [0.5, 1], 3));
    const rates = ADAM_RECIPES.defaults;
    const run = (count: number) =>
      nativeAdam([{ ...parameter, gradient }], rates, { factor: 1, count });
    run(1);
    const clones = changed.map((tensor) => tf.clone(tensor));
    const before = await Promise.all(clones.map((clone) => clone.data()));
    run(2);
    const counts = () => [
      tf.memory().numTensors,
      backend.numDataIds(),
      backend.arrays.lentBytes,
    ];
    const after = counts();
    for (let count = 3; count < 6; count++) run(count);
    assertEquals(counts(), after);
    for (const [i, clone] of clones.entries()) {
      assertEquals(await clone.data(), before[i]);
      assertNotEquals(await changed[i].data(), before[i]);
    }
    tf.dispose([...changed, ...clones, gradient]);
  },
);
