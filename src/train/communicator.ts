/**
 * What processes that train together need of each other: values and gradients summed over all, and copies of what process 0 has.
 */

import type { Shard } from "../data/loader/batch.ts";
import { device } from "../device/device.ts";
import { asFloats } from "../device/tape.ts";
import { type Tensor, tf } from "../device/tf.ts";
import { type Shape, sizeOf } from "../nn/shape.ts";

/** Values that can be summed over processes. */
export type Summable = Float32Array | Int32Array | Float16Array;

/**
 * Connects this process to others. All of them call the same methods in the same order, with arrays of the same type and
 * length. A call may begin before earlier ones have ended. An array must be left alone until its promise settles.
 *
 * `connectMpi()` gives one over MPI; any other object that does the same can be used.
 */
export interface Communicator {
  /** Which of the processes this is, from 0. */
  readonly rank: number;
  /** How many processes there are. */
  readonly size: number;
  /**
   * Sums arrays over all processes, element by element; float16 is added in float32.
   *
   * @param values This process's values, replaced by the sums, which are the same in all processes.
   * @throws {DistributedError} If a process has failed.
   */
  allReduce(values: Summable): Promise<void>;
  /**
   * Copies an array from a process to all others.
   *
   * @param values What `root` sends; replaced in the other processes.
   * @param root Rank of the process that sends.
   * @throws {DistributedError} If a process has failed.
   */
  broadcast(
    values: Float32Array | Int32Array | Uint8Array,
    root: number,
  ): Promise<void>;
}

/** The part of each batch that is this process's. */
export function shardOf({ rank, size }: Communicator): Shard {
  return { index: rank, count: size };
}

/** Sums numbers that float32 can hold over all processes, in float32; without a communicator they stay as they are. */
export async function sumNumbers(
  communicator: Communicator | undefined,
  numbers: readonly number[],
): Promise<readonly number[]> {
  if (communicator === undefined) return numbers;
  const values = Float32Array.from(numbers);
  await communicator.allReduce(values);
  return [...values];
}

/** For each flag, whether it is set in any of the processes; without a communicator, in this one. */
export async function anywhere(
  communicator: Communicator | undefined,
  flags: readonly boolean[],
): Promise<readonly boolean[]> {
  if (communicator === undefined) return flags;
  const counts = Int32Array.from(flags, Number);
  await communicator.allReduce(counts);
  return Array.from(counts, (count) => count > 0);
}

/** The process whose state all begin with. */
export const ROOT = 0;

/** Gives all processes the `value` of process 0, which JSON can hold; what the others pass does not matter. */
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
  readonly sums: PromiseWithResolvers<Float32Array>;
}

/**
 * Sums the tensors of a step over all processes, several small ones at a time. The last comes first, as in a backward pass,
 * and each bucket is sent as soon as it is complete.
 */
export class GradientSum {
  readonly #communicator: Communicator;
  readonly #shapes: readonly Shape[];
  readonly #buckets: readonly Bucket[];
  /** The tensors of this step that were added. */
  readonly #given = new Map<number, Tensor>();
  #sending: Sending[] = [];
  /** How many of the buckets were sent. */
  #numSent = 0;
  /** Tensors that were made here, freed at the end of the step. */
  readonly #kept: Tensor[] = [];

  constructor(
    communicator: Communicator,
    { shapes, compression }: {
      shapes: readonly Shape[];
      compression: "none" | "float16";
    },
  ) {
    const isHalf = compression === "float16";
    this.#communicator = communicator;
    this.#shapes = shapes;
    this.#buckets = divideIntoBuckets(shapes.map(sizeOf)).map((indices) => ({
      indices,
      half: isHalf ? new Float16Sum(communicator) : undefined,
    }));
  }

  /** Adds a float32 or float16 tensor of the step, which nobody may read afterwards, and sends each bucket that is complete. */
  add(index: number, tensor: Tensor): void {
    if (this.#given.has(index)) return;
    this.#given.set(index, tensor);
    for (const bucket of this.#buckets.slice(this.#sending.length)) {
      if (!bucket.indices.every((index) => this.#given.has(index))) return;
      this.#begin(bucket);
    }
  }

  /** Adds the tensors of the step that were not added before, and waits for all sums, which the caller disposes. */
  async finish(tensors: readonly Tensor[]): Promise<Tensor[]> {
    for (const index of tensors.keys().toArray().reverse()) {
      this.add(index, tensors[index]);
    }
    const sending = this.#sending;
    try {
      const sums = await Promise.all(sending.map(({ sums }) => sums.promise));
      const results: Tensor[] = [];
      sending.forEach(({ bucket }, i) => {
        let offset = 0;
        for (const index of bucket.indices) {
          const shape = this.#shapes[index];
          const values = sums[i].subarray(offset, offset += sizeOf(shape));
          results[index] = tf.tensor(values, [...shape], "float32");
        }
      });
      return results;
    } finally {
      tf.dispose(this.#kept.splice(0));
      this.#given.clear();
      this.#sending = [];
      this.#numSent = 0;
    }
  }

  #begin(bucket: Bucket): void {
    const tensors = bucket.indices.map((index) => this.#given.get(index)!);
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
    // Values that are on the host already are sent at once, while the backward pass goes on.
    const values = device().takeValues(flat);
    if (values instanceof Float32Array) arrive(values);
    else values.then(arrive, sending.sums.reject);
  }

  /** Sends what is on the host, in the order of the buckets, which is the same in all processes. */
  #send(): void {
    for (const { bucket, values, sums } of this.#sending.slice(this.#numSent)) {
      if (values === undefined) return;
      this.#numSent++;
      const sum = (bucket.half ?? this.#communicator).allReduce(values);
      sum.then(() => sums.resolve(values), sums.reject);
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
