/** Tests of dropout: when it is on, how much it drops, and what its masks depend on. */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { type Tensor, tf } from "../../src/device/tf.ts";
import { dense, dropout, flatten } from "../../src/nn/dense.ts";
import type { CallContext } from "../../src/nn/layer.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { read, use } from "../device.ts";
import { numbers } from "../numbers.ts";

const CONTEXT: CallContext = {
  training: true,
  seed: 3,
  step: 0,
  firstImage: 0,
  layerIndex: 2,
  needsInputGradient: true,
};

/** What dropout makes of ones. */
async function dropOnes(
  shape: number[],
  options: { rate?: number } & Partial<CallContext> = {},
): Promise<Float32Array> {
  const { rate = 0.5, ...context } = options;
  await use("cpu");
  const layer = dropout({ rate });
  const [values] = await read(() => [
    layer.apply(tf.ones(shape), [], { ...CONTEXT, ...context }),
  ]);
  return values;
}

for (const rate of [0.1, 0.5, 0.9]) {
  Deno.test(`dropout() drops a share of ${rate} and scales the rest to keep the mean`, async () => {
    const count = 40_000;
    const values = await dropOnes([count / 100, 100], { rate });
    const kept = values.filter((value) => value !== 0);
    const scale = Math.fround(1 / (1 - rate));
    assert(kept.every((value) => value === scale));
    // Five standard deviations of the share.
    const deviation = Math.sqrt(rate * (1 - rate) / count);
    const share = 1 - kept.length / count;
    assert(Math.abs(share - rate) < 5 * deviation, `share ${share}`);
  });
}

Deno.test("dropout() has the same mask for the same seed, step, layer and image", async () => {
  assertEquals(await dropOnes([4, 25]), await dropOnes([4, 25]));
});

const CHANGES: Partial<CallContext>[] = [
  { seed: 4 },
  { step: 1 },
  { layerIndex: 3 },
  { firstImage: 1 },
];
for (const change of CHANGES) {
  Deno.test(`dropout() has another mask with ${JSON.stringify(change)}`, async () => {
    assertNotEquals(await dropOnes([4, 25], change), await dropOnes([4, 25]));
  });
}

Deno.test("dropout() has the same masks for a batch and for its parts", async () => {
  // An odd number of features, so that parts do not begin at even positions.
  const whole = await dropOnes([5, 3, 3, 3]);
  const first = await dropOnes([2, 3, 3, 3]);
  const second = await dropOnes([3, 3, 3, 3], { firstImage: 2 });
  assertEquals([...whole], [...first, ...second]);
});

Deno.test("dropout() has independent masks for the images of a batch", async () => {
  const values = await dropOnes([2, 1000]);
  const [a, b] = [values.subarray(0, 1000), values.subarray(1000)];
  const equal = a.filter((value, i) => value === b[i]).length;
  // Half of them, within five standard deviations.
  assert(Math.abs(equal - 500) < 5 * Math.sqrt(250), `${equal} of 1000`);
});

Deno.test("dropout() passes the gradient through its mask", async () => {
  await use("cpu");
  const layer = dropout({ rate: 0.25 });
  const [y, dx] = await read(() => {
    const apply = (x: Tensor) => layer.apply(x, [], CONTEXT);
    return [
      apply(tf.ones([3, 20])),
      tf.grad((x) => tf.sum(apply(x)))(tf.ones([3, 20])),
    ];
  });
  assertEquals(dx, y);
});

Deno.test("dropout() does nothing outside of training, or at rate 0", async () => {
  const ones = new Float32Array(100).fill(1);
  assertEquals(await dropOnes([100], { training: false }), ones);
  assertEquals(await dropOnes([100], { rate: 0 }), ones);
});

Deno.test("predict() has dropout off, forward() has it on", async () => {
  await use("cpu");
  const inputShape = [4, 4, 1];
  const make = (rate: number) =>
    new Sequential({
      layers: [flatten(), dropout({ rate }), dense({ units: 3 })],
      inputShape,
    });
  const [dropping, plain] = [make(0.5), make(0)];
  const [predicted, expected, forward, forwardPlain] = await read(() => {
    const images = tf.tensor4d(numbers(32), [2, 4, 4, 1]);
    const options = { step: 0, firstImage: 0 };
    return [
      dropping.predict(images),
      plain.predict(images),
      dropping.forward(images, options),
      plain.forward(images, options),
    ];
  });
  assertEquals(predicted, expected);
  assertEquals(forwardPlain, expected);
  assertNotEquals(forward, expected);
  [dropping, plain].forEach((net) => net.dispose());
});
