/** What a training run needs on the host in order to go on exactly. */

import { type Tensor, tf } from "../device/tf.ts";
import { ShapeError } from "../errors.ts";
import { readTensors, readWeights } from "../io/checkpoint.ts";
import type { NamedTensor } from "../io/safetensors.ts";
import type { Sequential } from "../nn/sequential.ts";
import type { LossScale } from "../optim/gradient_scale.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { BatchSource } from "./batch_source.ts";
import type { CallbackStates, EpochEnd } from "./callbacks.ts";
import type { MetricsSums } from "./metrics.ts";

/** How far a run is: the part of its state that JSON can hold. */
export interface TrainingProgress {
  /** Epoch that is being trained, from 1; after the last one, one more than that. */
  readonly epoch: number;
  /** Training steps done over the run. */
  readonly step: number;
  /** Sums over the batches of the epoch that are done. */
  readonly sums: MetricsSums;
  /** Seconds of that epoch in which training waited for its batches. */
  readonly waitSeconds: number;
  /** The optimizer's step size. */
  readonly learningRate: number;
  /** The epochs that are done. */
  readonly epochs: readonly EpochEnd[];
  /** What callbacks gave by `saveState`, by their names. */
  readonly callbacks: CallbackStates;
}

/** A run at the end of a step. */
export interface TrainingState {
  /** How far it is. */
  readonly progress: TrainingProgress;
  /** The weights by their names, in the order of `getWeights`. */
  readonly weights: ReadonlyMap<string, NamedTensor>;
  /** What else is on the device: the optimizer's tensors, "optimizer.velocity.0" and so on, and "lossScale". */
  readonly others: ReadonlyMap<string, NamedTensor>;
}

/** Keeps states of a run, for a later run to go on from. */
export interface Checkpoints {
  /** Steps from one state to the next, besides those at the end of each epoch. Default: at the end of each epoch only. */
  readonly everySteps?: number;
  /**
   * Called before the first step. It throws if states of the network cannot be kept.
   *
   * @param net The network.
   * @param data What it is evaluated on after each epoch or, if it is not, trained on.
   */
  begin?(net: Sequential, data: BatchSource): void;
  /**
   * Keeps a state.
   *
   * @param state The run after a step or, with everything that callbacks did, after an epoch.
   */
  save(state: TrainingState): void | Promise<void>;
}

/** What of a run is on the device. */
export interface DeviceState {
  readonly net: Sequential;
  readonly optimizer: Optimizer;
  readonly lossScale?: LossScale;
}

const OPTIMIZER = "optimizer";
const LOSS_SCALE = "lossScale";

/** Waits for the device and reads what a run has there. */
export async function readDevice(
  { net, optimizer, lossScale }: DeviceState,
): Promise<Omit<TrainingState, "progress">> {
  const others = Object.entries(optimizer.state()).flatMap(([kind, list]) =>
    list.map((t, i): [string, Tensor] => [`${OPTIMIZER}.${kind}.${i}`, t])
  );
  if (lossScale) others.push([LOSS_SCALE, lossScale.state]);
  return { weights: await readWeights(net), others: await readTensors(others) };
}

/** Copies to the device what {@linkcode readDevice} read. */
export function restoreDevice(
  { net, optimizer, lossScale }: DeviceState,
  { weights, others }: Pick<TrainingState, "weights" | "others">,
): void {
  net.setWeights(
    net.weightNames().map((name) => {
      const tensor = weights.get(name);
      if (tensor) return tensor.values;
      throw new ShapeError(`Cannot resume as there is no weight ${name}`);
    }),
  );
  tf.tidy(() => {
    const lists: Record<string, Tensor[]> = {};
    for (const [name, { shape, values }] of others) {
      const [head, kind, index] = name.split(".");
      if (head !== OPTIMIZER) continue;
      (lists[kind] ??= [])[Number(index)] = tf.tensor(values, [...shape]);
    }
    optimizer.restore(lists);
    const scale = others.get(LOSS_SCALE);
    if (lossScale && scale) lossScale.restore(tf.tensor1d(scale.values));
  });
}
