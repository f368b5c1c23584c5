/** Prints, as JSON, how the CPU was made ready, and the losses of a tiny network before and after a step. */

import { tf } from "../../../../src/device/tf.ts";
import { initBackend } from "../../../../src/device/open.ts";
import { device as deviceInUse } from "../../../../src/device/device.ts";
import { conv2d } from "../../../../src/nn/conv2d.ts";
import { dense, flatten } from "../../../../src/nn/dense.ts";
import { maxPool2d } from "../../../../src/nn/pooling.ts";
import { Sequential } from "../../../../src/nn/sequential.ts";
import { sgd } from "../../../../src/optim/sgd.ts";
import { lossAndGradients } from "../../../../src/train/step.ts";
import { numbers } from "../../../numbers.ts";

const warnings: string[] = [];
const { device, library } = await initBackend({
  device: "cpu",
  onWarning: (message) => warnings.push(message),
});
const net = new Sequential({
  inputShape: [6, 6, 1],
  layers: [
    conv2d({ filters: 2, kernelSize: 3, activation: "relu" }),
    maxPool2d({ poolSize: 2 }),
    flatten(),
    dense({ units: 3 }),
  ],
});
const images = tf.tensor4d(numbers(2 * 36, [0, 1]), [2, 6, 6, 1]);
const labels = tf.tensor1d([0, 2], "int32");
const optimizer = sgd({ learningRate: 0.5, momentum: 0.9 });
const losses: number[] = [];
for (let step = 0; step < 2; step++) {
  const { loss, gradients } = lossAndGradients(net, images, labels);
  losses.push(loss.dataSync()[0]);
  optimizer.apply(net.getWeights(), gradients);
}
const isNativeInUse = deviceInUse().name === "onednn";
console.log(
  JSON.stringify({ device, library, isNativeInUse, warnings, losses }),
);
