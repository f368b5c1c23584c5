/**
 * The training step of AlexNet and LeNet: images/s, and the share of the best product of matrices that its multiply-adds
 * reach. Run with `deno bench -A bench/step_bench.ts`.
 *
 * @module
 */

import { alexnet } from "../src/models/alexnet.ts";
import { lenet } from "../src/models/lenet.ts";
import type { Sequential } from "../src/nn/sequential.ts";
import { openDevice } from "./measure.ts";
import { registerTimings, type Timing } from "./report.ts";
import { formatRoofline, measureRoofline } from "./roofline.ts";
import { trainingStep } from "./step.ts";

const { backend, adapter } = await openDevice();
const roofline = await measureRoofline(backend);
console.error(`adapter: ${adapter}\n${formatRoofline(roofline)}`);
await registerTimings([
  timing("AlexNet step, batch 16", alexnet(), 16),
  timing("LeNet step, batch 256", lenet(), 256),
], { roofline });

function timing(name: string, net: Sequential, images: number): Timing {
  return { name, group: name, images, ...trainingStep(net, images) };
}
