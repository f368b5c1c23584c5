/**
 * Times what a training step costs besides the device's work: JavaScript, submits and memory. Its dispatches have no workgroups
 * and its copies to textures are empty, so that the device has nothing to do. Run with `deno bench -A bench/cost_bench.ts`.
 */

import { alexnet } from "../src/models/alexnet.ts";
import { scratchBytes } from "../src/device/webgpu/run/dispatch.ts";
import { lenet } from "../src/models/lenet.ts";
import { median, openDevice, synchronize, watchPeakBytes } from "./measure.ts";
import { type TrainingStep, trainingStep } from "./step.ts";

const STEPS = {
  "AlexNet, batch 16": () => trainingStep(alexnet(), 16),
  "AlexNet, batch 128": () => trainingStep(alexnet(), 128),
  "LeNet, batch 256": () => trainingStep(lenet(), 256),
};

/** Steps that are recorded one after the other, as `fit()` does, which waits for the device about once a second. */
const STEPS_AT_ONCE = 10;

const RUNS = 20;

/** Steps until the JavaScript engine has optimised what they run. */
const WARMUP = 800;

interface Count {
  submits: number;
  deviceMs: number;
}

/** What the steps of a network cost: milliseconds of each, and the counts of the last. */
interface Costs {
  readonly name: string;
  readonly js: number[];
  readonly device: number[];
  submits: number;
  peakBytes: number;
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
const count = countCosts();
const takePeakBytes = watchPeakBytes(backend);

const costs: Costs[] = [];
/** One network at a time, so that its memory is all there is. */
let step: TrainingStep | undefined;
for (const [name, makeStep] of Object.entries(STEPS)) {
  const cost: Costs = { name, js: [], device: [], submits: 0, peakBytes: 0 };
  Deno.bench({
    name: `recording ${STEPS_AT_ONCE} steps of ${name}`,
    n: RUNS,
    async fn(b) {
      if (cost.js.length === 0) {
        step?.dispose();
        await synchronize();
        step = makeStep();
        costs.push(cost);
        // Not by `warmup`, which Deno 2.9 ignores.
        for (let i = 0; i < WARMUP; i++) {
          if (i % STEPS_AT_ONCE === 0) await synchronize();
          step.run();
        }
      }
      await synchronize();
      cost.submits = count.submits / STEPS_AT_ONCE;
      count.submits = count.deviceMs = 0;
      takePeakBytes();
      b.start();
      const start = performance.now();
      for (let i = 0; i < STEPS_AT_ONCE; i++) step!.run();
      const ms = performance.now() - start;
      b.end();
      cost.js.push((ms - count.deviceMs) / STEPS_AT_ONCE);
      cost.device.push(count.deviceMs / STEPS_AT_ONCE);
      cost.peakBytes = takePeakBytes();
    },
  });
}
globalThis.addEventListener("unload", () => {
  for (const { name, js, device, submits, peakBytes } of costs) {
    const [jsMs, deviceMs] = [js, device].map((ms) => median(ms.slice(-RUNS)));
    console.error(
      `${name}: ${jsMs.toFixed(2)} ms of JavaScript a step, and ${
        deviceMs.toFixed(2)
      } ms in the device's encoder and queue (medians), ${submits} submits, at most ${
        gigabytes(peakBytes)
      } of buffers in use`,
    );
  }
  const textures = scratchBytes(backend.device);
  console.error(`textures of all: ${gigabytes(textures)}`);
});

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(3)} GB`;
}

/** Counts submits, and the milliseconds that the device's encoder and queue take of the calling thread. */
function countCosts(): Count {
  const count = { submits: 0, deviceMs: 0 };
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
  return count;
}
