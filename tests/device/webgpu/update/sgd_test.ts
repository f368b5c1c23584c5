/**
 * Tests of SGD in place on WebGPU against the rule in float64, and of what it does to tensors that share memory.
 *
 * @module
 */

import { assertEquals, assertNotEquals } from "@std/assert";
import { tf } from "../../../../src/device/tf.ts";
import { sgdInPlace } from "../../../../src/device/webgpu/update/update_in_place.ts";
import { dense } from "../../../../src/nn/dense.ts";
import { Sequential } from "../../../../src/nn/sequential.ts";
import { assertClose } from "../../../compare.ts";
import { webgpuTest } from "../../../device.ts";
import { numbers } from "../../../numbers.ts";
import { passTest } from "../forms.ts";
import { poison, webgpuBackend } from "../run.ts";
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
  SGD_TOLERANCE,
  SHARERS,
} from "./sgd_parameters.ts";

for (const recipe of SGD_RECIPES) {
  const lists = [...SGD_SIZES.map((size) => [size]), SGD_SIZES, [7, 7]];
  for (const sizes of lists) {
    passTest(
      `sgdInPlace() with ${recipe[0]} on ${sizes} is the reference's`,
      async () => {
        await webgpuBackend();
        await checkSgd({ sizes, recipe }, sgdInPlace);
      },
    );
  }
}

for (const [what, share] of Object.entries(SHARERS)) {
  for (const shared of ["weight", "velocity"] as const) {
    passTest(
      `sgdInPlace() leaves a ${what} a ${shared} as it was`,
      async () => {
        const backend = await webgpuBackend();
        const parameter = makeParameter(100, true);
        const old = Float32Array.from(parameter.expected[shared]);
        const sharer = share(parameter[shared]!, old);
        assertEquals(sharer.dataId, parameter[shared]!.dataId);
        // What is moved is moved to memory full of NaN.
        await poison([100]);
        const tensors = tf.memory().numTensors;
        const dataIds = backend.numDataIds();
        for (let step = 0; step < SGD_STEPS; step++) {
          sgdInPlace([parameter], SGD_RATES);
          followParameter(parameter, SGD_RATES);
          // Moved once, by the first step.
          assertEquals(backend.numDataIds(), dataIds + 1);
          assertEquals(tf.memory().numTensors, tensors);
        }
        assertNotEquals(sharer.dataId, parameter[shared]!.dataId);
        await checkParameter(parameter);
        assertEquals(await sharer.data(), old);
        sharer.dispose();
        // Disposing it leaves the weight alone.
        await poison([100]);
        sgdInPlace([parameter], SGD_RATES);
        followParameter(parameter, SGD_RATES);
        await checkParameter(parameter);
        disposeParameter(parameter);
      },
    );
  }
}

webgpuTest(
  "sgdInPlace() leaves what setWeights() was given as it was",
  async () => {
    await webgpuBackend();
    const [inputs, units] = [6, 5];
    const net = new Sequential({
      inputShape: [inputs],
      layers: [dense({ units })],
    });
    const sizes = [inputs * units, units];
    const starts = sizes.map((size, i) => numbers(size, [-1, 1], i));
    const given = [
      tf.tensor(starts[0].slice(), [inputs, units]),
      tf.tensor(starts[1].slice()),
    ];
    net.setWeights(given);
    const gradients = given.map((tensor) => tf.onesLike(tensor));
    const weights = net.getWeights();
    const rates = { learningRate: 0.5, momentum: 0, weightDecay: 0 };
    for (let step = 0; step < SGD_STEPS; step++) {
      sgdInPlace(
        weights.map((weight, i) => ({ weight, gradient: gradients[i] })),
        rates,
      );
    }
    for (const [i, start] of starts.entries()) {
      assertEquals(await given[i].data(), start);
      assertClose(
        await weights[i].data() as Float32Array,
        start.map((value) => value - SGD_STEPS * 0.5),
        { absolute: SGD_TOLERANCE },
      );
    }
    tf.dispose([...given, ...gradients]);
    net.dispose();
  },
);

webgpuTest(
  "sgdInPlace() changes what is read after it, and not what was read before",
  async () => {
    await webgpuBackend();
    const parameter = makeParameter(100, true);
    const { weight, velocity } = parameter;
    for (let step = 0; step < SGD_STEPS; step++) {
      const [before, velocityBefore] = [
        await weight.data(),
        await velocity!.data(),
      ];
      const copies = [before.slice(), velocityBefore.slice()];
      sgdInPlace([parameter], SGD_RATES);
      followParameter(parameter, SGD_RATES);
      await checkParameter(parameter);
      assertEquals([before, velocityBefore], copies);
    }
    disposeParameter(parameter);
  },
);

webgpuTest(
  "sgdInPlace() keeps the numbers of tensors and of what holds their data",
  async () => {
    const backend = await webgpuBackend();
    for (const hasVelocity of [false, true]) {
      const parameters = SGD_SIZES.map((size, i) =>
        makeParameter(size, hasVelocity, i)
      );
      const [tensors, dataIds] = [tf.memory().numTensors, backend.numDataIds()];
      for (let step = 0; step < 20; step++) {
        sgdInPlace(parameters, SGD_RATES);
        assertEquals(tf.memory().numTensors, tensors);
        assertEquals(backend.numDataIds(), dataIds);
      }
      parameters.forEach(disposeParameter);
    }
  },
);

webgpuTest("sgdInPlace() does not wait for reads on their way", async () => {
  await webgpuBackend();
  const parameter = makeParameter(100, false);
  sgdInPlace([parameter], SGD_RATES);
  const reading = parameter.weight.data();
  sgdInPlace([parameter], SGD_RATES);
  followParameter(parameter, SGD_RATES);
  await reading;
  followParameter(parameter, SGD_RATES);
  await checkParameter(parameter);
  disposeParameter(parameter);
});
