/**
 * Reads learning rates to train with off a curve of losses, by the rules of fastai's `lr_find`.
 *
 * @module
 */

/** Points at the end of a curve that are left out, as the loss diverges there. */
const LEFT_OUT = 5;

/** Learning rates to train with, each by a rule of its own. */
export interface LearningRateSuggestions {
  /**
   * In the middle of the fall: of the longest strictly falling subsequence of smoothed losses, of `n` points that end at point
   * `e`, that at `e - n + floor(n / 3) + floor(n / 6)`.
   */
  readonly valley: number;
  /** Where the smoothed loss falls the most over the logarithm of the learning rate. */
  readonly steepest: number;
  /** A tenth of the one with the smallest smoothed loss. */
  readonly minimum: number;
}

/**
 * Suggests learning rates. The first tenth of the curve, where the mean is still of few losses, and its last 5 points do not
 * count.
 *
 * @param points Learning rates that were tried, rising, and smoothed losses.
 * @param options How many were to be tried.
 * @returns The suggestions; `undefined` if fewer than three points count.
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
    valley: rates[_valley(losses)],
    steepest: rates[_indexOfLeast(slopes)],
    minimum: rates[_indexOfLeast(losses)] / 10,
  };
}

function _indexOfLeast(values: readonly number[]): number {
  return values.indexOf(Math.min(...values));
}

/** The point in the middle of the longest fall. */
function _valley(losses: readonly number[]): number {
  // Of the longest falling subsequence that ends at each point.
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
