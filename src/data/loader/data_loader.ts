/** Batches of tensors from a data set, in an order of its own for every epoch. */

import { readyDevice } from "../../device/device.ts";
import { OptionError } from "../../errors.ts";
import { requireInteger, requireSeed } from "../../options.ts";
import { storedImages } from "../array_dataset.ts";
import { checkIndices, type Dataset, describeDataset } from "../dataset.ts";
import { epochOrder, type Sampler } from "../sampler.ts";
import { wholeOf } from "../split.ts";
import { takeApart, type Transform } from "../transforms/transform.ts";
import { toTensor } from "../transforms/values.ts";
import {
  type ArrayBatch,
  type Batch,
  type BatchPlan,
  divide,
  type EpochOptions,
  type ImageShape,
  type Shard,
} from "./batch.ts";
import { makeHostBatch, shapeAfter } from "./host_batch.ts";
import {
  autoWorkers,
  checkWorkers,
  hostBatches,
  type HostSource,
} from "./host_batches.ts";
import { choosePath, type DataPath, tensorBatches } from "./tensor_batches.ts";

/** How to make batches: names are those of PyTorch's `DataLoader`. */
export interface DataLoaderOptions {
  /** Samples per batch; the last batch of an epoch may be shorter. */
  batchSize: number;
  /** Whether each epoch has a random order. Default false. */
  shuffle?: boolean;
  /** Chooses the samples of an epoch and their order, in place of `shuffle`. */
  sampler?: Sampler;
  /** Whether to leave out the last batch of an epoch if it is shorter. Default false. */
  dropLast?: boolean;
  /** Integer in [0, 2^32): the same seed, the same orders and the same random transforms. Default 0. */
  seed?: number;
  /** What is done to each image. Default `toTensor()`. */
  transform?: Transform;
  /**
   * How many workers make batches ahead of time, if batches are made on the host. Default "auto": the number of cores less one,
   * but at most one for every four batches, and only as many as keep all batches that are made ahead of time within 256 MB (but
   * at least 1). It is 0 if there are no workers here, if Deno may not read this package's files, or if the transform is a
   * function of your own that `importTransform` did not import. The batches do not depend on the number.
   */
  workers?: number | "auto";
  /** Batches that each worker is asked for ahead of time. Default 2. With more, "auto" is fewer workers. */
  prefetchFactor?: number;
  /** Where to make batches. Default "auto": on the device if it can make them, which `summary()` tells. */
  path?: "auto" | "device" | "host";
  /** Ends iterations, and their workers, with the signal's reason as an error. */
  signal?: AbortSignal;
}

/** What a loader does. */
export interface DataSummary {
  /** Samples and class counts, in words. */
  readonly dataset: string;
  /** What is done to each image, in words, first to last. */
  readonly transforms: readonly string[];
  /** `[height, width, channels]` of every image after that. */
  readonly imageShape: ImageShape;
  /** Where that is done. */
  readonly place: "device" | "host";
  /** Workers that do it, on the host. */
  readonly workers: number;
  /** Why not on the device. */
  readonly reason?: string;
}

/**
 * Iterates over a data set in batches; each iteration is the next epoch.
 *
 * The loader owns the tensors that it yields. It disposes them when the next batch is asked for and when the loop ends, also by
 * `break`, `return` or an error. `tf.keep` does not prevent that; `clone()` what must live longer.
 *
 * If WebGPU is in use, the images are in memory as bytes, and the device can do all transforms, then the images are copied to the
 * device once, and one kernel makes each batch. Other batches are made on the host, by workers ahead of time. The same seed, epoch
 * and index give the same images: to 1e-6 on the device and the host, and to the byte on the host with any number of workers.
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
export class DataLoader implements AsyncIterable<Batch>, Disposable {
  /** The samples. */
  readonly dataset: Dataset;
  /** Samples per batch; the last batch of an epoch may be shorter. */
  readonly batchSize: number;
  /** Samples per epoch. */
  readonly numSamples: number;
  /** Batches per epoch. */
  readonly numBatches: number;
  /** Batches can be asked for in parts: see `EpochOptions.shard`. */
  readonly makesShards = true;
  /** What is done to each image. */
  readonly transform: Transform;
  readonly #options: DataLoaderOptions;
  readonly #seed: number;
  readonly #prefetchFactor: number;
  readonly #largestBatch: number;
  #nextEpoch = 0;
  #imageShape?: ImageShape;
  #workers?: number;

  /**
   * Prepares to make batches; nothing is computed yet.
   *
   * @param dataset The samples.
   * @param options How to make batches of them.
   * @throws {OptionError} If there is no batch, or an option is not one of its values.
   */
  constructor(dataset: Dataset, options: DataLoaderOptions) {
    const { batchSize, prefetchFactor = 2, path = "auto" } = options;
    const { transform = toTensor(), dropLast = false, seed = 0 } = options;
    this.dataset = dataset;
    this.batchSize = requireInteger("batchSize", batchSize);
    this.#prefetchFactor = requireInteger("prefetchFactor", prefetchFactor);
    this.#seed = requireSeed(seed);
    if (!["auto", "device", "host"].includes(path)) {
      throw new OptionError("path", path, '"auto", "device" or "host"');
    }
    checkWorkers(options.workers ?? "auto", transform);
    this.#options = options;
    this.transform = transform;
    const length = countSamples(dataset, options);
    const round = dropLast ? Math.floor : Math.ceil;
    this.numBatches = round(length / batchSize);
    if (this.numBatches === 0) {
      throw new OptionError(
        "batchSize",
        batchSize,
        `at most ${length}, the samples of an epoch, with dropLast`,
      );
    }
    this.numSamples = dropLast ? this.numBatches * batchSize : length;
    this.#largestBatch = Math.min(batchSize, length);
  }

  /** `[height, width, channels]` of every image after the transform, as found on sample 0. */
  get imageShape(): ImageShape {
    return this.#imageShape ??= shapeAfter(this.dataset, this.transform);
  }

  /** How many workers make batches, if batches are made on the host. What "auto" is depends on {@linkcode imageShape}. */
  get workers(): number {
    const { workers = "auto" } = this.#options;
    if (workers !== "auto") return workers;
    return this.#workers ??= autoWorkers({
      transform: this.transform,
      numBatches: this.numBatches,
      prefetchFactor: this.#prefetchFactor,
      batchLength: this.imageShape.reduce((a, b) => a * b, this.#largestBatch),
    });
  }

  /**
   * Describes the data and where its batches are made, on the device that is in use by now.
   *
   * @returns A description.
   * @throws {SampleError} If sample 0 cannot be got or transformed.
   * @throws {OptionError} If `path` is "device" and the device cannot do it.
   */
  summary(): DataSummary {
    const path = this.#path();
    const transforms = takeApart(this.transform);
    return {
      dataset: describeDataset(this.dataset),
      transforms: transforms.map(({ description }) => description),
      imageShape: this.imageShape,
      place: path.madeOn,
      workers: path.madeOn === "host" ? this.workers : 0,
      reason: path.madeOn === "host" ? path.reason : undefined,
    };
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
   * @param options Epoch, from 0, for the random numbers of transforms. Default 0.
   * @returns Their images after the transform, and their labels, in new memory.
   * @throws {OptionError} If there is no such sample.
   * @throws {SampleError} If a sample cannot be got or transformed.
   * @throws {ShapeError} If the transform gives images of differing shapes.
   */
  loadBatch(
    indices: ArrayLike<number>,
    options: { epoch?: number } = {},
  ): ArrayBatch {
    const { epoch = 0 } = options;
    const chosen = checkIndices(indices, this.dataset);
    const plan = { seed: this.#seed, epoch, indices: chosen };
    const get = (i: number) => this.dataset.get(chosen[i]);
    return makeHostBatch(plan, { ...this.#source(), get });
  }

  /**
   * Begins an epoch on the host, without tensors and without a device.
   *
   * @param options Which batches. Default: the next epoch, whole.
   * @returns The batches, each in memory of its own. Leaving the loop ends the workers.
   * @throws {SampleError} If a sample cannot be got or transformed.
   * @throws {ShapeError} If the transform gives images of differing shapes.
   */
  arrays(
    options: EpochOptions = {},
  ): AsyncGenerator<ArrayBatch, void, undefined> {
    const plans = this.#plans(options);
    return hostBatches(plans, this.#source(), { reuse: false });
  }

  /**
   * Begins an epoch.
   *
   * @param options Which batches. Default: the next epoch, whole.
   * @returns The batches; see the class for who owns them. Leaving the loop ends the workers.
   * @throws {BackendError} On the first batch, if no device is ready.
   * @throws {SampleError} If a sample cannot be got or transformed.
   * @throws {ShapeError} If the transform gives images of differing shapes.
   * @throws {OptionError} If `path` is "device" and the device cannot do it.
   */
  batches(options: EpochOptions = {}): AsyncGenerator<Batch, void, undefined> {
    const plans = this.#plans(options);
    const choose = () => this.#path(options.shard);
    return tensorBatches(plans, this.#source(), choose);
  }

  /** Begins the next epoch, whole: see {@linkcode DataLoader.batches}. */
  [Symbol.asyncIterator](): AsyncGenerator<Batch, void, undefined> {
    return this.batches();
  }

  /** Frees what the device holds of the data set. A later iteration copies it again. */
  dispose(): void {
    const images = storedImages(wholeOf(this.dataset).whole);
    if (images) readyDevice()?.images?.free(images.data);
  }

  /** The same as {@linkcode DataLoader.dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Lists the batches of an epoch, in order. */
  #plans(
    { epoch = this.#nextEpoch, firstBatch = 0, shard }: EpochOptions,
  ): BatchPlan[] {
    const max = this.numBatches - 1;
    requireInteger("firstBatch", firstBatch, { min: 0, max });
    this.setEpoch(epoch);
    this.#nextEpoch++;
    const seed = this.#seed;
    const order = this.#order(epoch);
    const seen = new Uint32Array(this.dataset.length);
    const repeats = order.map((index) => seen[index]++);
    const plans: BatchPlan[] = [];
    for (let batch = firstBatch; batch < this.numBatches; batch++) {
      const first = batch * this.batchSize;
      const total = Math.min(this.batchSize, order.length - first);
      const { begin, end } = divide(total, shard ?? { index: 0, count: 1 });
      plans.push({
        seed,
        epoch,
        indices: order.slice(first + begin, first + end),
        repeats: repeats.slice(first + begin, first + end),
        place: shard && { begin, total },
      });
    }
    return plans;
  }

  #order(epoch: number): Uint32Array<ArrayBuffer> {
    const { shuffle = false, sampler } = this.#options;
    const seed = this.#seed;
    if (!sampler) {
      return epochOrder(this.dataset.length, { seed, epoch, shuffle });
    }
    const chosen = sampler.order({ seed, epoch });
    if (chosen.length !== sampler.length) {
      throw new OptionError(
        "sampler.length",
        sampler.length,
        `the ${chosen.length} samples that its order() chose for epoch ${epoch}`,
      );
    }
    return checkIndices(chosen, this.dataset);
  }

  #source(): HostSource {
    const { dataset, workers } = this;
    return {
      dataset,
      transform: this.transform,
      shape: this.imageShape,
      workers,
      prefetchFactor: this.#prefetchFactor,
      signal: this.#options.signal,
    };
  }

  #path(shard?: Shard): DataPath {
    const batchSize = Math.ceil(this.#largestBatch / (shard?.count ?? 1));
    const { path = "auto" } = this.#options;
    return choosePath(this.#source(), { path, batchSize });
  }
}

/** Counts the samples of an epoch, including those that `dropLast` leaves out. */
function countSamples(
  { length }: Dataset,
  { sampler, shuffle }: DataLoaderOptions,
): number {
  if (length < 1) throw new OptionError("dataset.length", length, "at least 1");
  if (!sampler) return length;
  if (shuffle) {
    throw new OptionError("shuffle", true, "left out when sampler is given");
  }
  return requireInteger("sampler.length", sampler.length);
}
