/** Runs of the tiny network whose states are kept, for tests of going on with them. */

import { tf } from "../../src/device/tf.ts";
import { sgd } from "../../src/optim/sgd.ts";
import type { BatchSource } from "../../src/train/batch_source.ts";
import type { Callbacks, EpochEnd } from "../../src/train/callbacks.ts";
import { fit, type FitOptions, type History } from "../../src/train/fit.ts";
import type { TrainingState } from "../../src/train/state.ts";
import { read } from "../device.ts";
import { tinyData, tinyNet } from "./tiny.ts";

/** What a run did. */
export interface Outcome {
  readonly history: History;
  /** Loss of each step that it did. */
  readonly losses: number[];
  readonly weights: Float32Array[];
  readonly states: TrainingState[];
}

/** Trains the tiny network for 3 epochs of 5 steps, with everything that is random. */
export async function train(
  options: FitOptions & { data?: BatchSource; rate?: number } = {},
): Promise<Outcome> {
  const { data = tinyData({ shuffle: true, seed: 4 }), ...rest } = options;
  const net = tinyNet({ rate: 0.3, seed: 2 });
  const optimizer = sgd({ learningRate: 0.5, momentum: 0.5 });
  const losses: number[] = [];
  const states: TrainingState[] = [];
  const record: Callbacks = {
    async onStepEnd({ loss }) {
      losses.push((await loss.data())[0]);
    },
  };
  const history = await fit(net, data, {
    epochs: 3,
    optimizer,
    validation: tinyData({ count: 7 }),
    checkpoints: { everySteps: 1, save: (state) => void states.push(state) },
    ...rest,
    callbacks: [record, ...rest.callbacks ?? []],
  });
  const weights = await read(() => net.getWeights().map((w) => tf.clone(w)));
  optimizer.dispose();
  net.dispose();
  return { history, losses, weights, states };
}

/** As a file would have it. */
export function reread(state: TrainingState): TrainingState {
  return { ...state, progress: JSON.parse(JSON.stringify(state.progress)) };
}

/** Without what depends on the clock. */
export function timeless(epochs: readonly EpochEnd[]): unknown {
  const clock = { seconds: 0, waitSeconds: 0, imagesPerSecond: 0 };
  const rest = epochs.map((epoch) => ({ ...epoch, ...clock }));
  return JSON.parse(JSON.stringify(rest));
}

/** A run of which each state is taken by the caller, at its ends only. */
export async function interrupt(
  options: FitOptions & { data?: BatchSource },
): Promise<Outcome & { last: TrainingState }> {
  const states: TrainingState[] = [];
  const outcome = await train({
    ...options,
    checkpoints: { save: (state) => void states.push(state) },
  });
  return { ...outcome, last: reread(states.at(-1)!) };
}
