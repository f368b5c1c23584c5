/** The first losses of AlexNet's first layers with convolutions by tiles and with direct ones, on real images. */

import { assert, assertEquals } from "@std/assert";
import { readScalars } from "../../src/device/device.ts";
import { tf } from "../../src/device/tf.ts";
import { loadFashionMnist } from "../../src/data/fashion_mnist/fashion_mnist.ts";
import { chooseWays } from "../../src/device/webgpu/run/ways.ts";
import { sgd } from "../../src/optim/sgd.ts";
import { lossAndGradients } from "../../src/train/step.ts";
import { use, webgpuTest } from "../device.ts";
import { webgpuBackend } from "../device/webgpu/run.ts";
import { chooseNamed } from "../device/webgpu/traces.ts";
import { firstLayers } from "./first_layers.ts";

/** The smallest batch for which every convolution but the first is by tiles without being told to. */
const BATCH = 8;
const STEPS = 5;

/** Names of ways, of which operations take the first that they have. */
const TILED = ["winograd 4x4", "sparse"];
const DIRECT = ["direct", "unpooled"];

/** Output and gradients of input and filter of two convolutions, and the gradient of the filter of the first. */
const OPERATIONS = 2 * 3 + 1;

/**
 * How far losses may be apart, in nats. A rounding error moves values across the kinks of relu and max pooling, and from step to
 * step more of them: within three steps less than a fifth of this shows.
 */
const MOST = 1e-3;
const MOST_OF_FIRST = 2e-4;

webgpuTest(
  `AlexNet's first layers have the same ${STEPS} first losses by tiles and directly`,
  async () => {
    const backend = await webgpuBackend();
    try {
      const tiled = await lossesOf(TILED);
      const direct = await lossesOf(DIRECT);
      const differences = tiled.map((loss, i) => Math.abs(loss - direct[i]));
      const largest = Math.max(...differences);
      const first = Math.max(...differences.slice(0, 3));
      assert(largest <= MOST, `losses differ by ${largest}`);
      assert(first <= MOST_OF_FIRST, `the first differ by ${first}`);
      // They were computed in other ways, and the network learned.
      assert(largest > 0);
      assert(direct.at(-1)! < direct[0], `${direct}`);
    } finally {
      chooseWays(backend, new Map());
    }
  },
);

/** Losses of the first steps, each in nats. */
async function lossesOf(names: readonly string[]): Promise<number[]> {
  await use("webgpu");
  const net = firstLayers({ seed: 1 });
  const optimizer = sgd({ learningRate: 0.01 });
  const { train } = await loadFashionMnist({
    source: "sample",
    batchSize: BATCH,
    resize: 224,
    seed: 2,
  });
  const losses: number[] = [];
  for await (const { images, labels } of train) {
    const step = losses.length;
    const run = () => lossAndGradients(net, images, labels, { step });
    if (step === 0) {
      const work = () => tf.dispose({ ...run() });
      assertEquals(
        chooseNamed(await webgpuBackend(), names, work),
        OPERATIONS,
      );
    }
    const { loss, correct, gradients } = run();
    optimizer.apply(net.getWeights(), gradients);
    losses.push((await readScalars(loss))[0]);
    tf.dispose([loss, correct, gradients]);
    if (losses.length === STEPS) break;
  }
  optimizer.dispose();
  net.dispose();
  return losses;
}
