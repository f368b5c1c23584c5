/** Tests of the tuner on operations that take the device really different times. */

import { assert, assertEquals } from "@std/assert";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { throwIfDeviceFailed } from "../../../../src/device/device.ts";
import { tf } from "../../../../src/device/tf.ts";
import {
  dispatch,
  makeOutput,
  programOf,
} from "../../../../src/device/webgpu/run/dispatch.ts";
import { gridOf, indexOf } from "../../../../src/device/webgpu/wgsl/wgsl.ts";
import { tuneOperations } from "../../../../src/device/webgpu/run/tuner.ts";
import {
  chooseWays,
  chosenWays,
  type Operation,
  runOperation,
} from "../../../../src/device/webgpu/run/ways.ts";
import { webgpuTest } from "../../../device.ts";
import { webgpuBackend } from "../run.ts";

const SIZE = 2 ** 16;

/** Times that a way runs the same kernel. */
const WAYS: Readonly<Record<string, number>> = { forty: 40, one: 1, ten: 10 };

for (const usual of ["forty", "one"]) {
  webgpuTest(
    `tuneOperations() chooses one dispatch of forty, where ${usual} is usual`,
    async () => {
      const backend = await webgpuBackend();
      const input = tf.ones([SIZE]);
      const others = Object.keys(WAYS).filter((name) => name !== usual);
      const operation: Operation = {
        key: "dispatches",
        what: "dispatches",
        ways: [usual, ...others].map((name) => ({
          name,
          fits: true,
          run: (backend, [x]) => repeat(backend, x, WAYS[name]),
        })),
      };
      const run = () => {
        const output = runOperation(backend, operation, [input], {});
        backend.disposeData(output.dataId);
      };
      const count = () => [tf.memory().numTensors, backend.numDataIds()];
      const before = count();
      try {
        const all = [];
        for await (const tuned of tuneOperations(backend, run, () => false)) {
          all.push(tuned);
        }
        assertEquals(all.length, 1);
        const [{ key, way, ms, usualMs }] = all;
        assertEquals([key, way, all[0].usual], ["dispatches", "one", usual]);
        assertEquals(chosenWays(backend), new Map([["dispatches", "one"]]));
        assert(ms > 0);
        // Forty times as much work, and what it takes to wait.
        if (usual === "forty") assert(usualMs > 4 * ms, `${usualMs}, ${ms}`);
        else assertEquals(usualMs, ms);
        assertEquals(count(), before);
      } finally {
        chooseWays(backend, new Map());
      }
      input.dispose();
      throwIfDeviceFailed();
    },
  );
}

/** Computes the same several times: what takes the device about a millisecond. */
function repeat(
  backend: WebGPUBackend,
  x: TensorInfo,
  times: number,
): TensorInfo {
  const output = makeOutput(backend, [SIZE]);
  const program = programOf(backend, "tuner test", () => {
    const workgroups = gridOf(SIZE);
    const code = `
@group(0) @binding(0) var<storage, read_write> output: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;

${indexOf(SIZE, workgroups)}
  var v = x[i];
  for (var turn = 0; turn < 200; turn = turn + 1) {
    v = fma(v, 0.999, 0.5);
  }
  output[i] = v;
}
`;
    return { code, workgroups };
  });
  for (let i = 0; i < times; i++) dispatch(backend, program, [output, x]);
  return output;
}
