/**
 * Batches of tensors from a data set, in an order of its own for every epoch.
 *
 * @module
 */

import { loadTf, type Tensor1D, type Tensor4D, tf } from "../backend/tf.ts";
import { BackendError, OptionError, ShapeError } from "../errors.ts";
import { requireInteger, requireSeed } from "../options.ts";
import type { Dataset } from "./dataset.ts";
import { makeOnDevice } from "./device_batch.ts";
import { epochOrder } from "./sampler.ts";
import { devicePlanOf, toTensor, type Transform } from "./transforms.ts";

/** Samples as tensors, owned by the loader that yields them. */
export interface Batch {
  /** float32 `[batch, height, width, channels]`; in [0, 1] unless a transform says otherwise. */
  images: Tensor4D;
  /** int32 `[batch]`: indices into the class names. */
  labels: Tensor1D;
}

/** Samples as plain arrays. */
export interface ArrayBatch {
  /** float32, the values of all images. */
  images: Float32Array<ArrayBuffer>;
  /** int32 `[batch]`: indices into the class names. */
  labels: Int32Array<ArrayBuffer>;
  /** Shape of `images`: `[batch, height, width, channels]`. */
  shape: [batch: number, height: number, width: number, channels: number];
}

/** How to make batches. */
export interface DataLoaderOptions {
  /** Samples per batch; the last batch of an epoch may be shorter. */
  batchSize: number;
  /** Whether each epoch has a random order. Default false. */
  shuffle?: boolean;
  /** Integer in [0, 2^32): the same seed, the same orders. Default 0. */
  seed?: number;
  /** What is done to each image. Default `toTensor()`. */
  transform?: Transform;
}

/**
 * Iterates over a data set in batches; each iteration is the next epoch.
 *
 * The loader owns the tensors that it yields: it disposes them when the next batch is asked for and when the loop ends,
 * be it by `break`, `return` or an error. `tf.keep` does not prevent that; `clone()` what must live longer.
 *
 * @example
 * ```ts
 * import { initBackend } from "@x/alexnet";
 * import { loadFashionMnist } from "@x/alexnet/data";
 *
 * await initBackend({ device: "auto" });
 * const { test } = await loadFashionMnist({ source: "sample" });
 * for await (const { images, labels } of test) console.log(images.shape, labels.shape);
 * ```
 */
export class DataLoader implements AsyncIterable<Batch> {
  /** The samples. */
  readonly dataset: Dataset;
  /** Samples per batch; the last batch of an epoch may be shorter. */
  readonly batchSize: number;
  /** Samples per epoch. */
  readonly numSamples: number;
  /** Batches per epoch. */
  readonly numBatches: number;
  readonly #shuffle: boolean;
  readonly #seed: number;
  readonly #transform: Transform;
  #nextEpoch = 0;
  #imageShape?: readonly [height: number, width: number, channels: number];

  /**
   * Prepares to make batches; nothing is computed yet.
   *
   * @param dataset The samples.
   * @param options How to make batches of them.
   * @throws {OptionError} If the data set is empty, or `batchSize` or `seed` is not an integer in its range.
   */
  constructor(dataset: Dataset, options: DataLoaderOptions) {
    const { batchSize, shuffle = false, seed = 0 } = options;
    requireInteger("batchSize", batchSize);
    requireSeed(seed);
    if (dataset.length < 1) {
      throw new OptionError("dataset.length", dataset.length, "at least 1");
    }
    this.dataset = dataset;
    this.batchSize = batchSize;
    this.numSamples = dataset.length;
    this.numBatches = Math.ceil(dataset.length / batchSize);
    this.#shuffle = shuffle;
    this.#seed = seed;
    this.#transform = options.transform ?? toTensor();
  }

  /** `[height, width, channels]` of every image after the transform, as found on sample 0. */
  get imageShape(): readonly [
    height: number,
    width: number,
    channels: number,
  ] {
    if (this.#imageShape === undefined) {
      const { image } = this.dataset.get(0);
      const { height, width, channels } = this.#transform(image);
      this.#imageShape = [height, width, channels];
    }
    return this.#imageShape;
  }

  /**
   * Sets which epoch's order the next iteration uses, to repeat an epoch or to resume a run.
   *
   * @param epoch Epoch, from 0.
   * @throws {OptionError} If it is not an integer in [0, 2^32).
   */
  setEpoch(epoch: number): void {
    requireInteger("epoch", epoch, { min: 0, max: 2 ** 32 - 1 });
    this.#nextEpoch = epoch;
  }

  /**
   * Makes a batch of given samples without tensors, for use without a device.
   *
   * @param indices Which samples.
   * @returns Their images after the transform, and their labels, in new memory.
   * @throws {OptionError} If there is no such sample.
   * @throws {ShapeError} If the transform gives images of differing shapes.
   */
  loadBatch(indices: ArrayLike<number>): ArrayBatch {
    const [height, width, channels] = this.imageShape;
    const numValues = height * width * channels;
    const images = new Float32Array(indices.length * numValues);
    const labels = new Int32Array(indices.length);
    for (let i = 0; i < indices.length; i++) {
      const sample = this.dataset.get(indices[i]);
      const image = this.#transform(sample.image);
      if (
        image.height !== height || image.width !== width ||
        image.channels !== channels
      ) {
        throw new ShapeError(
          `Cannot batch sample ${
            indices[i]
          } as its shape [${image.height},${image.width},${image.channels}] is not [${this.imageShape}], that of sample 0: let the transform resize or crop to one size`,
        );
      }
      images.set(image.data, i * numValues);
      labels[i] = sample.label;
    }
    return { images, labels, shape: [indices.length, height, width, channels] };
  }

  /**
   * Begins the next epoch.
   *
   * @returns The batches of the epoch; see the class for who owns them.
   * @throws {BackendError} On the first batch, if no device is ready.
   * @throws {ShapeError} If the transform gives images of differing shapes.
   */
  [Symbol.asyncIterator](): AsyncGenerator<Batch, void, undefined> {
    return this.#batches(this.#nextEpoch++);
  }

  async *#batches(epoch: number): AsyncGenerator<Batch, void, undefined> {
    await loadTf();
    // Making a tensor would have tfjs choose a backend by itself.
    if (!tf.getBackend()) {
      throw new BackendError(
        "Cannot make tensors as no device is ready: call `await initBackend()` first",
      );
    }
    const order = epochOrder(this.numSamples, {
      seed: this.#seed,
      epoch,
      shuffle: this.#shuffle,
    });
    for (let first = 0; first < order.length; first += this.batchSize) {
      const indices = order.subarray(first, first + this.batchSize);
      const { images, labels } = this.#onDevice(indices) ??
        this.#fromHost(indices);
      try {
        yield { images, labels };
      } finally {
        images.dispose();
        labels.dispose();
      }
    }
  }
  #fromHost(indices: Uint32Array): Batch {
    const { images, labels, shape } = this.loadBatch(indices);
    return {
      images: tf.tensor4d(images, shape, "float32"),
      labels: tf.tensor1d(labels, "int32"),
    };
  }

  /** The batch with its images made on the device, where the transform can be done there. */
  #onDevice(indices: Uint32Array): Batch | undefined {
    const plan = devicePlanOf(this.#transform);
    if (plan === undefined) return undefined;
    const samples = Array.from(indices, (i) => this.dataset.get(i));
    const images = makeOnDevice(samples.map((s) => s.image), {
      plan,
      shape: this.imageShape,
    });
    const labels = samples.map((s) => s.label);
    return images && { images, labels: tf.tensor1d(labels, "int32") };
  }
}
