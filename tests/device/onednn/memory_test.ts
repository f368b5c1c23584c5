/** Tests of the memory of tensors on the CPU with native kernels: it is used again, and never while anyone may see it. */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { CpuBackend } from "../../../src/device/tfjs/cpu_backend.ts";
import { type Tensor, tf, type Variable } from "../../../src/device/tf.ts";
import { conv2d } from "../../../src/nn/conv2d.ts";
import { dense, dropout, flatten } from "../../../src/nn/dense.ts";
import { averagePool2d, maxPool2d } from "../../../src/nn/pooling.ts";
import { Sequential } from "../../../src/nn/sequential.ts";
import { adam } from "../../../src/optim/adam.ts";
import type { Optimizer } from "../../../src/optim/optimizer.ts";
import { sgd } from "../../../src/optim/sgd.ts";
import { lossAndGradients } from "../../../src/train/step.ts";
import { assertClose } from "../../compare.ts";
import { nativeBackend, nativeTest } from "../../native.ts";
import { numbers } from "../../numbers.ts";

/** Elements of a tensor whose memory is kept. */
const SIZE = 1 << 15;

/** A tensor that a native kernel made, of so many times each of the numbers. */
function _make(factor: number): Tensor {
  return tf.tidy(() => tf.mul(tf.tensor1d(numbers(SIZE)), tf.scalar(factor)));
}

function bufferOf(tensor: Tensor): ArrayBufferLike {
  const { values } = (tf.backend() as CpuBackend).data.get(tensor.dataId);
  return (values as Float32Array).buffer;
}

/** Compares every number; a list of all differences of so many would take minutes. */
function assertSame(actual: ArrayLike<number>, expected: ArrayLike<number>) {
  assertClose(actual, expected, {});
}

function twice(): Float32Array {
  return numbers(SIZE).map((value) => 2 * value);
}

nativeTest("memory of a disposed tensor is used again", () => {
  const first = _make(2);
  const buffer = bufferOf(first);
  first.dispose();
  const second = _make(3);
  assert(bufferOf(second) === buffer);
  second.dispose();
});

/** Ways to make a tensor that shows the memory of another, and the part that it shows. */
const VIEWS: Readonly<
  Record<string, [view: (x: Tensor) => Tensor, begin: number, end: number]>
> = {
  "slice": [(x) => tf.slice(x, 100, 1000), 100, 1100],
  "slice of a slice": [
    (x) => tf.tidy(() => tf.slice(tf.slice(x, 100, 1000), 10, 20)),
    110,
    130,
  ],
  "reshape": [(x) => tf.reshape(x, [2, -1]), 0, SIZE],
  "clone": [(x) => tf.clone(x), 0, SIZE],
  "part of a split": [
    (x) =>
      tf.tidy(() => {
        const [, second] = tf.split(x, 4);
        return second;
      }),
    SIZE / 4,
    SIZE / 2,
  ],
  "variable": [(x) => tf.variable(x), 0, SIZE],
};
for (const [what, [view, begin, end]] of Object.entries(VIEWS)) {
  nativeTest(
    `memory that a ${what} still shows is not used again before that is disposed`,
    async () => {
      const x = _make(2);
      const buffer = bufferOf(x);
      const shown = view(x);
      assert(bufferOf(shown) === buffer, "it shows the same memory");
      x.dispose();
      const others = [3, 4, 5].map(_make);
      for (const other of others) assert(bufferOf(other) !== buffer);
      const values = Float32Array.from(await shown.data());
      assertSame(values, twice().slice(begin, end));
      shown.dispose();
      const next = _make(6);
      assert(bufferOf(next) === buffer, "then it is used again");
      tf.dispose([...others, next]);
    },
  );
}

nativeTest(
  "memory that a view of a view shows outlives both tensors before it",
  async () => {
    const x = _make(2);
    const slice = tf.slice(x, 100, 1000);
    const clone = tf.reshape(slice, [10, 100]);
    tf.dispose([x, slice]);
    const others = [3, 4].map(_make);
    const values = Float32Array.from(await clone.data());
    assertSame(values, twice().slice(100, 1100));
    tf.dispose([clone, ...others]);
  },
);

for (const how of ["data", "dataSync", "array"] as const) {
  nativeTest(
    `what ${how}() gave stays as it was after its tensor is disposed`,
    async () => {
      const x = _make(2);
      const given = await x[how]();
      x.dispose();
      const others = [3, 4].map(_make);
      assertSame(Float32Array.from(given as Float32Array), twice());
      tf.dispose(others);
    },
  );
}

nativeTest(
  "what data() gave may be changed without changing the tensor",
  async () => {
    const x = _make(2);
    (await x.data()).fill(9);
    x.dataSync().fill(9);
    assertSame(await x.data(), twice());
    x.dispose();
  },
);

const BATCH = 4;

/** A network with every kind of layer, some of whose tensors are large, 14x14x1 to 3 classes. */
function makeNet(): Sequential {
  return new Sequential({
    inputShape: [14, 14, 1],
    layers: [
      conv2d({ filters: 40, kernelSize: 3, activation: "relu" }),
      maxPool2d({ poolSize: 2 }),
      conv2d({ filters: 48, kernelSize: 3, activation: "sigmoid" }),
      averagePool2d({ poolSize: 2 }),
      flatten(),
      dense({ units: 150, activation: "relu" }),
      dropout({ rate: 0.5 }),
      dense({ units: 3 }),
    ],
  });
}

/** A network, and what trains it a step; it disposes what it made. */
function _train(optimizer: Optimizer): {
  net: Sequential;
  step: (i: number) => void;
  dispose: () => void;
} {
  const net = makeNet();
  const pixels = numbers(BATCH * 14 * 14, [0, 1]);
  const images = tf.tensor4d(pixels, [BATCH, 14, 14, 1]);
  const labels = tf.tensor1d([0, 1, 2, 0], "int32");
  return {
    net,
    step(i) {
      const results = lossAndGradients(net, images, labels, { step: i });
      optimizer.apply(net.getWeights(), results.gradients);
      tf.dispose([results.loss, results.correct, ...results.gradients]);
    },
    dispose() {
      tf.dispose([images, labels]);
      net.dispose();
      optimizer.dispose();
    },
  };
}

const OPTIMIZERS: Readonly<Record<string, () => Optimizer>> = {
  "sgd()": () => sgd({ learningRate: 0.1 }),
  "sgd() with momentum": () =>
    sgd({ learningRate: 0.1, momentum: 0.9, weightDecay: 1e-3 }),
  "adam()": () => adam({ learningRate: 0.01 }),
};
for (const [what, make] of Object.entries(OPTIMIZERS)) {
  nativeTest(`20 steps with ${what} keep memory flat`, async () => {
    const backend = await nativeBackend();
    const measure = () => ({
      tensors: tf.memory().numTensors,
      dataIds: backend.numDataIds(),
      lent: backend.arrays.lentBytes,
    });
    const allBytes = () => backend.arrays.lentBytes + backend.arrays.freeBytes;
    const before = measure();
    const { step, dispose } = _train(make());
    for (let i = 0; i < 2; i++) step(i);
    const after = measure();
    const bytes = allBytes();
    for (let i = 2; i < 22; i++) {
      step(i);
      assertEquals(measure(), after, `step ${i}`);
      assertEquals(allBytes(), bytes, `step ${i}`);
    }
    assert(backend.arrays.freeBytes > 0, "nothing was large enough to keep");
    dispose();
    assertEquals(measure(), before);
  });

  nativeTest(
    `training with ${what} leaves alone what was read, cloned and given before`,
    async () => {
      const { net, step, dispose } = _train(make());
      const weights = net.getWeights();
      const given = weights.map(({ size }, i) => numbers(size, [-0.1, 0.1], i));
      const tensors = weights.map(({ shape }, i) =>
        i === 0 ? given[i] : tf.tensor(given[i], shape)
      );
      const starts = given.map((values) => values.slice());
      net.setWeights(tensors);
      // Then the weights alone have the arrays of those, but for whoever gave them.
      const isKept = (i: number) => i > 0 && i % 2 === 0;
      tf.dispose(tensors.filter((_, i) => i > 0 && !isKept(i)) as Tensor[]);
      step(0);
      step(1);
      const read = await Promise.all(weights.map((weight) => weight.data()));
      const copies = read.map((values) => values.slice());
      const clones = weights.map((weight: Variable) => tf.clone(weight));
      const flat = weights.map((weight) => tf.reshape(weight, [-1]));
      step(2);
      step(3);
      for (const [i, weight] of weights.entries()) {
        // Training goes on.
        assertNotEquals(await weight.data(), copies[i]);
        assertSame(read[i], copies[i]);
        assertSame(await clones[i].data(), copies[i]);
        assertSame(await flat[i].data(), copies[i]);
        assertSame(given[i], starts[i]);
        if (isKept(i)) {
          assertSame(await (tensors[i] as Tensor).data(), starts[i]);
        }
      }
      tf.dispose([
        ...clones,
        ...flat,
        ...tensors.filter((_, i) => isKept(i)) as Tensor[],
      ]);
      dispose();
      read.forEach((values, i) => assertSame(values, copies[i]));
    },
  );
}
