/** Finds out which learning rates a network trains with. */

import type { Batch } from "../data/loader/batch.ts";
import { readScalars } from "../device/device.ts";
import { ensureBackend } from "../device/open.ts";
import { tf } from "../device/tf.ts";
import { DataError } from "../errors.ts";
import type { Sequential } from "../nn/sequential.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { sgd } from "../optim/sgd.ts";
import { requireInteger, requireNumber } from "../options.ts";
import { batchesFrom, type BatchSource } from "./batch_source.ts";
import { updateWeights } from "./step.ts";

/** Share of the smoothed loss that each step keeps, as in fastai. */
const SMOOTHING = 0.98;

/** Training has diverged once the smoothed loss exceeds this many times its smallest value, as in fastai. */
const DIVERGENCE = 4;

/** Options of {@linkcode findLearningRate}. */
export interface LearningRateOptions {
  /** Makes the optimizer, which is freed at the end. Default `sgd`. */
  optimizer?: (options: { learningRate: number }) => Optimizer;
  /** The first learning rate, above 0. Default 1e-7. */
  start?: number;
  /** The last one, above the first. Default 10. */
  end?: number;
  /** How many learning rates are tried, a step each, with the same ratio between neighbours: at least 10. Default 100. */
  steps?: number;
  /** Called after each step. */
  onStep?: (point: LearningRatePoint) => void | Promise<void>;
}

/** A learning rate that was tried. */
export interface LearningRatePoint {
  /** Step, from 0. */
  readonly step: number;
  /** The learning rate of the step. */
  readonly learningRate: number;
  /** Mean loss of the batch, taken before the step, in nats. */
  readonly loss: number;
  /** Exponential moving mean of these losses, its bias towards 0 corrected. */
  readonly smoothedLoss: number;
}

/** What {@linkcode findLearningRate} found. */
export interface LearningRateCurve {
  /** What was tried, from the smallest learning rate on. */
  readonly points: readonly LearningRatePoint[];
  /** Whether it ended before the last learning rate because the loss diverged. */
  readonly isDiverged: boolean;
  /** What to train with; `undefined` if the loss diverged before there was enough to tell. */
  readonly suggestions: LearningRateSuggestions | undefined;
}

/**
 * Trains for some steps, each with a larger learning rate, and looks at the loss (Smith, 2015), as fastai's `lr_find` does.
 * It ends when the smoothed loss (of beta 0.98) is above 4 times its smallest value, or not finite. Then it puts the old
 * weights back. It waits for the device after each step.
 *
 * @example
 * ```ts
 * import { findLearningRate, initBackend, lenet, loadFashionMnist } from "@x/alexnet";
 *
 * await initBackend();
 * const { train } = await loadFashionMnist({ source: "sample", batchSize: 64 });
 * const { suggestions } = await findLearningRate(lenet(), train);
 * console.log(suggestions?.valley);
 * ```
 *
 * @param net The network.
 * @param train Batches of images and labels; iterated as often as it takes.
 * @param options Which learning rates, and with which optimizer.
 * @returns The losses, and suggestions.
 * @throws {OptionError} If an option is out of its range.
 * @throws {ShapeError} If a batch does not fit the network, a label is none of its classes, or the network does not fit the device.
 * @throws {DataError} If there is no batch.
 * @throws {BackendError} If the device reported an error.
 */
export async function findLearningRate(
  net: Sequential,
  train: BatchSource,
  options: LearningRateOptions = {},
): Promise<LearningRateCurve> {
  const { optimizer: make = sgd, start = 1e-7, end = 10, steps = 100 } =
    options;
  requireNumber("start", start, { above: 0 });
  requireNumber("end", end, { above: start });
  requireInteger("steps", steps, { min: 10 });
  await ensureBackend();
  const optimizer = make({ learningRate: start });
  const rateAt = (step: number) =>
    start * (end / start) ** (step / (steps - 1));
  const schedule = { rateAt };
  const parts = { net, optimizer, schedule, precision: "float32" } as const;
  const copies = net.getWeights().map((w) => tf.clone(w));
  const points: LearningRatePoint[] = [];
  let isDiverged = false;
  try {
    let [mean, least] = [0, Infinity];
    for await (const batch of endless(train, net)) {
      const step = points.length;
      const { loss: scalar, correct } = updateWeights(parts, batch, step);
      const [loss] = await readScalars(scalar)
        .finally(() => tf.dispose([scalar, correct]));
      isDiverged = !Number.isFinite(loss);
      if (isDiverged) break;
      mean = SMOOTHING * mean + (1 - SMOOTHING) * loss;
      const smoothedLoss = mean / (1 - SMOOTHING ** (step + 1));
      const learningRate = rateAt(step);
      const point = { step, learningRate, loss, smoothedLoss };
      points.push(point);
      await options.onStep?.(point);
      least = Math.min(least, smoothedLoss);
      isDiverged = smoothedLoss > DIVERGENCE * least;
      if (isDiverged || points.length === steps) break;
    }
  } finally {
    net.setWeights(copies);
    tf.dispose(copies);
    optimizer.dispose();
  }
  const suggestions = suggestLearningRates(points, { steps });
  return { points, isDiverged, suggestions };
}

/** Goes through the data again and again. */
async function* endless(
  train: BatchSource,
  net: Sequential,
): AsyncGenerator<Batch, void, undefined> {
  for (let epoch = 0;; epoch++) {
    let isEmpty = true;
    for await (const batch of batchesFrom(train, net, { epoch })) {
      isEmpty = false;
      yield batch;
    }
    if (isEmpty) {
      throw new DataError("data", "Cannot train as the data has no batches");
    }
  }
}

/** Points at the end of a curve that are left out, as the loss diverges there. */
const LEFT_OUT = 5;

/** Learning rates to train with, each by a rule of its own: those of fastai's `lr_find`. */
export interface LearningRateSuggestions {
  /**
   * In the middle of the longest fall. The longest strictly falling subsequence of smoothed losses has `n` points and ends at
   * point `e`; this is the learning rate of point `e - n + floor(n / 3) + floor(n / 6)`.
   */
  readonly valley: number;
  /** Where the smoothed loss falls the most over the logarithm of the learning rate. */
  readonly steepest: number;
  /** A tenth of the learning rate with the smallest smoothed loss. */
  readonly minimum: number;
}

/**
 * Suggests learning rates from a curve of rising rates, of which `steps` were planned. The first tenth of the steps does not
 * count, as the mean is still of few losses; nor do the last 5 points. Returns `undefined` if fewer than three points count.
 */
export function suggestLearningRates(
  points: readonly { learningRate: number; smoothedLoss: number }[],
  { steps }: { steps: number },
): LearningRateSuggestions | undefined {
  const counted = points.slice(Math.floor(steps / 10), -LEFT_OUT);
  if (counted.length < 3) return undefined;
  const rates = counted.map(({ learningRate }) => learningRate);
  const losses = counted.map(({ smoothedLoss }) => smoothedLoss);
  const slopes = losses.slice(1).map((loss, i) =>
    (loss - losses[i]) / Math.log(rates[i + 1] / rates[i])
  );
  return {
    valley: rates[middleOfFall(losses)],
    steepest: rates[indexOfLeast(slopes)],
    minimum: rates[indexOfLeast(losses)] / 10,
  };
}

function indexOfLeast(values: readonly number[]): number {
  return values.indexOf(Math.min(...values));
}

/** The point in the middle of the longest fall. */
function middleOfFall(losses: readonly number[]): number {
  // lengths[i] is that of the longest falling subsequence that ends at point i.
  const lengths: number[] = [];
  losses.forEach((loss, i) => {
    const before = lengths.filter((_, j) => losses[j] > loss);
    lengths[i] = 1 + Math.max(0, ...before);
  });
  const length = Math.max(...lengths);
  const first = lengths.indexOf(length) - length;
  return Math.max(
    first + Math.floor(length / 3) + Math.floor(length / 6),
    0,
  );
}
