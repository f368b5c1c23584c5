/**
 * How long oneDNN takes for each operation of AlexNet's training step, batch 128, called as the CPU device calls it: first
 * convolutions and products of matrices, then everything else, then the step itself. Run with
 * `deno bench -A bench/onednn_bench.ts`; ONEDNN_LIBRARY names another file of the library.
 */

import { alexnet } from "../src/models/alexnet.ts";
import { sizeOf } from "../src/nn/shape.ts";
import { openCpu } from "./measure.ts";
import {
  makeOperands,
  nativeProducts,
  nativeRest,
  placedLayers,
  timeCalls,
} from "./native_calls.ts";
import { registerHostTimings } from "./report.ts";
import { trainingStep } from "./step.ts";

const BATCH = 128;

const device = await openCpu();
if (typeof device === "string") console.error(`oneDNN is left out: ${device}`);
else {
  const { name, threads } = device;
  register(threads === undefined ? name : `${name}, ${threads} threads`);
}

function register(library: string): void {
  const net = alexnet();
  const sizes = placedLayers().flatMap(({ inputShape, outputShape }) =>
    [inputShape, outputShape].map((shape) => BATCH * sizeOf(shape))
  );
  const weights = net.getWeights().map(({ size }) => size);
  const operands = makeOperands(Math.max(...sizes, ...weights));
  const products = timeCalls(nativeProducts(operands, BATCH));
  registerHostTimings(`${library}, products`, products, BATCH);
  const rest = timeCalls(nativeRest(net, operands, BATCH));
  registerHostTimings(`${library}, the rest of the step`, rest, BATCH);
  const step = { ...trainingStep(net, BATCH), name: "step", images: BATCH };
  const timing = { ...step, group: "step", sizes: `${BATCH} images` };
  registerHostTimings(`${library}, the step`, [timing], BATCH);
}
