/** Tests of SGD against PyTorch's rule in plain float64, on both devices. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { tf } from "../../src/device/tf.ts";
import { OptionError } from "../../src/errors.ts";
import { sgd, type SgdOptions } from "../../src/optim/sgd.ts";
import { assertClose } from "../compare.ts";
import { use, webgpuTest } from "../device.ts";
import { numbers } from "../numbers.ts";

const SHAPES = [[3, 5], [5], []];
const STEPS = 3;

/** torch.optim.SGD with dampening 0, element by element. */
function reference(
  weights: Float64Array,
  gradients: readonly Float32Array[],
  options: SgdOptions,
): Float64Array {
  const { learningRate = 0.01, momentum = 0, weightDecay = 0 } = options;
  const velocity = new Float64Array(weights.length);
  const result = weights.slice();
  for (const gradient of gradients) {
    for (let i = 0; i < result.length; i++) {
      const g = gradient[i] + weightDecay * result[i];
      velocity[i] = momentum * velocity[i] + g;
      result[i] -= learningRate * velocity[i];
    }
  }
  return result;
}

const RECIPES: [description: string, options: SgdOptions][] = [
  ["SGD, learning rate 0.01", {}],
  ["SGD, learning rate 0.9", { learningRate: 0.9 }],
  ["SGD, learning rate 0.1, momentum 0.9", {
    learningRate: 0.1,
    momentum: 0.9,
  }],
  ["SGD, learning rate 0.1, weight decay 0.05", {
    learningRate: 0.1,
    weightDecay: 0.05,
  }],
  ["SGD, learning rate 0.2, momentum 0.5, weight decay 0.1", {
    learningRate: 0.2,
    momentum: 0.5,
    weightDecay: 0.1,
  }],
];
for (const device of ["cpu", "webgpu", "plain"] as const) {
  const test = device === "webgpu" ? webgpuTest : Deno.test;
  for (const [description, options] of RECIPES) {
    test(`${description} is PyTorch's on ${device}`, async () => {
      await use(device);
      const before = tf.memory().numTensors;
      const optimizer = sgd(options);
      assertEquals(optimizer.description, description);
      const sizes = SHAPES.map((shape) => shape.reduce((n, m) => n * m, 1));
      const starts = sizes.map((size, i) => numbers(size, [-1, 1], i));
      const weights = SHAPES.map((shape, i) =>
        tf.tidy(() => tf.variable(tf.tensor(starts[i].slice(), shape)))
      );
      const gradientOf = (step: number, i: number) =>
        numbers(sizes[i], [-1, 1], 10 * step + i + 10);
      for (let step = 0; step < STEPS; step++) {
        const gradients = SHAPES.map((shape, i) =>
          tf.tensor(gradientOf(step, i), shape)
        );
        optimizer.apply(weights, gradients);
        assert(gradients.every((gradient) => !gradient.isDisposed));
        tf.dispose(gradients);
      }
      for (const [i, weight] of weights.entries()) {
        const expected = reference(
          Float64Array.from(starts[i]),
          Array.from({ length: STEPS }, (_, step) => gradientOf(step, i)),
          options,
        );
        // Three steps of a few float32 operations on numbers around 1.
        assertClose(await weight.data() as Float32Array, expected, {
          absolute: 1e-6,
        });
      }
      optimizer.dispose();
      tf.dispose(weights);
      assertEquals(tf.memory().numTensors, before);
    });
  }
}

Deno.test("sgd() keeps one tensor per weight with momentum, none without", async () => {
  await use("cpu");
  for (const [momentum, kept] of [[0, 0], [0.9, 2]]) {
    const weights = [tf.variable(tf.ones([2])), tf.variable(tf.ones([3]))];
    const gradients = [tf.ones([2]), tf.ones([3])];
    const optimizer = sgd({ momentum });
    const before = tf.memory().numTensors;
    for (let step = 0; step < 3; step++) optimizer.apply(weights, gradients);
    assertEquals(tf.memory().numTensors, before + kept);
    optimizer.dispose();
    optimizer.dispose();
    assertEquals(tf.memory().numTensors, before);
    // Starts again from no velocity.
    optimizer.apply(weights, gradients);
    optimizer.dispose();
    tf.dispose([...weights, ...gradients]);
  }
});

const REFUSED: SgdOptions[] = [
  { learningRate: 0 },
  { learningRate: -1 },
  { learningRate: NaN },
  { learningRate: Infinity },
  { momentum: 1 },
  { momentum: -0.1 },
  { momentum: NaN },
  { weightDecay: -1 },
  { weightDecay: Infinity },
];
for (const options of REFUSED) {
  const [[option, value]] = Object.entries(options);
  Deno.test(`sgd() refuses ${option} ${value}`, () => {
    const error = assertThrows(() => sgd(options), OptionError);
    assertEquals([error.option, error.value], [option, value]);
  });
}
