/**
 * What a training step costs besides the device's work: JavaScript, submits and memory. Its dispatches are of no
 * workgroups and its copies to textures are empty, so that the device has nothing to do. Run with `deno bench -A bench/cost_bench.ts`.
 *
 * @module
 */

import { alexnet } from "../src/models/alexnet.ts";
import { scratchBytes } from "../src/kernels/scratch.ts";
import { lenet } from "../src/models/lenet.ts";
import { median, openDevice, synchronize } from "./measure.ts";
import { trainingStep } from "./step.ts";

const STEPS = {
  "AlexNet, batch 16": () => trainingStep(alexnet(), 16),
  "AlexNet, batch 128": () => trainingStep(alexnet(), 128),
  "LeNet, batch 256": () => trainingStep(lenet(), 256),
};

/** What is counted. */
interface _Costs {
  submits: number;
  deviceMs: number;
  peakBytes: number;
}

/** The part of the backend that counts memory. */
interface _BufferManager {
  numBytesUsed: number;
  acquireBuffer(...args: unknown[]): GPUBuffer;
}

const { backend, adapter } = await openDevice();
console.error(`adapter: ${adapter}`);
const { prototype } = GPUComputePassEncoder;
const { dispatchWorkgroups } = prototype;
prototype.dispatchWorkgroups = function () {
  dispatchWorkgroups.call(this, 0, 1, 1);
};
const encoder = GPUCommandEncoder.prototype;
const { copyBufferToTexture } = encoder;
encoder.copyBufferToTexture = function (from, to) {
  copyBufferToTexture.call(this, from, to, [0, 0]);
};
const count = _countCosts();

for (const [name, makeStep] of Object.entries(STEPS)) {
  // One network at a time, so that its memory is all there is.
  const { run, dispose } = makeStep();
  for (let i = 0; i < 3; i++) {
    await synchronize();
    count.submits = 0;
    count.peakBytes = 0;
    run();
  }
  await synchronize();
  console.error(
    `${name}: ${count.submits} submits a step, at most ${
      (count.peakBytes / 1e9).toFixed(3)
    } GB of buffers in use, and ${
      (scratchBytes(backend.device) / 1e9).toFixed(3)
    } GB of textures`,
  );
  dispose();
  await synchronize();
}

const times = new Map<string, { js: number[]; device: number[] }>();
for (const [name, makeStep] of Object.entries(STEPS)) {
  let step: ReturnType<typeof makeStep> | undefined;
  const stepMs = { js: [] as number[], device: [] as number[] };
  times.set(name, stepMs);
  Deno.bench({
    name: `recording a step of ${name}`,
    n: 200,
    warmup: 300,
    async fn(b) {
      step ??= makeStep();
      await synchronize();
      count.deviceMs = 0;
      const start = performance.now();
      b.start();
      step.run();
      b.end();
      stepMs.js.push(performance.now() - start - count.deviceMs);
      stepMs.device.push(count.deviceMs);
    },
  });
}
globalThis.addEventListener("unload", () => {
  for (const [name, { js, device }] of times) {
    if (js.length === 0) continue;
    const [jsMs, deviceMs] = [js, device].map((ms) => median(ms.slice(-200)));
    console.error(
      `${name}: ${jsMs.toFixed(2)} ms of JavaScript a step, and ${
        deviceMs.toFixed(2)
      } ms in the device's encoder and queue (medians)`,
    );
  }
});

/**
 * Counts submits, the milliseconds that the device's encoder and queue take of the calling thread, and the most bytes of
 * buffers in use at a time (`tf.memory().numBytesInGPU`).
 */
function _countCosts(): _Costs {
  const count = { submits: 0, deviceMs: 0, peakBytes: 0 };
  const timed = <T>(work: () => T): T => {
    const start = performance.now();
    const result = work();
    count.deviceMs += performance.now() - start;
    return result;
  };
  const { queue } = backend.device;
  const { submit } = queue;
  queue.submit = function (buffers) {
    count.submits++;
    return timed(() => submit.call(queue, buffers));
  };
  const { prototype } = GPUCommandEncoder;
  const { finish, beginComputePass, copyBufferToTexture } = prototype;
  prototype.finish = function (...args) {
    return timed(() => finish.apply(this, args));
  };
  prototype.beginComputePass = function (...args) {
    return timed(() => beginComputePass.apply(this, args));
  };
  prototype.copyBufferToTexture = function (...args) {
    return timed(() => copyBufferToTexture.apply(this, args));
  };
  const manager =
    (backend as unknown as { bufferManager: _BufferManager }).bufferManager;
  const { acquireBuffer } = manager;
  manager.acquireBuffer = function (...args) {
    const buffer = acquireBuffer.apply(manager, args);
    count.peakBytes = Math.max(count.peakBytes, manager.numBytesUsed);
    return buffer;
  };
  return count;
}
