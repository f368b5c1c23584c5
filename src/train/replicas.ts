/**
 * Copies of a network that processes train together: they begin with the same state and share what they learn.
 *
 * @module
 */

import type { Batch, Shard } from "../data/loader/batch.ts";
import { readScalars } from "../device/device.ts";
import { type Scalar, type Tensor, tf } from "../device/tf.ts";
import { OptionError } from "../errors.ts";
import type { NamedTensor } from "../io/safetensors.ts";
import type { Precision } from "../nn/layer.ts";
import type { Sequential } from "../nn/sequential.ts";
import { sizeOf } from "../nn/shape.ts";
import { requireInteger } from "../options.ts";
import { type Communicator, sumNumbers } from "./communicator.ts";
import { GradientSum } from "./gradient_sum.ts";
import {
  type DeviceState,
  readDevice,
  restoreDevice,
  type TrainingProgress,
  type TrainingState,
} from "./state.ts";
import {
  applyGradients,
  recordStep,
  type StepResults,
  type UpdateParts,
} from "./step.ts";

/** How processes train together. */
export interface TogetherOptions {
  /** How gradients are sent. Default "none": as they are. */
  readonly compression?: "none" | "float16";
  /** Steps after which the processes average their weights; with 1, the default, they average gradients at each step. */
  readonly syncEvery?: number;
}

/**
 * Checks how processes are to train together, in which precision, and with how many steps between two checkpoints.
 *
 * @throws {OptionError} If the options do not go together.
 */
export function requireTogether(
  options: TogetherOptions & { precision: Precision; everySteps?: number },
): void {
  const { compression = "none", syncEvery = 1, precision, everySteps } =
    options;
  if (!["none", "float16"].includes(compression)) {
    throw new OptionError("compression", compression, '"none" or "float16"');
  }
  requireInteger("syncEvery", syncEvery);
  if (syncEvery > 1 && compression !== "none") {
    throw new OptionError(
      "compression",
      compression,
      '"none" where weights are averaged, as no gradients are sent then',
    );
  }
  if (precision !== "float32" && (syncEvery > 1 || compression !== "none")) {
    throw new OptionError(
      "precision",
      precision,
      '"float32" with compression, and where weights are averaged',
    );
  }
  if (everySteps !== undefined && everySteps % syncEvery !== 0) {
    throw new OptionError(
      "syncEvery",
      syncEvery,
      `a divisor of ${everySteps}, the steps from one checkpoint to the next`,
    );
  }
}

/** This process's copy of the network, and its ties to the other processes. */
export class Replicas {
  /** Connects the processes. */
  readonly communicator: Communicator;
  /** The part of each batch that is this process's. */
  readonly shard: Shard;
  readonly #options: TogetherOptions;
  #gradients: GradientSum | undefined;
  /** Steps since the weights were the same in all processes. */
  #numApart = 0;

  /** Joins the processes that `communicator` connects. */
  constructor(communicator: Communicator, options: TogetherOptions) {
    this.communicator = communicator;
    this.shard = { index: communicator.rank, count: communicator.size };
    this.#options = options;
  }

  /** Gives all processes what process 0 has and, if it goes on from a `state`, that one; `undefined` for a new run. */
  async begin(
    parts: UpdateParts,
    state: TrainingState | undefined,
  ): Promise<TrainingState | undefined> {
    return await shareState(this.communicator, parts, state);
  }

  /**
   * Changes the weights by this process's part of a batch and those of the others; the results are of the whole batch.
   *
   * @throws {DistributedError} If a process has failed.
   */
  async update(
    parts: UpdateParts,
    batch: Batch,
    step: number,
  ): Promise<StepResults> {
    const { total } = batch.place!;
    const length = batch.images.shape[0];
    const { syncEvery = 1 } = this.#options;
    let numbers: number[];
    if (syncEvery === 1) numbers = await this.#updateByAll(parts, batch, step);
    else {
      numbers = await this.#updateAlone(parts, batch, step);
      // From the mean over this process's images to its share of the mean over all.
      numbers[0] *= length / total;
    }
    const [loss, correct] = await sumNumbers(this.communicator, numbers);
    if (syncEvery > 1 && (step + 1) % syncEvery === 0) await this.meet(parts);
    return {
      loss: tf.scalar(loss),
      correct: tf.scalar(correct, "int32"),
      count: total,
    };
  }

  /** Averages weights and what the optimizer keeps over all processes, if they have trained apart. */
  async meet({ net, optimizer }: UpdateParts): Promise<void> {
    if (this.#numApart === 0) return;
    this.#numApart = 0;
    const weights = net.getWeights();
    const lists = Object.entries(optimizer.state());
    const tensors = [...weights, ...lists.flatMap(([_, list]) => list)];
    const means = await this.#average(tensors);
    try {
      net.setWeights(means.slice(0, weights.length));
      let at = weights.length;
      optimizer.restore(Object.fromEntries(
        lists.map(([name, list]) => [
          name,
          means.slice(at, at += list.length),
        ]),
      ));
    } finally {
      tf.dispose(means);
    }
  }

  /** Changes the weights by the gradients of the whole batch; loss and correct count are of this process's part. */
  async #updateByAll(
    parts: UpdateParts,
    batch: Batch,
    step: number,
  ): Promise<number[]> {
    const { net } = parts;
    const { compression = "none" } = this.#options;
    const sum = this.#gradients ??= new GradientSum(this.communicator, {
      shapes: net.getWeights().map(({ shape }) => shape),
      compression,
    });
    const { gradients, loss, correct } = this.#record(parts, batch, {
      step,
      place: batch.place,
      onGradient: (index, gradient) => sum.add(index, gradient),
    });
    try {
      const numbers = await readScalars(loss, correct);
      const sums = await sum.finish(gradients);
      try {
        applyGradients(parts, sums, step);
      } finally {
        tf.dispose(sums);
      }
      return numbers;
    } finally {
      tf.dispose([loss, correct, ...gradients]);
    }
  }

  /** Changes the weights by the gradients of this process's part alone. */
  async #updateAlone(
    parts: UpdateParts,
    batch: Batch,
    step: number,
  ): Promise<number[]> {
    const length = batch.images.shape[0];
    const { begin } = batch.place!;
    // Each image keeps the dropout mask of its place in the whole batch.
    const place = { begin, total: length };
    this.#numApart++;
    const { gradients, loss, correct } = this.#record(parts, batch, {
      step,
      place,
    });
    try {
      // A part without images has gradients of 0. They are applied all the same: the schedule goes on, and the optimizer keeps
      // the same tensors in every process, to be averaged.
      applyGradients(parts, gradients, step);
      return await readScalars(loss, correct);
    } finally {
      tf.dispose([loss, correct, ...gradients]);
    }
  }

  /** Loss, correct count and gradients of this process's part, which may have no images. */
  #record(
    { net, precision, lossScale }: UpdateParts,
    { images, labels }: Batch,
    options: Pick<
      Parameters<typeof recordStep>[3],
      "step" | "place" | "onGradient"
    >,
  ): { loss: Scalar; correct: Scalar; gradients: Tensor[] } {
    if (images.shape[0] > 0) {
      return recordStep(net, images, labels, {
        ...options,
        precision,
        lossScale,
      });
    }
    return {
      loss: tf.scalar(0),
      correct: tf.scalar(0, "int32"),
      gradients: net.getWeights().map((w) => tf.zeros(w.shape)),
    };
  }

  async #average(tensors: readonly Tensor[]): Promise<Tensor[]> {
    const sum = new GradientSum(this.communicator, {
      shapes: tensors.map(({ shape }) => shape),
      compression: "none",
    });
    // Copies, as the sums may be written over what they are made of.
    const copies = tensors.map((t) =>
      tf.tidy(() => tf.mul(t, 1 / this.communicator.size))
    );
    try {
      return await sum.finish(copies);
    } finally {
      tf.dispose(copies);
    }
  }
}

/** The process whose state all begin with. */
const ROOT = 0;

/** What process 0 sends before the values. */
interface Header {
  /** The network's seed, which dropout draws from. */
  readonly seed: number;
  readonly progress: TrainingProgress | null;
  /** Names and shapes of what follows. */
  readonly weights: readonly [name: string, shape: number[]][];
  readonly others: readonly [name: string, shape: number[]][];
}

/**
 * Gives all processes the state that process 0 goes on from; for a new run, its weights and what its optimizer keeps. Other
 * processes' `state` does not matter.
 *
 * @throws {DistributedError} If a process has failed.
 * @throws {ShapeError} If the network is not the same in all processes.
 * @throws {OptionError} If the network has dropout and another seed than that of process 0.
 */
export async function shareState(
  communicator: Communicator,
  device: DeviceState,
  state: TrainingState | undefined,
): Promise<TrainingState | undefined> {
  const isRoot = communicator.rank === ROOT;
  const own = isRoot ? state ?? await readDevice(device) : undefined;
  const header: Header = await shareJson(
    communicator,
    own && {
      seed: device.net.seed,
      progress: state?.progress ?? null,
      weights: shapesOf(own.weights),
      others: shapesOf(own.others),
    },
  );
  checkSeed(device.net, header);
  const share = async (
    shapes: Header["weights"],
    own: ReadonlyMap<string, NamedTensor> | undefined,
  ) => {
    const tensors = new Map<string, NamedTensor>();
    for (const [name, shape] of shapes) {
      const values = own?.get(name)?.values ??
        new Float32Array(sizeOf(shape));
      await communicator.broadcast(values, ROOT);
      tensors.set(name, { shape, values });
    }
    return tensors;
  };
  const shared = {
    weights: await share(header.weights, own?.weights),
    others: await share(header.others, own?.others),
  };
  const { progress } = header;
  if (progress !== null) return { ...shared, progress };
  if (!isRoot) restoreDevice(device, shared);
}

/** Gives all processes the `value` of process 0, as JSON can hold it; other processes' does not matter. */
export async function shareJson<T>(
  communicator: Communicator,
  value: T | undefined,
): Promise<T> {
  const isRoot = communicator.rank === ROOT;
  let text = isRoot
    ? new TextEncoder().encode(JSON.stringify(value))
    : undefined;
  const length = Int32Array.of(text?.length ?? 0);
  await communicator.broadcast(length, ROOT);
  text ??= new Uint8Array(length[0]);
  await communicator.broadcast(text, ROOT);
  return JSON.parse(new TextDecoder().decode(text));
}

/** Processes draw the dropout masks of one process only if all draw from the same seed. */
function checkSeed({ layers, seed }: Sequential, header: Header): void {
  const drops = layers.some(({ dropoutRate = 0 }) => dropoutRate > 0);
  if (!drops || seed === header.seed) return;
  throw new OptionError(
    "seed",
    seed,
    `${header.seed}, as the network of process 0 has, for the same dropout in all processes`,
  );
}

function shapesOf(
  tensors: ReadonlyMap<string, NamedTensor>,
): [name: string, shape: number[]][] {
  return Array.from(tensors, ([name, { shape }]) => [name, [...shape]]);
}
