/**
 * Copies of a network that processes train together.
 *
 * @module
 */

import type { Batch, Shard } from "../data/loader/batch.ts";
import { readScalars } from "../device/device.ts";
import { type Scalar, type Tensor, tf } from "../device/tf.ts";
import { type Communicator, sumNumbers } from "./communicator.ts";
import { GradientSum } from "./gradient_sum.ts";
import type { TogetherOptions } from "./together.ts";
import { shareState } from "./share_state.ts";
import type { TrainingState } from "./state.ts";
import { recordStep } from "./step.ts";
import {
  applyGradients,
  type StepResults,
  type UpdateParts,
} from "./update.ts";

/** The copy of this process, and its ties to the others. */
export class Replicas {
  /** Connects the processes. */
  readonly communicator: Communicator;
  /** The part of each batch that is this process's. */
  readonly shard: Shard;
  readonly #options: TogetherOptions;
  #gradients: GradientSum | undefined;
  /** Steps since the weights were the same in all processes. */
  #numApart = 0;

  /**
   * Prepares.
   *
   * @param communicator Connects the processes.
   * @param options How they train together.
   */
  constructor(communicator: Communicator, options: TogetherOptions) {
    this.communicator = communicator;
    this.shard = { index: communicator.rank, count: communicator.size };
    this.#options = options;
  }

  /**
   * Gives all processes what process 0 has.
   *
   * @param parts Network and optimizer.
   * @param state What process 0 goes on from, if it does; of no account in others.
   * @returns What all go on from; undefined for a new run.
   */
  async begin(
    parts: UpdateParts,
    state: TrainingState | undefined,
  ): Promise<TrainingState | undefined> {
    return await shareState(this.communicator, parts, state);
  }

  /**
   * Changes the weights by this process's part of a batch and those of the others.
   *
   * @param parts Network and optimizer.
   * @param batch This process's part; not disposed.
   * @param step Step, from 0 over the run.
   * @returns Mean loss and number of correct predictions of the whole batch before the change.
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
      // Of the mean of this process's images.
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

  /**
   * Averages weights and what the optimizer keeps, where they have gone apart.
   *
   * @param parts Network and optimizer.
   */
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
        lists.map((
          [name, { length }],
        ) => [name, means.slice(at, at += length)]),
      ));
    } finally {
      tf.dispose(means);
    }
  }

  /** By the gradients of the whole batch. */
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
      onGradient: (place, gradient) => sum.add(place, gradient),
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

  /** By the gradients of this process's part. */
  async #updateAlone(
    parts: UpdateParts,
    batch: Batch,
    step: number,
  ): Promise<number[]> {
    const length = batch.images.shape[0];
    const { begin } = batch.place!;
    // Dropout masks are those of the image's place in the whole batch: a part counts from there.
    const place = { begin, total: length };
    this.#numApart++;
    const { gradients, loss, correct } = this.#record(parts, batch, {
      step,
      place,
    });
    try {
      // Those of no images are 0: every process has the same tensors to average, and a schedule goes on.
      applyGradients(parts, gradients, step);
      return await readScalars(loss, correct);
    } finally {
      tf.dispose([loss, correct, ...gradients]);
    }
  }

  /** Loss, correct count and gradients of this process's part, which may be empty. */
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
    // Copies, as their memory may be used for the sums.
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
