/** Tests of the norm on WebGPU: of a tensor larger than AlexNet's largest, from buffers and textures, always the same. */

import {
  CLIP_STATE,
  throwIfDeviceFailed,
} from "../../../../src/device/device.ts";
import { type Tensor, tf } from "../../../../src/device/tf.ts";
import {
  clipNorm,
  unitScale,
} from "../../../../src/device/webgpu/update/gradient_scale.ts";
import { assertClose } from "../../../compare.ts";
import { webgpuTest } from "../../../device.ts";
import { numbers } from "../../../numbers.ts";
import { passTest } from "../forms.ts";
import { poison, webgpuBackend } from "../run.ts";
import { assertEquals } from "@std/assert";

/** Fills what the kernel makes with NaN first, and fails if it leaves something behind. */
async function stateOf(gradients: readonly Tensor[]): Promise<Float32Array> {
  const backend = await webgpuBackend();
  const state = tf.tidy(() => tf.variable(tf.fill([4], NaN), false));
  await poison([1, 2, 3, 4, 5, 6]);
  // It stays on the device.
  unitScale(backend);
  const before = backend.numDataIds();
  clipNorm(backend, { gradients, state }, 1);
  assertEquals(backend.numDataIds(), before);
  const values = Float32Array.from(await state.data());
  state.dispose();
  throwIfDeviceFailed();
  return values;
}

for (const sizes of [[1], [4], [4095], [4097], [16_384], [16_388, 3, 70_001]]) {
  passTest(
    `clipNorm() of ${sizes} numbers is the reference's, twice the same`,
    async () => {
      const values = sizes.map((size, i) => numbers(size, [-1, 1], i));
      const gradients = values.map((v) => tf.tensor1d(v.slice()));
      const state = await stateOf(gradients);
      const sum = values.flatMap((v) => [...v]).reduce((s, x) => s + x * x, 0);
      const norm = Math.sqrt(sum);
      assertClose([state[CLIP_STATE.norm]], [norm], { relative: 1e-6 });
      assertClose(
        [state[CLIP_STATE.factor]],
        [Math.min(1, 1 / (norm + 1e-6))],
        {
          relative: 1e-6,
        },
      );
      assertEquals(await stateOf(gradients), state);
      tf.dispose(gradients);
    },
  );
}

webgpuTest(
  "clipNorm() takes a tensor of 128 MiB, as much as every adapter binds",
  async () => {
    await webgpuBackend();
    // A row of random numbers, over and over: large, but quickly made and summed up.
    const [rows, columns] = [8192, 4096];
    const row = numbers(columns);
    const gradient = tf.tidy(() =>
      tf.tile(tf.tensor2d(row.slice(), [1, columns]), [rows, 1])
    );
    const state = await stateOf([gradient]);
    const norm = Math.sqrt(rows * row.reduce((s, x) => s + x * x, 0));
    assertClose([state[CLIP_STATE.norm]], [norm], { relative: 1e-6 });
    gradient.dispose();
  },
);
