/**
 * Times the training step of AlexNet and LeNet: images/s, and how many of the best product's GFLOP/s it reaches. Step and
 * products of matrices take turns, as the speed of a shared machine changes from one minute to the next. Run with
 * `deno bench -A bench/step_bench.ts`.
 */

import { alexnet } from "../src/models/alexnet.ts";
import { lenet } from "../src/models/lenet.ts";
import type { Sequential } from "../src/nn/sequential.ts";
import { countRepeats, median, openDevice, timeRuns } from "./measure.ts";
import { formatRates } from "./report.ts";
import { squareProducts } from "./roofline.ts";
import { trainingStep } from "./step.ts";

const ROUNDS = 7;

const { backend, adapter } = await openDevice();
console.error(`adapter: ${adapter}`);
const products: { run: () => void; gflop: number; repeats: number }[] = [];
for (const product of squareProducts(backend)) {
  products.push({ ...product, repeats: await countRepeats(product.run) });
}
await register("AlexNet step, batch 16", alexnet(), 16);
await register("LeNet step, batch 256", lenet(), 256);

async function register(
  name: string,
  net: Sequential,
  images: number,
): Promise<void> {
  const { gflop, run } = trainingStep(net, images);
  const step = () => run();
  const repeats = await countRepeats(step);
  const stepMs: number[] = [];
  const bestRates: number[] = [];
  Deno.bench({
    name: `${name} x${repeats}, and products of matrices`,
    n: ROUNDS,
    async fn(b) {
      b.start();
      stepMs.push(await timeRuns(step, repeats));
      b.end();
      const rates: number[] = [];
      for (const { run, gflop, repeats } of products) {
        rates.push(gflop / await timeRuns(run, repeats) * 1000);
      }
      bestRates.push(Math.max(...rates));
    },
  });
  globalThis.addEventListener("unload", () => {
    if (stepMs.length === 0) return;
    const product = median(bestRates);
    console.error(
      `${
        formatRates({ name, images, gflop }, median(stepMs), { product })
      }, which is ${product.toFixed(1)} GFLOP/s`,
    );
  });
}
