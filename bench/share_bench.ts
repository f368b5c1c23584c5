/**
 * AlexNet's training step and products of matrices in turns, as the speed of a shared machine changes from one minute to
 * the next: which share of the best product the step reaches. Run with `deno bench -A bench/share_bench.ts`.
 *
 * @module
 */

import { tf } from "../src/device/tf.ts";
import { matmul } from "../src/device/webgpu/gemm/product.ts";
import { alexnet } from "../src/models/alexnet.ts";
import { median, openDevice, timeRuns } from "./measure.ts";
import { trainingStep } from "./step.ts";

const ROUNDS = 7;

const { backend, adapter } = await openDevice();
console.error(`adapter: ${adapter}`);
const step = trainingStep(alexnet(), 16);
const products = [[512, 40], [1024, 8], [2048, 1]].map(([size, times]) => {
  const [a, b] = [0, 1].map(() => tf.randomUniform([size, size]));
  const sizes = { rows: size, columns: size, depth: size };
  const single = { batch: 1, batchA: 1, batchB: 1 };
  const plain = { transposeA: false, transposeB: false };
  const outputShape = [size, size];
  const run = () => {
    const options = { ...sizes, ...single, ...plain };
    const { dataId } = matmul(backend, { a, b, outputShape }, options);
    backend.disposeData(dataId);
  };
  return { gflop: 2 * size ** 3 / 1e9, run, times };
});
const rates = { step: [] as number[], best: [] as number[] };

Deno.bench({
  name: "AlexNet step, batch 16, and products of matrices",
  n: ROUNDS,
  async fn() {
    rates.step.push(step.gflop / await timeRuns(step.run, 1) * 1000);
    const round: number[] = [];
    for (const { gflop, run, times } of products) {
      round.push(gflop / await timeRuns(run, times) * 1000);
    }
    rates.best.push(Math.max(...round));
  },
});

globalThis.addEventListener("unload", () => {
  if (rates.step.length === 0) return;
  const [own, best] = [rates.step, rates.best].map((all) =>
    median(all.slice(-ROUNDS))
  );
  console.error(
    `AlexNet step ${own.toFixed(1)} GFLOP/s, best product ${
      best.toFixed(1)
    } GFLOP/s: ${(100 * own / best).toFixed(0)}% (medians of ${ROUNDS} turns)`,
  );
});
