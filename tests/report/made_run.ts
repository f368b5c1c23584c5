/** A run folder of a real training: LeNet on some of the sample, for two epochs: too few to learn much. */

import { loadFashionMnist } from "../../src/data/fashion_mnist/fashion_mnist.ts";
import { saveCheckpoint } from "../../src/io/checkpoint.ts";
import { lenet } from "../../src/models/lenet.ts";
import { sgd } from "../../src/optim/sgd.ts";
import type { MetricsRecord, RunConfig } from "../../src/runs/records.ts";
import type { Callbacks } from "../../src/train/callbacks.ts";
import { fit } from "../../src/train/fit.ts";
import { use } from "../device.ts";

/** What is written of the run instead of what it really did. */
export interface RunChanges {
  /** Parts of `config.json`. */
  readonly config?: Partial<RunConfig>;
  /** Accuracy on the training images after each epoch, as `--measure-train` would record. */
  readonly measuredTrainAccuracy?: number;
  /** Images trained per second in each epoch. */
  readonly imagesPerSecond?: number;
}

/** Images per step, and how many there are. */
export const BATCH = { batchSize: 32, trainSamples: 320, testSamples: 200 };

/** Its `config.json`. */
export const CONFIG: RunConfig = {
  format: 1,
  started: "2026-11-25T20:45:05.000Z",
  versions: { "@x/alexnet": "0.1.0", deno: Deno.version.deno },
  device: "WebGPU, a <test> adapter",
  system: "linux x86_64",
  model: { model: "lenet", classes: 10, imageSize: 28 },
  recipe: {
    ...{ model: "lenet", epochs: 2, "batch-size": BATCH.batchSize },
    ...{ "learning-rate": 0.1, momentum: 0.9, seed: 1 },
  },
  data: {
    source: "sample",
    classNames: [
      ...["t-shirt/top", "trouser", "pullover", "dress", "coat"],
      ...["sandal", "shirt", "sneaker", "bag", "ankle boot"],
    ],
    trainSamples: BATCH.trainSamples,
    testSamples: BATCH.testSamples,
    sha256: { "t10k-images-idx3-ubyte": "0".repeat(64) },
    transforms: ["scale to [0, 1]"],
  },
};

/**
 * Trains, and writes what the run did.
 *
 * @param path The run folder.
 * @param changes What is written instead.
 */
export async function makeRun(
  path: string,
  changes: RunChanges = {},
): Promise<void> {
  await use("webgpu");
  const { train, test } = await loadFashionMnist({
    ...{ source: "sample", seed: 1, ...BATCH },
  });
  const net = lenet({ seed: 1 });
  const optimizer = sgd({ learningRate: 0.1, momentum: 0.9 });
  const records: MetricsRecord[] = [];
  const recorder: Callbacks = {
    async onStepEnd({ epoch, step, loss, correct }) {
      records.push({
        ...{ type: "step", epoch, step, learningRate: 0.1 },
        loss: (await loss.data())[0],
        accuracy: (await correct.data())[0] / BATCH.batchSize,
      });
    },
    onEpochEnd(e) {
      const { config: _, ...measured } = changes;
      records.push({ ...e, type: "epoch", ...measured });
    },
  };
  const callbacks = [recorder];
  await fit(net, train, { epochs: 2, optimizer, validation: test, callbacks });
  const config = { ...CONFIG, ...changes.config };
  await Deno.mkdir(`${path}/checkpoints`, { recursive: true });
  await saveCheckpoint(`${path}/checkpoints/best`, net, CONFIG.model);
  await Deno.writeTextFile(`${path}/config.json`, JSON.stringify(config));
  const lines = records.map((record) => `${JSON.stringify(record)}\n`);
  await Deno.writeTextFile(`${path}/metrics.jsonl`, lines.join(""));
  optimizer.dispose();
  net.dispose();
}
