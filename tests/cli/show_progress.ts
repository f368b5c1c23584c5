/** A program for tests: shows the progress of two made-up epochs of eight batches. */

import { ProgressView } from "../../src/cli/terminal/progress.ts";

const view = new ProgressView({ "log-every": 4 });
const batches = 8;
for (let epoch = 1; epoch <= 2; epoch++) {
  for (let batch = 1; batch <= batches; batch++) {
    view.update({
      phase: "train",
      epoch,
      batch,
      batches,
      loss: 2 / epoch,
      accuracy: epoch / 4,
      imagesPerSecond: 170,
      secondsPerBatch: 1,
    });
  }
  view.stop();
  console.log(`epoch ${epoch} is over`);
  view.epochEnd({
    isPartial: false,
    epoch,
    loss: 2 / epoch,
    trainAccuracy: epoch / 4,
    testAccuracy: epoch / 4,
    testLoss: 2 / epoch,
    measuredTrainAccuracy: undefined,
    steps: epoch * batches,
    learningRate: 0.1,
    seconds: 1,
    waitSeconds: 0,
    imagesPerSecond: 170,
  });
}
view.end();
console.log("done");
