/**
 * Sums of gradients over processes, begun while the backward pass goes on.
 *
 * @module
 */

import { device } from "../device/device.ts";
import { asFloats } from "../device/tape.ts";
import { type Tensor, tf } from "../device/tf.ts";
import { sizeOf } from "../nn/shape.ts";
import type { Communicator } from "./communicator.ts";

/** Most elements that are sent at a time, unless one tensor has more: 25 MB, as in PyTorch. */
const BUCKET_SIZE = 25e6 / Float32Array.BYTES_PER_ELEMENT;

/** Tensors that are sent together. */
interface Bucket {
  /** Which tensors, in the order in which they are sent. */
  readonly indices: readonly number[];
  readonly half: Float16Sum | undefined;
}

/** A bucket of the step in progress, on its way. */
interface Sending {
  readonly bucket: Bucket;
  /** This process's values, as soon as they are on the host. */
  values?: Float32Array;
  /** The sums. */
  readonly sums: PromiseWithResolvers<Float32Array>;
}

/** How gradients are summed. */
export interface GradientSumOptions {
  /** Shapes of the gradients, in the order of `getWeights`. */
  readonly shapes: readonly (readonly number[])[];
  /** What to send. */
  readonly compression: "none" | "float16";
}

/**
 * Sums the tensors of a step over all processes, several small ones at a time. The last comes first, as in a backward pass,
 * and each bucket is sent as soon as it is complete.
 */
export class GradientSum {
  readonly #communicator: Communicator;
  readonly #shapes: readonly (readonly number[])[];
  readonly #buckets: readonly Bucket[];
  /** The tensors of this step that were added. */
  #given = new Map<number, Tensor>();
  #sending: Sending[] = [];
  /** How many of the buckets were sent. */
  #numSent = 0;
  /** Tensors that were made here, freed at the end of the step. */
  #kept: Tensor[] = [];

  /** Divides tensors of such shapes into buckets. */
  constructor(communicator: Communicator, options: GradientSumOptions) {
    const { shapes, compression } = options;
    this.#communicator = communicator;
    this.#shapes = shapes;
    this.#buckets = divideIntoBuckets(shapes.map(sizeOf)).map((indices) => ({
      indices,
      half: compression === "float16"
        ? new Float16Sum(communicator)
        : undefined,
    }));
  }

  /**
   * Adds a tensor of the step, float32 or float16, and sends each bucket that is complete. Nobody may read the tensor
   * afterwards.
   */
  add(index: number, tensor: Tensor): void {
    if (this.#given.has(index)) return;
    this.#given.set(index, tensor);
    for (;;) {
      const bucket = this.#buckets[this.#sending.length];
      const tensors = bucket?.indices.map((index) => this.#given.get(index));
      if (tensors === undefined || !tensors.every((t) => t !== undefined)) {
        return;
      }
      this.#begin(bucket, tensors);
    }
  }

  /**
   * Adds the tensors of the step that were not added before, and waits for all sums, which the caller disposes.
   *
   * @throws {DistributedError} If a process has failed.
   */
  async finish(tensors: readonly Tensor[]): Promise<Tensor[]> {
    for (const index of tensors.keys().toArray().reverse()) {
      this.add(index, tensors[index]);
    }
    const sending = this.#sending;
    try {
      const sums = await Promise.all(sending.map(({ sums }) => sums.promise));
      const results: Tensor[] = [];
      sending.forEach(({ bucket }, i) => {
        let at = 0;
        for (const index of bucket.indices) {
          const shape = this.#shapes[index];
          const values = sums[i].subarray(at, at += sizeOf(shape));
          results[index] = tf.tensor(values, [...shape], "float32");
        }
      });
      return results;
    } finally {
      tf.dispose(this.#kept.splice(0));
      this.#given = new Map();
      this.#sending = [];
      this.#numSent = 0;
    }
  }

  #begin(bucket: Bucket, tensors: readonly Tensor[]): void {
    const flat = tensors.length === 1
      ? asFloats(tensors[0])
      : tf.tidy(() =>
        tf.concat(tensors.map((t) => tf.reshape(asFloats(t), [-1])))
      );
    if (flat !== tensors[0]) this.#kept.push(tf.keep(flat));
    const sending: Sending = { bucket, sums: Promise.withResolvers() };
    // finish() reports the first failure; those of other buckets are not errors of their own.
    sending.sums.promise.catch(() => {});
    this.#sending.push(sending);
    const arrive = (values: Float32Array) => {
      sending.values = values;
      this.#send();
    };
    const values = device().takeValues(flat);
    if (values instanceof Float32Array) arrive(values);
    else values.then(arrive, sending.sums.reject);
  }

  /** Sends what is on the host, in the order of the buckets, which is the same in all processes. */
  #send(): void {
    for (;;) {
      const { bucket, values, sums } = this.#sending[this.#numSent] ?? {};
      if (values === undefined) return;
      this.#numSent++;
      const sum = bucket!.half?.allReduce(values) ??
        this.#communicator.allReduce(values);
      sum.then(() => sums!.resolve(values), sums!.reject);
    }
  }
}

/** Puts neighbours into one bucket, from the last to the first, while there is room. */
function divideIntoBuckets(sizes: readonly number[]): number[][] {
  const buckets: number[][] = [];
  let room = 0;
  for (const index of sizes.keys().toArray().reverse()) {
    if (buckets.length === 0 || sizes[index] > room) {
      buckets.push([]);
      room = BUCKET_SIZE;
    }
    buckets.at(-1)!.push(index);
    room -= sizes[index];
  }
  return buckets;
}

/** Largest sum over all processes: float16 holds it, however the parts were rounded. */
const MAX_SUM = 2 ** 15;

/**
 * Sums arrays in float16, in half the bytes. It remembers what rounding took from each element and adds it to the next array:
 * what is small is sent late, not lost. Seide et al., "1-Bit Stochastic Gradient Descent" (Interspeech 2014), call this error
 * feedback.
 */
export class Float16Sum {
  readonly #communicator: Communicator;
  #error: Float32Array | undefined;
  #half: Float16Array | undefined;

  /** Begins without an error to make up for. */
  constructor(communicator: Communicator) {
    this.#communicator = communicator;
  }

  /** Sums an array over all processes, in place; it has the same length at each call. */
  async allReduce(values: Float32Array): Promise<void> {
    const error = this.#error ??= new Float32Array(values.length);
    const half = this.#half ??= new Float16Array(values.length);
    const most = MAX_SUM / this.#communicator.size;
    for (let i = 0; i < values.length; i++) {
      const value = values[i] + error[i];
      // A value that is not finite stays so, and all processes see it.
      half[i] = Number.isFinite(value)
        ? Math.max(-most, Math.min(most, value))
        : value;
      error[i] = value - half[i];
    }
    await this.#communicator.allReduce(half);
    values.set(half);
  }
}
