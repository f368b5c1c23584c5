/** Epochs to call callbacks with, without training. */

import type { Optimizer } from "../../src/optim/optimizer.ts";
import type { EpochEnd, Training } from "../../src/train/callbacks.ts";

/** Makes an epoch that is over: what was not measured in it is 0, and what only an evaluation gives is missing. */
export function epochEnd(
  epoch: number,
  measured: Partial<EpochEnd>,
): EpochEnd {
  return {
    epoch,
    loss: 0,
    trainAccuracy: 0,
    testAccuracy: undefined,
    testLoss: undefined,
    measuredTrainAccuracy: undefined,
    isPartial: false,
    steps: 0,
    learningRate: 0,
    seconds: 0,
    waitSeconds: 0,
    imagesPerSecond: 0,
    ...measured,
  };
}

/** Makes a run without a network, for callbacks that look at the optimizer's rate alone, or ask for an end. */
export function pretendedTraining(
  learningRate = 0.1,
): Training & { readonly isStopped: boolean } {
  let isStopped = false;
  return {
    net: undefined as unknown as Training["net"],
    optimizer: { learningRate } as Optimizer,
    stop() {
      isStopped = true;
    },
    get isStopped() {
      return isStopped;
    },
  };
}
