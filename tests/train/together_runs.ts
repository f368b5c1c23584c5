/** Runs that train together in one process, and alone, to compare. */

import { tf } from "../../src/device/tf.ts";
import type { Sequential } from "../../src/nn/sequential.ts";
import type { Optimizer } from "../../src/optim/optimizer.ts";
import type { BatchSource } from "../../src/train/batch_source.ts";
import type { StepEnd } from "../../src/train/callbacks.ts";
import { fit, type FitOptions, type History } from "../../src/train/fit.ts";
import type { TrainingState } from "../../src/train/state.ts";
import { read } from "../device.ts";
import { inMemory } from "./in_memory.ts";

/** What each process trains. */
export interface TogetherRun
  extends Omit<FitOptions, "communicator" | "optimizer"> {
  /** Makes the network of a process. */
  readonly net: (rank: number) => Sequential;
  /** Makes the optimizer of a process. */
  readonly optimizer: () => Optimizer;
  readonly data: BatchSource;
  /** Whether all states of process 0 are kept. Default false. */
  readonly isKept?: boolean;
  /** Steps from one state to the next, if they are kept. Default 1. */
  readonly everySteps?: number;
  /** What is different in a process. Default: nothing. */
  readonly own?: (rank: number) => Partial<FitOptions>;
}

/** What a process did. */
export interface Trained {
  readonly history: History;
  /** What each step found, its loss and its correct predictions as numbers. */
  readonly losses: number[];
  readonly correct: number[];
  readonly weights: Float32Array[];
  /** What was kept. */
  readonly states: TrainingState[];
  /** What its communicator was called for. */
  readonly calls: readonly string[];
}

/** Trains in so many processes, interleaved in this one; 0 is one without a communicator. */
export async function trainTogether(
  size: number,
  run: TogetherRun,
): Promise<Trained[]> {
  const communicators = size === 0 ? [undefined] : inMemory(size);
  return await Promise.all(communicators.map(async (communicator, rank) => {
    const { net: makeNet, optimizer: makeOptimizer, data, ...rest } = run;
    const { isKept = false, everySteps = 1, own, ...options } = rest;
    const net = makeNet(rank);
    const optimizer = makeOptimizer();
    const losses: number[] = [];
    const correct: number[] = [];
    const states: TrainingState[] = [];
    const others = own?.(rank) ?? {};
    const record = {
      async onStepEnd(step: StepEnd) {
        losses.push((await step.loss.data())[0]);
        correct.push((await step.correct.data())[0]);
      },
    };
    const history = await fit(net, data, {
      ...options,
      ...others,
      communicator,
      optimizer,
      checkpoints: isKept && rank === 0
        ? { everySteps, save: (state) => void states.push(state) }
        : undefined,
      callbacks: [record, ...others.callbacks ?? options.callbacks ?? []],
    });
    const weights = await read(() => net.getWeights().map((w) => tf.clone(w)));
    optimizer.dispose();
    net.dispose();
    const calls = communicator?.calls ?? [];
    return { history, losses, correct, weights, states, calls };
  }));
}

/** Trains alone. */
export async function trainAlone(run: TogetherRun): Promise<Trained> {
  const [alone] = await trainTogether(0, run);
  return alone;
}
