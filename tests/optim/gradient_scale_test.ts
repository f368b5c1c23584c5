/**
 * Tests of the loss scale and of clipping by the norm against PyTorch's rules, alone and with optimizers, on both devices.
 */

import { SCALE_STATE, throwIfDeviceFailed } from "../../src/device/device.ts";
import {
  type Scalar,
  type Tensor,
  tf,
  type Variable,
} from "../../src/device/tf.ts";
import { readAs } from "../../src/device/webgpu/cast.ts";
import { OptionError } from "../../src/errors.ts";
import { adam } from "../../src/optim/adam.ts";
import { LossScale, NormClip } from "../../src/optim/gradient_scale.ts";
import { sgd } from "../../src/optim/sgd.ts";
import { assertClose } from "../compare.ts";
import { use, webgpuTest } from "../device.ts";
import { numbers } from "../numbers.ts";
import { assertEquals, assertThrows } from "@std/assert";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";

/** Sizes of gradients: of which some are read from textures. */
const SIZES = [3, 4, 70_000, 65_537];

function _gradients(values: readonly Float32Array[]): Tensor[] {
  return values.map((v) => tf.tensor1d(v));
}

webgpuTest(
  "LossScale doubles after its interval and halves on overflow",
  async () => {
    await use("webgpu");
    const scale = new LossScale({ initialScale: 8, growthInterval: 3 });
    const finite = _gradients([numbers(5)]);
    const infinite = _gradients([Float32Array.of(1, -Infinity)]);
    const steps: [gradients: Tensor[], scale: number, skipped: number][] = [
      [finite, 8, 0],
      [finite, 8, 0],
      [finite, 16, 0],
      [finite, 16, 0],
      [infinite, 8, 1],
      [finite, 8, 1],
      [finite, 8, 1],
      [finite, 16, 1],
      ...[8, 4, 2, 1, 1].map((scale, i): [Tensor[], number, number] => [
        infinite,
        scale,
        2 + i,
      ]),
    ];
    for (const [gradients, expected, skippedSteps] of steps) {
      scale.update(gradients);
      assertEquals(await scale.read(), { scale: expected, skippedSteps });
    }
    scale.dispose();
    tf.dispose([finite, infinite]);
    throwIfDeviceFailed();
  },
);

for (const value of [NaN, Infinity, -Infinity]) {
  for (const [which, size] of SIZES.entries()) {
    for (const type of ["float32", "float16"] as const) {
      webgpuTest(
        `LossScale finds ${value} in ${size} numbers of ${type}`,
        async () => {
          await use("webgpu");
          const backend = tf.backend() as WebGPUBackend;
          const scale = new LossScale();
          for (const at of [0, size >> 1, size - 1]) {
            const values = SIZES.map((n, seed) => numbers(n, [-1, 1], seed));
            values[which][at] = value;
            const gradients = tf.tidy(() =>
              _gradients(values).map((g) => tf.clone(readAs(backend, g, type)))
            );
            const before = (await scale.read()).skippedSteps;
            scale.update(gradients);
            assertEquals((await scale.read()).skippedSteps, before + 1);
            tf.dispose(gradients);
          }
          scale.dispose();
          throwIfDeviceFailed();
        },
      );
    }
  }
}

webgpuTest("LossScale takes all finite numbers for finite", async () => {
  await use("webgpu");
  const scale = new LossScale();
  const most = 3.4028234663852886e38;
  const gradients = _gradients([Float32Array.of(most, -most, 0, -0, 1e-45)]);
  scale.update(gradients);
  assertEquals(await scale.read(), { scale: 65_536, skippedSteps: 0 });
  tf.dispose(gradients);
  scale.dispose();
});

webgpuTest(
  "LossScale.apply() keeps a loss and scales its gradient",
  async () => {
    await use("webgpu");
    const scale = new LossScale({ initialScale: 32 });
    const x = tf.tensor1d([1, 2, 3]);
    const before = tf.memory().numTensors;
    const { value, grad } = tf.valueAndGrad((x) =>
      scale.apply(tf.sum(tf.square(x)) as Scalar)
    )(x);
    assertEquals([...await value.data()], [14]);
    assertEquals([...await grad.data()], [64, 128, 192]);
    tf.dispose([value, grad]);
    assertEquals(tf.memory().numTensors, before);
    tf.dispose(x);
    scale.dispose();
  },
);

for (const momentum of [0, 0.9]) {
  webgpuTest(
    `sgd() with momentum ${momentum} divides by a loss scale, and skips what is not finite`,
    async () => {
      await use("webgpu");
      const SCALE = 1024;
      const weights = SIZES.map((size, seed) =>
        tf.tidy(() =>
          tf.variable(tf.tensor1d(numbers(size, [-1, 1], 10 + seed)))
        )
      );
      const expected = weights.map((weight) =>
        tf.tidy(() => tf.variable(tf.tensor1d(weight.dataSync())))
      );
      const options = { learningRate: 0.1, momentum, weightDecay: 0.01 };
      const [optimizer, plain] = [sgd(options), sgd(options)];
      const scale = new LossScale({ initialScale: SCALE });
      for (const step of [0, 1, 2, 3]) {
        const values = SIZES.map((size, k) => numbers(size, [-1, 1], step + k));
        const isSkipped = step === 1;
        const factor = step > 1 ? SCALE / 2 : SCALE;
        const scaled = values.map((v) => v.map((x) => x * factor));
        if (isSkipped) scaled[1][2] = Infinity;
        const gradients = _gradients(scaled);
        scale.update(gradients);
        optimizer.apply(weights, gradients, scale);
        if (!isSkipped) {
          const unscaled = _gradients(values);
          plain.apply(expected, unscaled);
          tf.dispose(unscaled);
        }
        tf.dispose(gradients);
        for (const [k, weight] of weights.entries()) {
          assertClose(await weight.data(), await expected[k].data(), {
            absolute: 1e-7,
            relative: 1e-6,
            what: `weight ${k} after step ${step}`,
          });
        }
      }
      optimizer.dispose();
      plain.dispose();
      scale.dispose();
      tf.dispose([...weights, ...expected]);
      throwIfDeviceFailed();
    },
  );
}

webgpuTest("LossScale refuses options out of their range", async () => {
  await use("webgpu");
  for (const initialScale of [0, 0.5, NaN, Infinity]) {
    assertThrows(() => new LossScale({ initialScale }), OptionError);
  }
  for (const growthInterval of [0, 1.5]) {
    assertThrows(() => new LossScale({ growthInterval }), OptionError);
  }
});

/** Sizes of gradients: of which some are read from textures. */
const CLIPPED_SIZES = [3, 4, 1, 70_000, 65_537, 4097];

function valuesOf(seed: number): Float32Array<ArrayBuffer>[] {
  return CLIPPED_SIZES.map((size, k) => numbers(size, [-1, 1], seed + k));
}

function tensorsOf(values: readonly Float32Array[]): Tensor[] {
  return values.map((v) => tf.tensor1d(v.slice()));
}

function normOf(values: readonly Float32Array[]): number {
  let sum = 0;
  for (const list of values) for (const x of list) sum += x * x;
  return Math.sqrt(sum);
}

/** clip_grad_norm_'s coefficient. */
function coefficient(norm: number, maxNorm: number): number {
  return Math.min(1, maxNorm / (norm + 1e-6));
}

async function factorOf(clip: NormClip): Promise<number> {
  return (await clip.state.data())[SCALE_STATE.factor];
}

for (const device of ["cpu", "webgpu"] as const) {
  const test = device === "webgpu" ? webgpuTest : Deno.test;
  for (const maxNorm of [1e-4, 1, 200, 1e6]) {
    test(`NormClip to ${maxNorm} is PyTorch's on ${device}`, async () => {
      await use(device);
      const before = tf.memory().numTensors;
      const clip = new NormClip({ maxNorm });
      for (const seed of [0, 1]) {
        const values = valuesOf(10 * seed);
        const gradients = tensorsOf(values);
        clip.update(gradients);
        const norm = normOf(values);
        assertClose([await clip.readNorm()], [norm], { relative: 1e-6 });
        const expected = coefficient(norm, maxNorm);
        assertClose([await factorOf(clip)], [expected], { relative: 1e-6 });
        tf.dispose(gradients);
      }
      clip.dispose();
      assertEquals(tf.memory().numTensors, before);
    });
  }

  test(`NormClip leaves gradients of 0 alone on ${device}`, async () => {
    await use(device);
    const clip = new NormClip({ maxNorm: 1 });
    const gradients = [tf.zeros([5])];
    clip.update(gradients);
    assertEquals([await clip.readNorm(), await factorOf(clip)], [0, 1]);
    clip.dispose();
    tf.dispose(gradients);
  });

  for (const make of [() => sgd({ momentum: 0.9 }), () => adam()]) {
    const { description } = make();
    test(`${description} with a NormClip is as with clipped gradients, and skips what is not finite, on ${device}`, async () => {
      await use(device);
      const starts = valuesOf(50);
      const made = (): Variable[] =>
        starts.map((v) => tf.tidy(() => tf.variable(tf.tensor1d(v.slice()))));
      const [weights, expected] = [made(), made()];
      const [optimizer, plain] = [make(), make()];
      const clip = new NormClip({ maxNorm: 0.5 });
      for (const step of [0, 1, 2]) {
        const values = valuesOf(10 * step);
        const factor = coefficient(normOf(values), 0.5);
        const isSkipped = step === 1;
        if (isSkipped) values[1][2] = NaN;
        const gradients = tensorsOf(values);
        clip.update(gradients);
        optimizer.apply(weights, gradients, clip);
        if (isSkipped) assertEquals(await factorOf(clip), 0);
        else {
          const clipped = tensorsOf(
            values.map((v) => v.map((x) => x * factor)),
          );
          plain.apply(expected, clipped);
          tf.dispose(clipped);
        }
        tf.dispose(gradients);
        for (const [k, weight] of weights.entries()) {
          assertClose(await weight.data(), await expected[k].data(), {
            absolute: 1e-7,
            relative: 1e-6,
            what: `weight ${k} after step ${step}`,
          });
        }
      }
      optimizer.dispose();
      plain.dispose();
      clip.dispose();
      tf.dispose([...weights, ...expected]);
      throwIfDeviceFailed();
    });
  }
}

for (const type of ["float32", "float16"] as const) {
  webgpuTest(
    `NormClip takes the norm of ${type} without a loss scale, and has the factor of both`,
    async () => {
      await use("webgpu");
      const backend = tf.backend() as WebGPUBackend;
      const [initialScale, maxNorm] = [1024, 0.25];
      const scale = new LossScale({ initialScale });
      const clip = new NormClip({ maxNorm });
      const values = valuesOf(3).map((v) => v.map(Math.f16round));
      const scaled = values.map((v) => v.map((x) => x * initialScale));
      const gradientsOf = (values: readonly Float32Array[]) =>
        tf.tidy(() =>
          tensorsOf(values).map((g) => tf.clone(readAs(backend, g, type)))
        );
      const gradients = gradientsOf(scaled);
      scale.update(gradients);
      clip.update(gradients, scale);
      const norm = normOf(values);
      assertClose([await clip.readNorm()], [norm], { relative: 1e-6 });
      const expected = coefficient(norm, maxNorm) / initialScale;
      assertClose([await factorOf(clip)], [expected], { relative: 1e-6 });
      tf.dispose(gradients);

      scaled[3][5] = Infinity;
      const infinite = gradientsOf(scaled);
      scale.update(infinite);
      clip.update(infinite, scale);
      assertEquals(await factorOf(clip), 0);
      tf.dispose(infinite);
      clip.dispose();
      scale.dispose();
      throwIfDeviceFailed();
    },
  );
}

Deno.test("NormClip refuses norms that are not above 0", async () => {
  await use("cpu");
  for (const maxNorm of [0, -1, NaN, Infinity, 1e39]) {
    const error = assertThrows(() => new NormClip({ maxNorm }), OptionError);
    assertEquals([error.option, error.value], ["maxNorm", maxNorm]);
  }
});
