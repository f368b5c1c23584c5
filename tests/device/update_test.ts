/** Tests of steps of formulas on every device against plain TypeScript, and of what they do to tensors that share memory. */

import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { device, type Parameter } from "../../src/device/device.ts";
import { biasCorrection } from "../../src/device/formula.ts";
import { tf } from "../../src/device/tf.ts";
import { BackendError } from "../../src/errors.ts";
import { dense } from "../../src/nn/dense.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { sgd } from "../../src/optim/sgd.ts";
import { assertClose } from "../compare.ts";
import { deviceTest, use } from "../device.ts";
import { numbers } from "../numbers.ts";
import {
  checkUpdate,
  makeParameter,
  SHARERS,
  UPDATE_CASES,
  UPDATE_SIZES,
  type UpdateCase,
} from "./update_cases.ts";

for (const [what, updateCase] of Object.entries(UPDATE_CASES)) {
  const check = async () => {
    await checkUpdate(updateCase);
    await checkUpdate(updateCase, { factors: [0, 0.5, 0.25] });
    await checkUpdate(updateCase, { factors: [2, 0, 1] });
  };
  deviceTest(`update() with ${what} is as in plain TypeScript`, async (on) => {
    await use(on);
    await check();
  });
  Deno.test(`update() with ${what} is as in plain TypeScript, by tfjs`, async () => {
    await use("plain");
    await check();
  });
}

/** Formulas that no device computes, and why not. */
const REFUSED: Readonly<Record<string, Pick<UpdateCase, "names" | "formula">>> =
  {
    "it has weight, a, b, c: keep at most 2 per weight": {
      names: ["weight", "a", "b", "c"],
      formula: (old) => old,
    },
    "it changes weight: give new values of weight, velocity": {
      names: ["weight", "velocity"],
      formula: ({ weight, velocity }) => ({ weight: weight.plus(velocity) }),
    },
    "it has a bias correction, for which steps are to be counted: set countsSteps":
      {
        names: ["weight"],
        formula: ({ weight }) => ({ weight: weight.over(biasCorrection(0.9)) }),
      },
  };
for (const [why, { names, formula }] of Object.entries(REFUSED)) {
  const check = () => {
    const parameter = makeParameter(names, 3);
    assertThrows(
      () => device().update(formula, [parameter]),
      BackendError,
      why,
    );
    tf.dispose([parameter.gradient, ...Object.values(parameter.variables)]);
  };
  deviceTest(`update() refuses a formula as ${why}`, async (on) => {
    await use(on);
    check();
  });
  Deno.test(`update() refuses a formula as ${why}, by tfjs`, async () => {
    await use("plain");
    check();
  });
}

const { names, formula } = UPDATE_CASES["Nesterov's momentum"];

/** Makes a step, and says where the variables are then. */
function update(...parameters: Parameter[]): object[] {
  device().update(formula, parameters);
  return parameters.flatMap(({ variables }) =>
    Object.values(variables).map(({ dataId }) => dataId)
  );
}

async function valuesOf({ variables }: Parameter): Promise<Float32Array[]> {
  const tensors = Object.values(variables);
  const values = await Promise.all(tensors.map((tensor) => tensor.data()));
  return values.map((v) => Float32Array.from(v));
}

deviceTest(
  "update() changes variables where they are, and makes no tensors",
  async (on) => {
    await use(on);
    const parameters = UPDATE_SIZES.map((n, i) => makeParameter(names, n, i));
    const places = update(...parameters);
    const counts = () => [tf.memory().numTensors, tf.memory().numDataBuffers];
    const before = counts();
    for (let step = 0; step < 20; step++) {
      assertEquals(update(...parameters), places);
      assertEquals(counts(), before);
    }
    for (const { gradient, variables, values } of parameters) {
      assertEquals(await gradient.data(), values.gradient);
      tf.dispose([gradient, ...Object.values(variables)]);
    }
  },
);

for (const [what, share] of Object.entries(SHARERS)) {
  for (const [i, shared] of names.entries()) {
    deviceTest(
      `update() leaves a ${what} a ${shared} as it was, and goes on from it`,
      async (on) => {
        await use(on);
        const [parameter, other] = [0, 0].map(() => makeParameter(names, 100));
        // On memory of their own.
        update(parameter, other);
        const variable = parameter.variables[shared];
        const old = (await valuesOf(parameter))[i];
        const sharer = share(variable, old);
        assertEquals(sharer.dataId, variable.dataId);
        const tensors = tf.memory().numTensors;
        const places = update(parameter);
        assertNotEquals(sharer.dataId, variable.dataId);
        assertEquals(update(parameter), places);
        assertEquals(tf.memory().numTensors, tensors);
        assertEquals(Float32Array.from(await sharer.data()), old);
        sharer.dispose();
        update(parameter);
        for (let step = 0; step < 3; step++) update(other);
        assertEquals(await valuesOf(parameter), await valuesOf(other));
        for (const { gradient, variables } of [parameter, other]) {
          tf.dispose([gradient, ...Object.values(variables)]);
        }
      },
    );
  }
}

deviceTest("update() leaves a clone of the count of steps", async (on) => {
  await use(on);
  const { names, formula } = UPDATE_CASES["a corrected mean"];
  const parameter = makeParameter(names, 5);
  const step = tf.tidy(() => tf.variable(tf.scalar(5), false));
  const clone = tf.clone(step);
  device().update(formula, [parameter], { step });
  assertEquals([...await clone.data(), ...await step.data()], [5, 6]);
  tf.dispose([parameter.gradient, clone, step]);
  tf.dispose(Object.values(parameter.variables));
});

deviceTest("update() leaves what was read before, and a slice", async (on) => {
  await use(on);
  const parameter = makeParameter(names, 100);
  update(parameter);
  const read = await parameter.variables.weight.data();
  const slice = tf.slice(parameter.variables.weight, 20, 30);
  const old = Float32Array.from(read);
  update(parameter);
  assertEquals(Float32Array.from(read), old);
  assertEquals(await slice.data(), old.slice(20, 50));
  assertNotEquals((await valuesOf(parameter))[0], old);
  tf.dispose([slice, parameter.gradient]);
  tf.dispose(Object.values(parameter.variables));
});

deviceTest("sgd() leaves what setWeights() was given", async (on) => {
  await use(on);
  const net = new Sequential({
    inputShape: [6],
    layers: [dense({ units: 5 })],
  });
  const starts = [numbers(30), numbers(5, [-1, 1], 1)];
  const given = [
    tf.tensor(starts[0].slice(), [6, 5]),
    tf.tensor(starts[1].slice()),
  ];
  net.setWeights(given);
  const gradients = given.map((tensor) => tf.onesLike(tensor));
  const weights = net.getWeights();
  const optimizer = sgd({ learningRate: 0.5 });
  for (let step = 0; step < 3; step++) optimizer.apply(weights, gradients);
  for (const [i, start] of starts.entries()) {
    assertEquals(await given[i].data(), start);
    const expected = start.map((value) => value - 1.5);
    assertClose(await weights[i].data(), expected, { absolute: 1e-6 });
  }
  tf.dispose([...given, ...gradients]);
  net.dispose();
});
