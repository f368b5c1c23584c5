/** Tests of finding the fastest kernels of a training step, and of remembering them. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { device, type TunedOperation } from "../../src/device/device.ts";
import { type Tensor1D, type Tensor4D, tf } from "../../src/device/tf.ts";
import { OptionError } from "../../src/errors.ts";
import { readTuning } from "../../src/io/tuning_cache.ts";
import { chooseWays, chosenWays } from "../../src/device/webgpu/run/ways.ts";
import { conv2d } from "../../src/nn/conv2d.ts";
import { dense, flatten } from "../../src/nn/dense.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { lossAndGradients } from "../../src/train/step.ts";
import { tune, useTuned } from "../../src/train/tune.ts";
import { assertCloseTensor } from "../compare.ts";
import { makeFolder, namesIn } from "../data/folder.ts";
import { read, use, webgpuTest } from "../device.ts";
import { pretendTime } from "../environment.ts";
import { webgpuBackend } from "../device/webgpu/run.ts";
import { operationsIn } from "../device/webgpu/traces.ts";
import { labelsUpTo, numbers } from "../numbers.ts";

const BATCH = 4;
const SIZE = 6;
const CHANNELS = 32;

/** Sum of the channels of a convolution that is no longer computed by rows, so that there are several ways. */
function makeNet(): Sequential {
  return new Sequential({
    inputShape: [SIZE, SIZE, CHANNELS],
    layers: [
      conv2d({ filters: 32, kernelSize: 3, padding: "same" }),
      flatten(),
      dense({ units: 3 }),
    ],
  });
}

function batch(): { images: Tensor4D; labels: Tensor1D } {
  const shape: [number, number, number, number] = [BATCH, SIZE, SIZE, CHANNELS];
  const size = BATCH * SIZE * SIZE * CHANNELS;
  return {
    images: tf.tensor4d(numbers(size), shape),
    labels: tf.tensor1d(labelsUpTo(BATCH, 3), "int32"),
  };
}

/** Loss, correct count and gradients. */
async function stepOf(net: Sequential): Promise<Float32Array[]> {
  return await read(() => {
    const { images, labels } = batch();
    const { loss, correct, gradients } = lossAndGradients(net, images, labels);
    return [loss, correct, ...gradients];
  });
}

async function weightsOf(net: Sequential): Promise<Float32Array[]> {
  return await read(() => net.getWeights().map((weight) => tf.clone(weight)));
}

/** Fails if there is a warning. */
function onWarning(message: string): never {
  throw new Error(message);
}

function waysOf(tuned: Iterable<TunedOperation>): Map<string, string> {
  return new Map([...tuned].map(({ key, way }) => [key, way]));
}

/** Runs a test, and then has everything computed in the usual ways again. */
function tuneTest(
  name: string,
  fn: (backend: WebGPUBackend) => Promise<void>,
): void {
  webgpuTest(name, async () => {
    const backend = await webgpuBackend();
    try {
      await fn(backend);
    } finally {
      chooseWays(backend, new Map());
    }
  });
}

tuneTest(
  "tune() measures a step once and keeps it, and useTuned() computes as it found best",
  async (backend) => {
    await using folder = await makeFolder();
    const options = { dir: folder.path, onWarning };
    const net = makeNet();
    const weights = await weightsOf(net);
    const expected = await stepOf(net);
    const count = () => [tf.memory().numTensors, backend.numDataIds()];
    const before = count();
    // Ways take as long as this says, so that some are better than the usual ones and nothing is run again and again.
    using _clock = pretendTime([150, 110, 190, 130, 170, 120, 160]);

    const told: TunedOperation[] = [];
    const onTuned = (tuned: TunedOperation) => told.push(tuned);
    const first = await tune(net, { ...options, batchSize: BATCH, onTuned });
    assertEquals(count(), before);
    assertEquals(told, first);
    for (const { way, ms, usual, usualMs } of first) {
      assert(ms > 0 && (way === usual ? ms === usualMs : ms < usualMs));
    }
    const keys = first.map(({ key }) => key);
    assertEquals(new Set(keys).size, keys.length);
    // Output and gradient of the filter, and the products of their tiles before them; the dense layer and its gradients.
    const prefix = (name: string) =>
      keys.findIndex((k) => k.startsWith(name) && !k.endsWith(" product"));
    assert(prefix("places,") < prefix("conv2d,"));
    assert(prefix("places,") >= 0);
    assert(prefix("conv2d filter gradient,") > 0);
    assert(keys.filter((key) => key.startsWith("matmul,")).length === 3);

    assert(first.some(({ way, usual }) => way !== usual));
    assert(first.some(({ way, usual }) => way === usual));

    // Every operation of a step was measured.
    const chosen = waysOf(first);
    const { images, labels } = batch();
    const step = () => tf.dispose({ ...lossAndGradients(net, images, labels) });
    for (const { key } of operationsIn(step)) assert(chosen.has(key), key);
    tf.dispose([images, labels]);
    assertEquals(chosenWays(backend), chosen);
    assertEquals(await weightsOf(net), weights);
    const tunedStep = await stepOf(net);

    assertEquals(namesIn(folder.path).length, 1);
    const kept = await readTuning(device().info.adapter!, options);
    assertEquals([...kept.values()], first);

    // As another process would.
    chooseWays(backend, new Map());
    assertEquals(await useTuned(options), kept);
    assertEquals(chosenWays(backend), chosen);
    assertEquals(await stepOf(net), tunedStep);
    tunedStep.forEach((values, i) => {
      // Tiles of 8 places round by as much; see winogradTolerance().
      assertCloseTensor(values, expected[i], { relative: 2e-5 });
    });

    chooseWays(backend, new Map());
    const second = await tune(net, { ...options, batchSize: BATCH });
    assertEquals(second, []);
    assertEquals(chosenWays(backend), chosen);
    assertEquals(count(), before);
    net.dispose();
  },
);

tuneTest(
  "tune() keeps what it measured before it was left, and goes on from there",
  async (backend) => {
    await using folder = await makeFolder();
    const options = { dir: folder.path, onWarning, batchSize: BATCH };
    const net = new Sequential({
      inputShape: [SIZE, SIZE, 1],
      layers: [flatten(), dense({ units: 3 })],
    });
    const before = tf.memory().numTensors;
    const left: TunedOperation[] = [];
    const onTuned = (tuned: TunedOperation) => {
      left.push(tuned);
      throw new Error("left");
    };
    await assertRejects(
      () => tune(net, { ...options, onTuned }),
      Error,
      "left",
    );
    assertEquals(left.length, 1);
    assertEquals(tf.memory().numTensors, before);
    const rest = await tune(net, options);
    assert(rest.length > 0);
    assert(rest.every(({ key }) => key !== left[0].key));
    assertEquals(chosenWays(backend), waysOf([...left, ...rest]));
    net.dispose();
  },
);

tuneTest(
  "useTuned() has everything computed as usual where nothing was tuned",
  async (backend) => {
    await using folder = await makeFolder();
    chooseWays(backend, new Map([["matmul", "of before"]]));
    const tuned = await useTuned({ dir: folder.path, onWarning });
    assertEquals(tuned, new Map());
    assertEquals(chosenWays(backend), new Map());
    assertEquals(namesIn(folder.path), []);
  },
);

Deno.test("tune() and useTuned() do nothing without WebGPU", async () => {
  await use("cpu");
  await using folder = await makeFolder();
  const options = { dir: folder.path, onWarning };
  const net = makeNet();
  assertEquals(await tune(net, { ...options, batchSize: BATCH }), []);
  assertEquals(await useTuned(options), new Map());
  assertEquals(namesIn(folder.path), []);
  net.dispose();
});

Deno.test("tune() refuses batches that are not of 1 image or more", async () => {
  await use("cpu");
  const net = makeNet();
  for (const batchSize of [0, 1.5, NaN]) {
    await assertRejects(
      () => tune(net, { batchSize }),
      OptionError,
      "batchSize",
    );
  }
  net.dispose();
});

tuneTest(
  "tune() in float16 tunes operations of float16 for themselves",
  async () => {
    await using folder = await makeFolder();
    const net = new Sequential({
      inputShape: [2, 2, 8],
      layers: [flatten(), dense({ units: 16 }), dense({ units: 12 })],
    });
    const options = { batchSize: 8, dir: folder.path, onWarning };
    using _clock = pretendTime(150);
    const keysOf = (all: readonly TunedOperation[]) =>
      all.map(({ key }) => key);
    const halves = keysOf(
      await tune(net, { ...options, precision: "float16" }),
    );
    assert(
      halves.length > 0 && halves.every((key) => key.endsWith(",float16")),
    );
    const floats = keysOf(await tune(net, options));
    assertEquals(floats.map((key) => `${key},float16`).sort(), halves.sort());
    net.dispose();
  },
);

Deno.test("tune() refuses float16 on the CPU", async () => {
  await use("cpu");
  const net = new Sequential({
    inputShape: [2, 2, 1],
    layers: [flatten(), dense({ units: 3 })],
  });
  await assertRejects(
    () => tune(net, { batchSize: 8, precision: "float16" }),
    OptionError,
    "shader-f16",
  );
  net.dispose();
});
