/**
 * Projects the time of an epoch on the full data set, evaluation included, from some of its batches, which the loader makes.
 * Run with `deno bench -A bench/epoch_bench.ts [-- --device webgpu|cpu]`.
 *
 * On the CPU, PyTorch trains LeNet as well, if it is installed, on one batch again and again: its time has neither data nor
 * evaluation in it.
 */

import { parseArgs } from "@std/cli/parse-args";
import { loadFashionMnist } from "../src/data/fashion_mnist/fashion_mnist.ts";
import { OptionError } from "../src/errors.ts";
import { alexnet } from "../src/models/alexnet.ts";
import { lenet } from "../src/models/lenet.ts";
import type { Sequential } from "../src/nn/sequential.ts";
import { sgd } from "../src/optim/sgd.ts";
import { evaluate } from "../src/train/evaluate.ts";
import { fit } from "../src/train/fit.ts";
import { type Contender, findTorch, runContender } from "./contenders.ts";
import { median, openCpu, openDevice } from "./measure.ts";

const IMAGES = { train: 60_000, test: 10_000 };

/** How often to measure; the median counts. */
const ROUNDS = 3;

/** Which part of an epoch to run. */
interface Part {
  readonly batchSize: number;
  /** Batches. */
  readonly train: number;
  readonly test: number;
  readonly learningRate: number;
}

const LENET: Part = { batchSize: 256, train: 40, test: 10, learningRate: 0.9 };
/** The batch size of Dive into Deep Learning's AlexNet; software adapters are given less. */
const ALEXNET: Part = { batchSize: 128, train: 2, test: 2, learningRate: 0.01 };

const { device } = parseArgs(Deno.args, {
  string: ["device"],
  default: { device: "webgpu" },
  unknown(word) {
    throw new Error(`Unknown argument ${word}`);
  },
});
if (device !== "webgpu" && device !== "cpu") {
  throw new OptionError("device", device, "webgpu or cpu");
}
const name = device === "cpu"
  ? await openCpuByName()
  : (await openDevice()).adapter;
if (name !== undefined) {
  console.error(`device: ${name}`);
  await register("LeNet", lenet(), LENET);
  if (device === "cpu") {
    const { batchSize, train: steps } = LENET;
    const torch = await findTorch({ model: "lenet", steps });
    if (typeof torch === "string") console.error(torch);
    else torch.forEach((contender) => registerPeer(contender, batchSize));
  }
  const batchSize = device === "cpu" ? ALEXNET.batchSize : 16;
  await register("AlexNet", alexnet(), { ...ALEXNET, batchSize });
}

async function openCpuByName(): Promise<string | undefined> {
  const device = await openCpu();
  if (typeof device !== "string") return device.name;
  console.error(`oneDNN is left out: ${device}`);
}

/** Registers timings of so many training and test batches. */
async function register(
  name: string,
  net: Sequential,
  { batchSize, train, test, learningRate }: Part,
): Promise<void> {
  const data = await loadFashionMnist({
    batchSize,
    resize: net.inputShape[0],
    trainSamples: train * batchSize,
    testSamples: test * batchSize,
  });
  const optimizer = sgd({ learningRate });
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
      n: ROUNDS,
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
      `${name} epoch, projected from ${train} training and ${test} test batches of ${batchSize}: ${
        (training + testing).toFixed(1)
      } s (training ${training.toFixed(1)} s, evaluation ${
        testing.toFixed(1)
      } s)`,
    );
  });
}

/** Registers the training steps of a process of another library. */
function registerPeer(contender: Contender, batchSize: number): void {
  const stepMs: number[] = [];
  const { what, steps } = contender;
  Deno.bench({
    name: `LeNet, ${what}: a process of ${steps} steps of ${batchSize}`,
    group: "LeNet",
    n: ROUNDS,
    async fn() {
      const outcome = await runContender(contender, batchSize);
      if ("failure" in outcome) throw new Error(outcome.failure);
      stepMs.push(median(outcome.stepMs));
    },
  });
  globalThis.addEventListener("unload", () => {
    if (stepMs.length === 0) return;
    const seconds = median(stepMs) / 1000 * IMAGES.train / batchSize;
    console.error(
      `LeNet epoch, ${what}, projected from ${steps} steps: training ${
        seconds.toFixed(1)
      } s`,
    );
  });
}
