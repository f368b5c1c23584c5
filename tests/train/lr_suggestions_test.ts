/**
 * Tests of what is read off curves of losses.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { suggestLearningRates } from "../../src/train/lr_suggestions.ts";
import { assertClose } from "../compare.ts";

/** Learning rates 1, 2, 4 and so on, of which the first two and the last five do not count. */
function _suggest(losses: readonly number[]) {
  const all = [9, 9, ...losses, 9, 9, 9, 9, 9];
  const points = all.map((smoothedLoss, i) => ({
    learningRate: 2 ** (i - 2),
    smoothedLoss,
  }));
  return suggestLearningRates(points, { steps: 20 });
}

Deno.test("suggestLearningRates() finds the steepest fall and a tenth of the minimum", () => {
  const { steepest, minimum } = _suggest([5, 4.9, 4.5, 3, 2.8, 2.7, 4])!;
  assertEquals([steepest, minimum], [2 ** 2, 2 ** 5 / 10]);
});

/** Indices that fastai's `valley` gives, worked out by hand: first of the section, its thirds and halves of thirds. */
const VALLEYS: [losses: readonly number[], index: number][] = [
  // 6 points that end at 6: 6 - 6 + 2 + 1.
  [[5, 5, 4, 3, 2.5, 2, 1, 3], 3],
  // 9 points from 3 to 12, one of them not in the subsequence: 12 - 9 + 3 + 1.
  [[5, 5, 5, 5, 4.9, 4.5, 4, 4.2, 3.5, 3, 2.5, 2, 1.8, 4], 7],
  // 3 points that end at 2: 2 - 3 + 1 + 0.
  [[3, 2, 1], 0],
  // 1 point that ends at 0, which is none before the first.
  [[1, 2, 3], 0],
];
for (const [losses, index] of VALLEYS) {
  Deno.test(`suggestLearningRates() finds the valley of ${losses}`, () => {
    assertClose([_suggest(losses)!.valley], [2 ** index], {});
  });
}

Deno.test("suggestLearningRates() says nothing of fewer than three points", () => {
  assertEquals(_suggest([2, 1]), undefined);
  assertEquals(suggestLearningRates([], { steps: 20 }), undefined);
});
