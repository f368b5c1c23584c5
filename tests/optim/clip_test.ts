/**
 * Tests of clipping by the norm against PyTorch's rule in float64, on both devices, alone and with optimizers and a loss
 * scale.
 *
 * @module
 */

import { SCALE_STATE, throwIfDeviceFailed } from "../../src/device/device.ts";
import { type Tensor, tf, type Variable } from "../../src/device/tf.ts";
import { OptionError } from "../../src/errors.ts";
import { readAs } from "../../src/device/webgpu/cast.ts";
import { adam } from "../../src/optim/adam.ts";
import { NormClip } from "../../src/optim/clip.ts";
import { LossScale } from "../../src/optim/loss_scale.ts";
import { sgd } from "../../src/optim/sgd.ts";
import { assertClose } from "../compare.ts";
import { use, webgpuTest } from "../device.ts";
import { numbers } from "../numbers.ts";
import { assertEquals, assertThrows } from "@std/assert";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";

/** Sizes of gradients: of which some are read from textures. */
const SIZES = [3, 4, 1, 70_000, 65_537, 4097];

function _valuesOf(seed: number): Float32Array<ArrayBuffer>[] {
  return SIZES.map((size, k) => numbers(size, [-1, 1], seed + k));
}

function _tensorsOf(values: readonly Float32Array[]): Tensor[] {
  return values.map((v) => tf.tensor1d(v.slice()));
}

function _normOf(values: readonly Float32Array[]): number {
  let sum = 0;
  for (const list of values) for (const x of list) sum += x * x;
  return Math.sqrt(sum);
}

/** clip_grad_norm_'s coefficient. */
function _coefficient(norm: number, maxNorm: number): number {
  return Math.min(1, maxNorm / (norm + 1e-6));
}

async function _factorOf(clip: NormClip): Promise<number> {
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
        const values = _valuesOf(10 * seed);
        const gradients = _tensorsOf(values);
        clip.update(gradients);
        const norm = _normOf(values);
        assertClose([await clip.readNorm()], [norm], { relative: 1e-6 });
        const expected = _coefficient(norm, maxNorm);
        assertClose([await _factorOf(clip)], [expected], { relative: 1e-6 });
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
    assertEquals([await clip.readNorm(), await _factorOf(clip)], [0, 1]);
    clip.dispose();
    tf.dispose(gradients);
  });

  for (const make of [() => sgd({ momentum: 0.9 }), () => adam()]) {
    const { description } = make();
    test(`${description} with a NormClip is as with clipped gradients, and skips what is not finite, on ${device}`, async () => {
      await use(device);
      const starts = _valuesOf(50);
      const made = (): Variable[] =>
        starts.map((v) => tf.tidy(() => tf.variable(tf.tensor1d(v.slice()))));
      const [weights, expected] = [made(), made()];
      const [optimizer, plain] = [make(), make()];
      const clip = new NormClip({ maxNorm: 0.5 });
      for (const step of [0, 1, 2]) {
        const values = _valuesOf(10 * step);
        const factor = _coefficient(_normOf(values), 0.5);
        const isSkipped = step === 1;
        if (isSkipped) values[1][2] = NaN;
        const gradients = _tensorsOf(values);
        clip.update(gradients);
        optimizer.apply(weights, gradients, clip);
        if (isSkipped) assertEquals(await _factorOf(clip), 0);
        else {
          const clipped = _tensorsOf(
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
      const values = _valuesOf(3).map((v) => v.map(Math.f16round));
      const scaled = values.map((v) => v.map((x) => x * initialScale));
      const gradientsOf = (values: readonly Float32Array[]) =>
        tf.tidy(() =>
          _tensorsOf(values).map((g) => tf.clone(readAs(backend, g, type)))
        );
      const gradients = gradientsOf(scaled);
      scale.update(gradients);
      clip.update(gradients, scale);
      const norm = _normOf(values);
      assertClose([await clip.readNorm()], [norm], { relative: 1e-6 });
      const expected = _coefficient(norm, maxNorm) / initialScale;
      assertClose([await _factorOf(clip)], [expected], { relative: 1e-6 });
      tf.dispose(gradients);

      scaled[3][5] = Infinity;
      const infinite = gradientsOf(scaled);
      scale.update(infinite);
      clip.update(infinite, scale);
      assertEquals(await _factorOf(clip), 0);
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
