/** Copies of a network that processes train together: they begin with the same state and share what they learn. */

import type { Batch, Shard } from "../data/loader/batch.ts";
import { readScalars } from "../device/device.ts";
import { type Tensor, tf } from "../device/tf.ts";
import { OptionError } from "../errors.ts";
import type { NamedTensor } from "../io/safetensors.ts";
import type { Precision } from "../nn/layer.ts";
import type { Sequential } from "../nn/sequential.ts";
import { type Shape, sizeOf } from "../nn/shape.ts";
import { requireInteger } from "../options.ts";
import {
  type Communicator,
  GradientSum,
  ROOT,
  shardOf,
  shareJson,
  sumNumbers,
} from "./communicator.ts";
import {
  readDevice,
  restoreDevice,
  type TrainingProgress,
  type TrainingState,
} from "./state.ts";
import {
  applyGradients,
  type LossAndGradients,
  type RecordOptions,
  recordStep,
  type StepResults,
  type UpdateParts,
} from "./step.ts";

/** How processes train together, as `fit` documents it. */
interface TogetherOptions {
  readonly compression?: "none" | "float16";
  readonly syncEvery?: number;
}

/** Checks how processes are to train together, in which precision, and after how many steps they save a checkpoint. */
export function requireTogether(
  options: TogetherOptions & { precision: Precision; everySteps?: number },
): void {
  const { compression = "none", syncEvery = 1 } = options;
  const { precision, everySteps } = options;
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
  /** The part of each batch that is this process's. */
  readonly shard: Shard;
  readonly #communicator: Communicator;
  readonly #compression: "none" | "float16";
  readonly #syncEvery: number;
  #gradients: GradientSum | undefined;
  /** Whether the weights may differ between the processes. */
  #isApart = false;

  constructor(communicator: Communicator, options: TogetherOptions) {
    this.shard = shardOf(communicator);
    this.#communicator = communicator;
    this.#compression = options.compression ?? "none";
    this.#syncEvery = options.syncEvery ?? 1;
  }

  /**
   * Gives all processes the state that process 0 goes on from; for a new run, its weights and what its optimizer keeps. The
   * `state` of other processes does not matter.
   */
  async begin(
    parts: UpdateParts,
    state: TrainingState | undefined,
  ): Promise<TrainingState | undefined> {
    const isRoot = this.#communicator.rank === ROOT;
    const own = isRoot ? state ?? await readDevice(parts) : undefined;
    const header: Header = await shareJson(
      this.#communicator,
      own && {
        seed: parts.net.seed,
        progress: state?.progress ?? null,
        weights: shapesOf(own.weights),
        others: shapesOf(own.others),
      },
    );
    requireSameSeed(parts.net, header);
    const shared = {
      weights: await this.#share(header.weights, own?.weights),
      others: await this.#share(header.others, own?.others),
    };
    const { progress } = header;
    if (progress !== null) return { ...shared, progress };
    if (!isRoot) restoreDevice(parts, shared);
  }

  /**
   * Changes the weights by this process's part of a batch and, unless the processes train apart for some steps, those of the
   * others. The results are of the whole batch.
   */
  async update(
    parts: UpdateParts,
    batch: Batch,
    step: number,
  ): Promise<StepResults> {
    const { begin, total } = batch.place!;
    const length = batch.images.shape[0];
    const isAlone = this.#syncEvery > 1;
    const sum = isAlone ? undefined : this.#gradients ??= this.#sumOf(
      parts.net.getWeights(),
      this.#compression,
    );
    const { loss, correct, gradients } = recordPart(parts, batch, {
      step,
      // Each image keeps the dropout mask of its position in the whole batch, also where the mean is over this part alone.
      place: { begin, total: isAlone ? length : total },
      onGradient: sum && ((index, gradient) => sum.add(index, gradient)),
    });
    let numbers: number[];
    try {
      // A part without images has gradients of 0, which are applied as well: the schedule goes on, and the optimizer keeps the same
      // tensors in every process, to be averaged.
      if (sum === undefined) applyGradients(parts, gradients, step);
      numbers = await readScalars(loss, correct);
      if (sum !== undefined) {
        const sums = await sum.finish(gradients);
        try {
          applyGradients(parts, sums, step);
        } finally {
          tf.dispose(sums);
        }
      }
    } finally {
      tf.dispose([loss, correct, ...gradients]);
    }
    if (isAlone) {
      this.#isApart = true;
      // The mean over this process's images becomes its share of the mean over all images.
      numbers[0] *= length / total;
    }
    const [meanLoss, sumCorrect] = await sumNumbers(
      this.#communicator,
      numbers,
    );
    if ((step + 1) % this.#syncEvery === 0) await this.meet(parts);
    return {
      loss: tf.scalar(meanLoss),
      correct: tf.scalar(sumCorrect, "int32"),
      count: total,
    };
  }

  /** Averages weights and what the optimizer keeps over all processes, if they have trained apart. */
  async meet({ net, optimizer }: UpdateParts): Promise<void> {
    if (!this.#isApart) return;
    this.#isApart = false;
    const weights = net.getWeights();
    const lists = Object.entries(optimizer.state());
    const tensors = [...weights, ...lists.flatMap(([_, list]) => list)];
    const sum = this.#sumOf(tensors, "none");
    // Copies, as the sums may be written over what they are made of.
    const copies = tensors.map((t) =>
      tf.tidy(() => tf.mul(t, 1 / this.#communicator.size))
    );
    const means = await sum.finish(copies).finally(() => tf.dispose(copies));
    try {
      net.setWeights(means.slice(0, weights.length));
      let offset = weights.length;
      optimizer.restore(Object.fromEntries(
        lists.map(([name, list]) => [
          name,
          means.slice(offset, offset += list.length),
        ]),
      ));
    } finally {
      tf.dispose(means);
    }
  }

  #sumOf(
    tensors: readonly Tensor[],
    compression: "none" | "float16",
  ): GradientSum {
    const shapes = tensors.map(({ shape }) => shape);
    return new GradientSum(this.#communicator, { shapes, compression });
  }

  /** Copies the tensors of process 0 to all processes. */
  async #share(
    shapes: Header["weights"],
    own: ReadonlyMap<string, NamedTensor> | undefined,
  ): Promise<Map<string, NamedTensor>> {
    const tensors = new Map<string, NamedTensor>();
    for (const [name, shape] of shapes) {
      const values = own?.get(name)?.values ?? new Float32Array(sizeOf(shape));
      await this.#communicator.broadcast(values, ROOT);
      tensors.set(name, { shape, values });
    }
    return tensors;
  }
}

/** What process 0 sends before the values. */
interface Header {
  /** The network's seed, which dropout draws from. */
  readonly seed: number;
  readonly progress: TrainingProgress | null;
  readonly weights: readonly [name: string, shape: Shape][];
  readonly others: readonly [name: string, shape: Shape][];
}

function shapesOf(
  tensors: ReadonlyMap<string, NamedTensor>,
): [name: string, shape: Shape][] {
  return Array.from(tensors, ([name, { shape }]) => [name, shape]);
}

/** Processes draw the dropout masks of one process only if all draw from the same seed. */
function requireSameSeed({ layers, seed }: Sequential, header: Header): void {
  const drops = layers.some(({ dropoutRate = 0 }) => dropoutRate > 0);
  if (!drops || seed === header.seed) return;
  throw new OptionError(
    "seed",
    seed,
    `${header.seed}, as the network of process 0 has, for the same dropout in all processes`,
  );
}

/** Loss, correct count and gradients of this process's part, which may have no images. */
function recordPart(
  { net, precision, lossScale }: UpdateParts,
  { images, labels }: Batch,
  options: RecordOptions,
): LossAndGradients {
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
