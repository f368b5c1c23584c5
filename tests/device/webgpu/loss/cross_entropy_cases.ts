/**
 * Logits and labels to test, and checks of loss, gradient and count of correct predictions, as any device computes them,
 * against the reference.
 */

import { assert, assertEquals } from "@std/assert";
import { assertClose } from "../../../compare.ts";
import { softmaxCrossEntropy } from "../../../models/reference.ts";
import { labelsUpTo, numbers } from "../../../numbers.ts";

/** Logits to test. */
export interface CrossEntropyCase {
  readonly batch: number;
  readonly classes: number;
  readonly logits: Float32Array;
  readonly what: string;
  /** What to divide by. Default: the batch. */
  readonly count?: number;
}

/** What a device gave. */
export interface CrossEntropyResults {
  readonly loss: number;
  readonly correct: number;
  readonly gradient: Float32Array;
}

/** Distance from 1 to the next float32. */
const UNIT = 2 ** -23;

const SIZES = [
  [1, 2],
  [1, 37],
  [3, 10],
  [64, 10],
  [65, 37],
  [256, 2],
  // More rows than there are invocations that add them up.
  [300, 2],
  [300, 10],
  [700, 37],
];
/** Few and many rows and classes, large and equal logits, and other numbers to divide by. */
const CROSS_ENTROPIES: readonly CrossEntropyCase[] = [
  ...SIZES.map(([batch, classes]): CrossEntropyCase => ({
    batch,
    classes,
    logits: numbers(batch * classes, [-5, 5]),
    what: "logits up to 5",
  })),
  ...[[3, 10], [300, 37]].map(([batch, classes]): CrossEntropyCase => ({
    batch,
    classes,
    logits: numbers(batch * classes, [-80, 80]),
    what: "logits up to 80",
  })),
  // Most rows have several largest ones, a good part of them at the label.
  ...[[300, 2], [300, 10]].map(([batch, classes]): CrossEntropyCase => ({
    batch,
    classes,
    logits: numbers(batch * classes, [-1.5, 1.5]).map(Math.round),
    what: "whole logits, with ties",
  })),
  {
    batch: 64,
    classes: 10,
    logits: new Float32Array(640).fill(7),
    what: "equal logits",
  },
  {
    batch: 64,
    classes: 10,
    logits: numbers(640, [-5, 5]),
    what: "part of 300",
    count: 300,
  },
  {
    batch: 300,
    classes: 10,
    logits: numbers(3000, [-5, 5]),
    what: "divided by 1",
    count: 1,
  },
];

/** Computes on a device. */
export type ComputeCrossEntropy = (
  logits: Float32Array,
  labels: Int32Array,
  count: number,
) => Promise<CrossEntropyResults>;

/** Checks a batch. */
async function checkCrossEntropy(
  { batch, classes, logits, count = batch }: CrossEntropyCase,
  compute: ComputeCrossEntropy,
): Promise<void> {
  const labels = labelsUpTo(batch, classes);
  const shape = [batch, classes];
  const expected = softmaxCrossEntropy({ data: logits, shape }, labels);
  const share = batch / count;
  const { loss, correct, gradient } = await compute(logits, labels, count);
  assertEquals(correct, countCorrect(logits, labels));
  // By WGSL exp(x) may be off by 3 + 2 |x| of its units in the last place, and the rounding of x, a difference, adds
  // |x| / 2: as x <= 0, about 4 units of 1. A sum of them is about as exact, so that its logarithm is off by some 4
  // units, and by the 2^-21 (near 1) or 3 of its own units that WGSL allows. With 2.5 units for the division, and half
  // a unit for each of batch / 256 + 8 additions of losses, none of which is negative, 16 of the loss are enough.
  assertClose([loss], [share * expected.loss], {
    absolute: share * 2 ** -20,
    relative: 16 * UNIT,
  });
  // Likewise for exp(x) / sum: some 4 units, and 4, and 2.5 for each division, of numbers up to 1.
  assertClose(
    gradient,
    expected.gradient.data.map((value) => share * value),
    { absolute: 16 * UNIT / count },
  );
}

/** What is wrong with a row of three logits, the row, and its label. */
type BadRow = [what: string, row: number[], label?: number];

/** Rows whose loss is not a number. */
const BAD_ROWS: readonly BadRow[] = [
  ["a logit of NaN, first", [NaN, 1, 2]],
  ["a logit of NaN, last and at the label", [1, 2, NaN], 2],
  ["a logit of Infinity", [1, Infinity, 2]],
  ["a logit of Infinity at the label", [1, Infinity, 2], 1],
  ["logits of NaN only", [NaN, NaN, NaN]],
  ["a label of -1", [1, 2, 3], -1],
  ["a label as large as the number of classes", [1, 2, 3], 3],
  ["the largest label", [1, 2, 3], 2 ** 31 - 1],
  ["the smallest label", [1, 2, 3], -(2 ** 31)],
];

/** Checks that a bad row makes the loss NaN, and leaves the gradients of the others as they are. */
async function checkBadRow(
  { bad: [, row, label = 0], place }: { bad: BadRow; place: number },
  compute: ComputeCrossEntropy,
): Promise<void> {
  const logits = numbers(900);
  const labels = labelsUpTo(300, 3);
  const before = await compute(logits, labels, 300);
  assert(Number.isFinite(before.loss));
  logits.set(row, 3 * place);
  labels[place] = label;
  const { loss, gradient } = await compute(logits, labels, 300);
  assertEquals(loss, NaN);
  // The other rows do not see it.
  const others = (values: Float32Array) =>
    values.filter((_, i) => Math.floor(i / 3) !== place);
  assertEquals(others(gradient), others(before.gradient));
}

/** Checks that rows whose label is out of range do not count as correct. */
async function checkCountOfBadLabels(
  compute: ComputeCrossEntropy,
): Promise<void> {
  const logits = Float32Array.of(3, 2, 1, 1, 2, 3, 1, 3, 2, 3, 3, 3);
  const { correct } = await compute(logits, Int32Array.of(-1, 3, 1, 0), 4);
  assertEquals(correct, 2);
}

/** Rows whose first largest logit is at their label. */
function countCorrect(logits: Float32Array, labels: Int32Array): number {
  const classes = logits.length / labels.length;
  return labels.reduce((count, label, i) => {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    return row.indexOf(Math.max(...row)) === label ? count + 1 : count;
  }, 0);
}

/** Registers the tests of a device, by its own kind of test. */
export function crossEntropyTests(
  test: (name: string, fn: () => Promise<void>) => void,
  compute: ComputeCrossEntropy,
): void {
  for (const testCase of CROSS_ENTROPIES) {
    const { batch, classes, what } = testCase;
    test(
      `crossEntropy() ${batch}x${classes}, ${what}, is the reference's`,
      () => checkCrossEntropy(testCase, compute),
    );
  }
  for (const bad of BAD_ROWS) {
    for (const place of [0, 299]) {
      test(
        `crossEntropy() with ${bad[0]} in row ${place} of 300 has the loss NaN`,
        () => checkBadRow({ bad, place }, compute),
      );
    }
  }
  test(
    "crossEntropy() counts no row whose label is out of range",
    () => checkCountOfBadLabels(compute),
  );
}
