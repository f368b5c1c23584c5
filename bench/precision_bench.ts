/**
 * Compares training in float16 with float32, in turns on the same network: images/s, and the most memory in use. Run with
 * `deno bench -A bench/precision_bench.ts`; it takes some minutes on a software adapter.
 */

import { alexnet } from "../src/models/alexnet.ts";
import { lenet } from "../src/models/lenet.ts";
import { PRECISIONS } from "../src/nn/layer.ts";
import {
  median,
  openDevice,
  synchronize,
  timeRuns,
  watchPeakBytes,
} from "./measure.ts";
import { type TrainingStep, trainingStep } from "./step.ts";

const STEPS = [
  { name: "LeNet", makeNet: lenet, images: 256, turns: 15 },
  { name: "AlexNet", makeNet: alexnet, images: 16, turns: 5 },
  { name: "AlexNet", makeNet: alexnet, images: 128, turns: 3 },
];

const { backend, adapter } = await openDevice();
console.error(`adapter: ${adapter}`);
const takePeakBytes = watchPeakBytes(backend);

const results: string[] = [];
/** One network at a time, so that its memory is all there is. */
let step: TrainingStep | undefined;
for (const { name, makeNet, images, turns } of STEPS) {
  const times = PRECISIONS.map((): number[] => []);
  const peaks = PRECISIONS.map(() => 0);
  let turn = 0;
  Deno.bench({
    name: `a step of ${name}, batch ${images}, in float32 and in float16`,
    n: turns,
    async fn() {
      if (turn === 0) {
        step?.dispose();
        await synchronize();
        step = trainingStep(makeNet(), images);
        // Once each to compile.
        for (const precision of PRECISIONS) step.run(precision);
        await synchronize();
      }
      for (const [i, precision] of PRECISIONS.entries()) {
        takePeakBytes();
        times[i].push(await timeRuns(() => step!.run(precision), 1));
        peaks[i] = takePeakBytes();
      }
      turn++;
      if (turn === turns) results.push(format(name, images, { times, peaks }));
    },
  });
}
globalThis.addEventListener("unload", () => {
  console.error(["", ...results].join("\n"));
});

function format(
  name: string,
  images: number,
  { times, peaks }: { times: number[][]; peaks: number[] },
): string {
  const rates = times.map((all) => images / median(all) * 1000);
  const lines = PRECISIONS.map((precision, i) =>
    `${precision} ${rates[i].toPrecision(3)} images/s and ${
      (peaks[i] / 1e9).toFixed(3)
    } GB`
  );
  return `${name}, batch ${images}: ${lines.join(", ")}: ${
    (rates[1] / rates[0]).toFixed(2)
  } times the images/s in ${(peaks[1] / peaks[0]).toFixed(2)} of the memory`;
}
