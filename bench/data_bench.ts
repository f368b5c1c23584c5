/**
 * Times the ways from the files to a batch: reading them, batches by the device, batches by the host with more or fewer workers;
 * and how long training waits for batches. Run with `deno bench -A bench/data_bench.ts`.
 */

import { loadFashionMnist } from "../src/data/fashion_mnist/fashion_mnist.ts";
import {
  ensureFashionMnist,
  readVerified,
} from "../src/data/fashion_mnist/files.ts";
import { parseIdx } from "../src/data/idx.ts";
import {
  compose,
  randomCrop,
  randomHorizontalFlip,
} from "../src/data/transforms/mod.ts";
import { alexnet } from "../src/models/alexnet.ts";
import { lenet } from "../src/models/lenet.ts";
import type { Sequential } from "../src/nn/sequential.ts";
import { sgd } from "../src/optim/sgd.ts";
import type { BatchSource } from "../src/train/batch_source.ts";
import { fit } from "../src/train/fit.ts";
import { runHostPath } from "./host_path.ts";
import { median, openDevice, synchronize } from "./measure.ts";

/** Turns; the median counts. */
const ROUNDS = 5;

const { adapter } = await openDevice();
console.error(`adapter: ${adapter}`);
const files = await ensureFashionMnist();

/** Images per second by name, to be printed at the end. */
const speeds = new Map<string, number[]>();

/** Other lines to print at the end, by name; the last of each counts. */
const notes = new Map<string, string>();

Deno.bench({
  name: "gunzip, check and parse the train images and labels",
  group: "files",
  n: ROUNDS,
  async fn() {
    for (const [file, rank] of [[files[0], 3], [files[1], 1]] as const) {
      parseIdx(await readVerified(file), { path: file.path, rank });
    }
  },
});

for (
  const { side, batchSize, batches } of [
    { side: 28, batchSize: 256, batches: 200 },
    { side: 224, batchSize: 128, batches: 20 },
  ]
) {
  const group = `${side}x${side}`;
  const options = {
    batchSize,
    resize: side,
    trainSamples: batches * batchSize,
  };
  const augment = compose([
    randomCrop(28, { padding: 4 }),
    randomHorizontalFlip(),
  ]);
  const loaders = [
    ["device", await loadFashionMnist({ ...options, path: "device" })],
    [
      "device, random crop and flip",
      await loadFashionMnist({ ...options, path: "device", augment }),
    ],
    [
      "host, 2 workers, and copied to the device",
      await loadFashionMnist({ ...options, path: "host", workers: 2 }),
    ],
  ] as const;
  for (const [name, { train }] of loaders) {
    register(
      `${name}, batches of ${batchSize} at ${group}`,
      group,
      async () => {
        await synchronize();
        const start = performance.now();
        for await (const _ of train);
        await synchronize();
        return train.numSamples / (performance.now() - start) * 1000;
      },
    );
  }
  for (const workers of [0, 1, 2, 4]) {
    register(
      `host, ${workers} workers, batches of 128 at ${group}`,
      group,
      async () => {
        const { imagesPerSecond } = await runHostPath([
          `--workers=${workers}`,
          `--resize=${side}`,
          ...side === 224 ? ["--samples=12800"] : [],
        ]);
        return imagesPerSecond;
      },
    );
  }
}

Deno.bench({
  name: "host, 2 workers, the full set at 224x224",
  group: "224x224",
  n: 1,
  async fn() {
    const { images, peakBytes, imagesPerSecond } = await runHostPath([
      "--workers=2",
    ]);
    notes.set(
      "host",
      `host, 2 workers, ${images} images at 224x224: ${
        Math.round(imagesPerSecond)
      } images/s, at most ${(peakBytes / 1e9).toFixed(2)} GB of the process`,
    );
  },
});

registerWait("LeNet", lenet(), { batchSize: 256, batches: 40 });
registerWait("AlexNet", alexnet(), { batchSize: 16, batches: 3 });

globalThis.addEventListener("unload", () => {
  for (const [name, measured] of speeds) {
    console.error(`${name}: ${Math.round(median(measured))} images/s`);
  }
  for (const note of notes.values()) console.error(note);
});

/** Registers a run that gives how many images per second it made. */
function register(
  name: string,
  group: string,
  run: () => Promise<number>,
): void {
  Deno.bench({
    name,
    group,
    n: ROUNDS,
    async fn() {
      const measured = speeds.get(name) ?? [];
      measured.push(await run());
      speeds.set(name, measured);
    },
  });
}

/** Registers training with the loader's batches, in turns with training on one batch again and again. */
function registerWait(
  name: string,
  net: Sequential,
  { batchSize, batches }: { batchSize: number; batches: number },
): void {
  const waits: number[] = [];
  const shares: number[] = [];
  Deno.bench({
    name: `${name}, ${batches} steps of ${batchSize}, with and without data`,
    group: "waiting",
    n: 1,
    async fn() {
      const { train } = await loadFashionMnist({
        batchSize,
        resize: net.inputShape[0],
        trainSamples: batches * batchSize,
      });
      const optimizer = sgd({ learningRate: 0.01 });
      const time = async (source: BatchSource) => {
        const { epochs: [epoch] } = await fit(net, source, { optimizer });
        return epoch;
      };
      for await (const batch of train) {
        const same: BatchSource = {
          async *[Symbol.asyncIterator]() {
            for (let i = 0; i < batches; i++) yield batch;
          },
        };
        await time(same);
        for (let round = 0; round < ROUNDS; round++) {
          const { seconds, waitSeconds } = await time(train);
          waits.push(waitSeconds / seconds);
          shares.push(1 - (await time(same)).seconds / seconds);
        }
        break;
      }
      optimizer.dispose();
      const percent = (share: number) => `${(100 * share).toFixed(1)}%`;
      notes.set(
        name,
        `${name}, batch ${batchSize}: ${
          percent(median(waits))
        } of the time spent waiting for data; with the device's own work for it, ${
          percent(median(shares))
        } (medians of ${waits.length} turns)`,
      );
    },
  });
}
