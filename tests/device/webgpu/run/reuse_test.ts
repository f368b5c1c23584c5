/**
 * Tests that the buffer of a large tensor is used again while the commands that used it before still wait, with the right
 * results, and that of a small one is not.
 */

import { assert, assertEquals } from "@std/assert";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { throwIfDeviceFailed } from "../../../../src/device/device.ts";
import { type Tensor, tf } from "../../../../src/device/tf.ts";
import { addInPlace } from "../../../../src/device/webgpu/update/update_in_place.ts";
import { asTensor } from "../../../../src/device/tape.ts";
import {
  dispatch,
  makeOutput,
  makeResident,
  programOf,
} from "../../../../src/device/webgpu/run/dispatch.ts";
import { gridOf, indexOf } from "../../../../src/device/webgpu/wgsl/wgsl.ts";
import { gatherImages } from "../../../../src/device/webgpu/gather/images.ts";
import type { GatherSizes } from "../../../../src/device/sizes.ts";
import {
  declareOperand,
  type Source,
} from "../../../../src/device/webgpu/wgsl/operand.ts";
import {
  flush,
  recorderOf,
} from "../../../../src/device/webgpu/run/recorder.ts";
import { traitsOf } from "../../../../src/device/webgpu/run/ways.ts";
import { assertClose } from "../../../compare.ts";
import { webgpuTest } from "../../../device.ts";
import { numbers } from "../../../numbers.ts";
import { webgpuBackend } from "../run.ts";

/** Numbers of a tensor of 64 KiB. */
const LARGE = 2 ** 14;

/** Rounds of three kernels each: TensorFlow.js submits after 15. */
const ROUNDS = 4;

for (const size of [LARGE, 3 * LARGE + 4]) {
  webgpuTest(
    `dispatch() on ${size} numbers gives what chained kernels do, although uploads take their buffers before a submit`,
    async () => {
      const backend = await idleBackend();
      const { source } = traitsOf(backend);
      const used = new Set<GPUBuffer>();
      const results: Tensor[] = [];
      const expected: Float32Array[] = [];
      const submits = countSubmits(backend);
      for (let round = 0; round < ROUNDS; round++) {
        const values = numbers(size, [-1, 1], round);
        const others = numbers(size, [5, 6], round);
        const input = upload(backend, values);
        const doubled = compute(backend, "2.0 * v", { input, source });
        used.add(bufferOf(backend, input)).add(bufferOf(backend, doubled));
        input.dispose();
        // Takes the buffer that the first kernel has yet to read.
        const other = upload(backend, others);
        used.add(bufferOf(backend, other));
        const shifted = compute(backend, "v + 0.25", {
          input: doubled,
          source: "buffers",
        });
        doubled.dispose();
        // Takes the one that the first has yet to write, and the second to read.
        const last = upload(backend, numbers(size, [7, 8], round));
        used.add(bufferOf(backend, last));
        const less = compute(backend, "v - 1.0", { input: other, source });
        tf.dispose([other, last]);
        results.push(shifted, less);
        expected.push(
          values.map((v) => 2 * v + 0.25),
          others.map((v) => v - 1),
        );
      }
      assertEquals(submits(), 0);
      // Those of the first round serve all others.
      assertEquals(used.size, 2, "buffers");
      for (const [i, result] of results.entries()) {
        assertEquals(await result.data(), expected[i], `result ${i}`);
      }
      tf.dispose(results);
      throwIfDeviceFailed();
    },
  );
}

webgpuTest(
  "addInPlace() adds each of the terms that share a large buffer before a submit",
  async () => {
    const backend = await idleBackend();
    const sum = upload(backend, new Float32Array(LARGE));
    const terms = Array.from({ length: 8 }, (_, i) =>
      // Sums of whole numbers are exact.
      numbers(LARGE, [0, 100], i).map(Math.floor));
    const used = new Set<GPUBuffer>();
    const submits = countSubmits(backend);
    for (const values of terms) {
      const term = upload(backend, values);
      used.add(bufferOf(backend, term));
      addInPlace(backend, sum, term);
      term.dispose();
    }
    assertEquals(submits(), 0);
    assertEquals(used.size, 1);
    const expected = terms[0].map((_, k) =>
      terms.reduce((all, term) => all + term[k], 0)
    );
    assertEquals(await sum.data(), expected);
    sum.dispose();
    throwIfDeviceFailed();
  },
);

webgpuTest(
  "dispatch() keeps small buffers, which the queue may write to, until the submit",
  async () => {
    const backend = await idleBackend();
    const input = upload(backend, numbers(LARGE - 1));
    const buffer = bufferOf(backend, input);
    const output = compute(backend, "-v", { input, source: "buffers" });
    input.dispose();
    const other = upload(backend, numbers(LARGE - 1, [5, 6]));
    assert(bufferOf(backend, other) !== buffer);
    assertEquals(await output.data(), numbers(LARGE - 1).map((v) => -v));
    tf.dispose([output, other]);
    throwIfDeviceFailed();
  },
);

// Its bytes are written by the queue, before commands that wait, so their buffer must not be one that these use.
for (const batch of [83, 84, 128]) {
  webgpuTest(
    `gatherImages() of several batches of ${batch} in one submit gives each its own images`,
    async () => {
      const backend = await idleBackend();
      const side = { height: 28, width: 28 };
      const sizes: GatherSizes = {
        ...{ stored: side, viewed: side, resized: side, output: side },
        ...{ channels: 1, divisor: 255, mean: [0], std: [1] },
      };
      const gather = (bytes: Uint8Array) => {
        const sent = makeResident(backend, bytes);
        const rows = Int32Array.from({ length: batch }, (_, i) => i);
        const images = gatherImages(backend, sent, { sizes, rows });
        backend.disposeData(sent.dataId);
        return asTensor(images);
      };
      const batches = [0, 1, 2].map((seed) =>
        Uint8Array.from(numbers(batch * 784, [0, 256], seed))
      );
      const submits = countSubmits(backend);
      const results = batches.map(gather);
      assertEquals(submits(), 0);
      for (const [i, result] of results.entries()) {
        const expected = Float32Array.from(batches[i], (byte) => byte / 255);
        const what = `images of batch ${i}`;
        // WGSL lets an unpacked byte be off by less than that.
        assertClose(await result.data(), expected, { absolute: 1e-6, what });
      }
      tf.dispose(results);
      throwIfDeviceFailed();
    },
  );
}

/** The backend, with no commands that wait. */
async function idleBackend(): Promise<WebGPUBackend> {
  const backend = await webgpuBackend();
  flush(backend);
  return backend;
}

function upload(backend: WebGPUBackend, values: Float32Array): Tensor {
  const tensor = tf.tensor(values);
  backend.uploadToGPU(tensor.dataId);
  return tensor;
}

/** Computes a function of each number `v` of a tensor, which is read from its buffer or from a copy of it. */
function compute(
  backend: WebGPUBackend,
  expression: string,
  { input, source }: { input: Tensor; source: Source },
): Tensor {
  const { size } = input;
  const workgroups = gridOf(size);
  const program = programOf(
    backend,
    `reuse test,${expression},${size},${source}`,
    () => ({
      code: `
@group(0) @binding(0) var<storage, read_write> output: array<f32>;
${declareOperand("x", { binding: 1, width: 1, source })}

${indexOf(size, workgroups)}
  let v = xRead(i);
  output[i] = ${expression};
}
`,
      workgroups,
    }),
  );
  const output = makeOutput(backend, [size]);
  dispatch(backend, program, [output, input]);
  return asTensor(output);
}

function bufferOf(backend: WebGPUBackend, { dataId }: Tensor): GPUBuffer {
  return recorderOf(backend).tensorMap.get(dataId).resource!;
}

/** Counts the submits, until the result is called. */
function countSubmits({ device: { queue } }: WebGPUBackend): () => number {
  const { submit } = queue;
  let count = 0;
  queue.submit = function (...args) {
    count++;
    return submit.apply(queue, args);
  };
  return () => {
    queue.submit = submit;
    return count;
  };
}
