/**
 * Tests of steps of formulas on WebGPU alone: small parameters share a dispatch, large ones may be read from textures, gradients
 * may store float16.
 */

import { assert, assertEquals } from "@std/assert";
import { device } from "../../../../src/device/device.ts";
import { tf } from "../../../../src/device/tf.ts";
import { readAs } from "../../../../src/device/webgpu/cast.ts";
import {
  pretendTraits,
  traitsOf,
} from "../../../../src/device/webgpu/run/ways.ts";
import { sgd } from "../../../../src/optim/sgd.ts";
import { webgpuTest } from "../../../device.ts";
import { numbers } from "../../../numbers.ts";
import {
  checkUpdate,
  makeParameter,
  UPDATE_CASES,
} from "../../update_cases.ts";
import { passTest } from "../forms.ts";
import { poison, webgpuBackend } from "../run.ts";

for (const [what, updateCase] of Object.entries(UPDATE_CASES)) {
  passTest(`updateInPlace() with ${what} reads float16`, async () => {
    const backend = await webgpuBackend();
    await poison([1, 3, 4, 1000, 4097]);
    await checkUpdate(updateCase, {
      factors: [0.5, 0, 2],
      round: Math.f16round,
      store: (gradient) => tf.clone(readAs(backend, gradient, "float16")),
    });
  });
}

/** Small parameters, of sizes that are multiples of four and that are not, with large ones between them. */
const SIZES: Readonly<Record<string, readonly number[]>> = {
  "small parameters": [7, 1000, 12, 3, 999, 8, 1],
  "parameters of which many are alike": [7, 7, 7],
  "a large one between small ones": [7, 12, 5000, 3, 8, 1, 5],
  "a large one before each small one": [4097, 7, 5000, 12, 4097, 3],
  "large ones of which one is first and one last": [5000, 3, 8, 6, 4, 4097],
};
for (const [what, sizes] of Object.entries(SIZES)) {
  webgpuTest(`updateInPlace() changes ${what}`, async () => {
    const backend = await webgpuBackend();
    pretendTraits(backend, { ...traitsOf(backend), leastCopied: 4000 });
    try {
      for (const which of ["weight decay", "Nesterov's momentum"]) {
        await checkUpdate(UPDATE_CASES[which], { sizes });
      }
    } finally {
      pretendTraits(backend);
    }
  });
}

webgpuTest(
  "updateInPlace() takes several small parameters in a dispatch",
  async () => {
    await webgpuBackend();
    for (const which of ["weight decay", "Nesterov's momentum"]) {
      const { names, formula } = UPDATE_CASES[which];
      const sizes = SIZES["small parameters"];
      const parameters = sizes.map((n, i) => makeParameter(names, n, i));
      const count = countCalls(
        GPUComputePassEncoder.prototype,
        "dispatchWorkgroups",
        () => device().update(formula, parameters),
      );
      assert(count > 0 && count <= Math.ceil(sizes.length / 2), `${count}`);
      for (const { gradient, variables } of parameters) {
        tf.dispose([gradient, ...Object.values(variables)]);
      }
    }
  },
);

webgpuTest("a new learning rate compiles no shader", async () => {
  await webgpuBackend();
  const optimizer = sgd({ momentum: 0.9 });
  const weight = tf.variable(tf.tensor1d(numbers(1003)));
  const gradient = tf.ones([1003]);
  const apply = () => optimizer.apply([weight], [gradient]);
  apply();
  optimizer.learningRate = 0.123;
  const { prototype } = GPUDevice;
  assertEquals(countCalls(prototype, "createShaderModule", apply), 0);
  optimizer.dispose();
  tf.dispose([weight, gradient]);
});

webgpuTest("updateInPlace() does not wait for reads on their way", async () => {
  await webgpuBackend();
  const { names, formula } = UPDATE_CASES["weight decay"];
  const [one, other] = [0, 0].map(() => makeParameter(names, 100));
  device().update(formula, [one]);
  const reading = one.variables.weight.data();
  device().update(formula, [one]);
  await reading;
  for (let step = 0; step < 2; step++) device().update(formula, [other]);
  assertEquals(
    await one.variables.weight.data(),
    await other.variables.weight.data(),
  );
  for (const { gradient, variables } of [one, other]) {
    tf.dispose([gradient, variables.weight]);
  }
});

/** How often a method is called meanwhile. */
function countCalls<Name extends string>(
  prototype: Record<Name, (...args: never[]) => unknown>,
  name: Name,
  run: () => void,
): number {
  const method = prototype[name];
  let count = 0;
  prototype[name] = function (...args: never[]) {
    count++;
    return method.apply(this, args);
  };
  try {
    run();
  } finally {
    prototype[name] = method;
  }
  return count;
}
