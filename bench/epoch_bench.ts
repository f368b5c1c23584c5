/**
 * An epoch on the full data set, projected from some of its batches: training with the loader's own batches, and
 * evaluation. Run with `deno bench -A bench/epoch_bench.ts`.
 *
 * @module
 */

import { loadFashionMnist } from "../src/data/fashion_mnist.ts";
import { alexnet } from "../src/models/alexnet.ts";
import { lenet } from "../src/models/lenet.ts";
import type { Sequential } from "../src/nn/sequential.ts";
import { sgd } from "../src/optim/sgd.ts";
import { evaluate } from "../src/train/evaluate.ts";
import { fit } from "../src/train/fit.ts";
import { median, openDevice } from "./measure.ts";

const IMAGES = { train: 60_000, test: 10_000 };

const { adapter } = await openDevice();
console.error(`adapter: ${adapter}`);
await _register("LeNet", lenet(), { batchSize: 256, train: 40, test: 10 });
await _register("AlexNet", alexnet(), { batchSize: 16, train: 2, test: 2 });

/** Registers timings of so many training and test batches. */
async function _register(
  name: string,
  net: Sequential,
  { batchSize, train, test }: {
    batchSize: number;
    train: number;
    test: number;
  },
): Promise<void> {
  const data = await loadFashionMnist({
    batchSize,
    resize: net.inputShape[0],
    trainSamples: train * batchSize,
    testSamples: test * batchSize,
  });
  const optimizer = sgd({ learningRate: 0.01 });
  const work = {
    train: () => fit(net, data.train, { optimizer }),
    test: () => evaluate(net, data.test),
  };
  const seconds = { train: [] as number[], test: [] as number[] };
  for (const phase of ["train", "test"] as const) {
    const count = { train, test }[phase];
    Deno.bench({
      name: `${name}, ${count} ${phase} batches of ${batchSize}`,
      group: name,
      n: 3,
      async fn(b) {
        const start = performance.now();
        b.start();
        await work[phase]();
        b.end();
        seconds[phase].push((performance.now() - start) / 1000);
      },
    });
  }
  globalThis.addEventListener("unload", () => {
    if (seconds.test.length === 0) return;
    const project = (phase: "train" | "test", count: number) =>
      median(seconds[phase]) / (count * batchSize) * IMAGES[phase];
    const [training, testing] = [
      project("train", train),
      project("test", test),
    ];
    console.error(
      `${name} epoch, projected from ${train} training and ${test} test batches: ${
        (training + testing).toFixed(1)
      } s (training ${training.toFixed(1)} s, evaluation ${
        testing.toFixed(1)
      } s)`,
    );
  });
}
