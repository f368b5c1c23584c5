/**
 * AlexNet's first losses with convolutions by tiles and with direct ones, on real images.
 *
 * @module
 */

import { assert } from "@std/assert";
import { readScalars } from "../../src/backend/backend.ts";
import { tf } from "../../src/backend/tf.ts";
import { loadFashionMnist } from "../../src/data/fashion_mnist.ts";
import { chooseWays } from "../../src/kernels/ways.ts";
import { alexnet } from "../../src/models/alexnet.ts";
import { sgd } from "../../src/optim/sgd.ts";
import { lossAndGradients } from "../../src/train/step.ts";
import { use, webgpuTest } from "../device.ts";
import { webgpuBackend } from "../kernels/run.ts";
import { chooseConvolutions } from "./choose.ts";

/** The smallest batch for which every convolution but the first is by tiles without being told to. */
const BATCH = 8;

/** Names of ways, of which operations take the first that they have. */
const TILED = ["winograd 4x4", "sparse"];
const DIRECT = ["direct", "unpooled"];

/**
 * How far losses may be apart, in nats, by the dropout rate, and in how many steps. A rounding error moves values across the kinks of relu and max
 * pooling, and from step to step more of them: in place of other ways, first kernels that differ by 1e-6 of themselves move
 * the losses of eight images by up to 2.5e-3 with dropout, and with twice the images by 7e-4, and 1.4e-4 without dropout.
 */
const MOST: readonly [dropout: number, difference: number, steps: number][] = [
  [0, 1e-3, 20],
  // The same kernels, but for dropout.
  [0.5, 5e-3, 8],
];

/** The same of the first three losses, before that shows. */
const MOST_OF_FIRST = 2e-4;

for (const [dropout, most, steps] of MOST) {
  webgpuTest(
    `alexnet() has the same ${steps} first losses by tiles and directly, dropout ${dropout}`,
    async () => {
      const backend = await webgpuBackend();
      try {
        const tiled = await _losses({ dropout, steps }, TILED);
        const direct = await _losses({ dropout, steps }, DIRECT);
        const differences = tiled.map((loss, i) => Math.abs(loss - direct[i]));
        const largest = Math.max(...differences);
        console.log(
          `dropout ${dropout}: losses from ${direct[0]} to ${
            direct.at(-1)
          }, differences ${
            differences.map((d) => d.toExponential(0)).join(" ")
          }`,
        );
        assert(largest <= most, `losses differ by ${largest}`);
        const first = Math.max(...differences.slice(0, 3));
        assert(first <= MOST_OF_FIRST, `the first differ by ${first}`);
        // They were computed in other ways.
        assert(largest > 0);
      } finally {
        chooseWays(backend, new Map());
      }
    },
  );
}

/** Losses of the first steps, each in nats. */
async function _losses(
  { dropout, steps }: { dropout: number; steps: number },
  names: readonly string[],
): Promise<number[]> {
  await use("webgpu");
  const backend = await webgpuBackend();
  const net = alexnet({ dropout, seed: 1 });
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
      chooseConvolutions(backend, () => tf.dispose({ ...run() }), names);
    }
    const { loss, correct, gradients } = run();
    optimizer.apply(net.getWeights(), gradients);
    losses.push((await readScalars(loss))[0]);
    tf.dispose([loss, correct, gradients]);
    if (losses.length === steps) break;
  }
  optimizer.dispose();
  net.dispose();
  return losses;
}
