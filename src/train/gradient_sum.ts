/**
 * Sums of gradients over processes, begun while the backward pass goes on.
 *
 * @module
 */

import { type Tensor, tf } from "../device/tf.ts";
import { asFloats } from "../device/tape.ts";
import { device } from "../device/device.ts";
import type { Communicator } from "./communicator.ts";
import { Float16Sum } from "./compression.ts";

/** How many elements are sent at a time, if no tensor has more: 25 MB, as in PyTorch. */
const BUCKET_SIZE = 25e6 / Float32Array.BYTES_PER_ELEMENT;

/** Tensors that are sent together. */
interface _Bucket {
  /** Places of the tensors, in the order in which they are sent. */
  readonly places: readonly number[];
  readonly half: Float16Sum | undefined;
}

/** A bucket of the step in progress. */
interface _Sending {
  readonly bucket: _Bucket;
  /** This process's values, once they are on the host. */
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
  readonly #buckets: readonly _Bucket[];
  /** What was given of this step. */
  #given = new Map<number, Tensor>();
  #sending: _Sending[] = [];
  /** How many of those are on their way. */
  #numSent = 0;
  /** Made here, and freed at the end of the step. */
  #kept: Tensor[] = [];

  /**
   * Divides the tensors.
   *
   * @param communicator Connects the processes.
   * @param options Their shapes, and what to send.
   */
  constructor(communicator: Communicator, options: GradientSumOptions) {
    const { shapes, compression } = options;
    this.#communicator = communicator;
    this.#shapes = shapes;
    this.#buckets = _divide(shapes.map(_sizeOf)).map((places) => ({
      places,
      half: compression === "float16"
        ? new Float16Sum(communicator)
        : undefined,
    }));
  }

  /**
   * Takes a tensor of the step, and sends what has become complete.
   *
   * @param place Its place.
   * @param tensor float32 or float16; nobody may read it until {@linkcode finish} has ended, nor afterwards.
   */
  add(place: number, tensor: Tensor): void {
    if (this.#given.has(place)) return;
    this.#given.set(place, tensor);
    for (;;) {
      const bucket = this.#buckets[this.#sending.length];
      const tensors = bucket?.places.map((place) => this.#given.get(place));
      if (tensors === undefined || !tensors.every((t) => t !== undefined)) {
        return;
      }
      this.#begin(bucket, tensors);
    }
  }

  /**
   * Waits for the sums.
   *
   * @param tensors All tensors of the step, those that were added before included; not disposed.
   * @returns Their sums over all processes, which the caller disposes.
   * @throws {DistributedError} If a process has failed.
   */
  async finish(tensors: readonly Tensor[]): Promise<Tensor[]> {
    for (const place of tensors.keys().toArray().reverse()) {
      this.add(place, tensors[place]);
    }
    const sending = this.#sending;
    try {
      const sums = await Promise.all(sending.map(({ sums }) => sums.promise));
      const results: Tensor[] = [];
      sending.forEach(({ bucket }, i) => {
        let at = 0;
        for (const place of bucket.places) {
          const shape = this.#shapes[place];
          const values = sums[i].subarray(at, at += _sizeOf(shape));
          results[place] = tf.tensor(values, [...shape], "float32");
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

  #begin(bucket: _Bucket, tensors: readonly Tensor[]): void {
    const flat = tensors.length === 1
      ? asFloats(tensors[0])
      : tf.tidy(() =>
        tf.concat(tensors.map((t) => tf.reshape(asFloats(t), [-1])))
      );
    if (flat !== tensors[0]) this.#kept.push(tf.keep(flat));
    const sending: _Sending = { bucket, sums: Promise.withResolvers() };
    // Whoever waits for all of them hears of the first failure alone.
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

  /** Sends what is on the host, in the order that is the same in all processes. */
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

/** Joins neighbours, from the last to the first, as long as they are small enough together. */
function _divide(sizes: readonly number[]): number[][] {
  const buckets: number[][] = [];
  let room = 0;
  for (const place of sizes.keys().toArray().reverse()) {
    if (buckets.length === 0 || sizes[place] > room) {
      buckets.push([]);
      room = BUCKET_SIZE;
    }
    buckets.at(-1)!.push(place);
    room -= sizes[place];
  }
  return buckets;
}

function _sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}
