/**
 * Tests of lowering the learning rate on a plateau against what PyTorch's ReduceLROnPlateau was recorded to do.
 *
 * @module
 */

import { assertEquals, assertThrows } from "@std/assert";
import { OptionError } from "../../src/errors.ts";
import type { Monitor } from "../../src/train/monitor.ts";
import {
  reduceOnPlateau,
  type ReduceOnPlateauOptions,
} from "../../src/train/reduce_on_plateau.ts";
import { assertClose } from "../compare.ts";
import { listOf, RECORD } from "../optim/golden.ts";
import { epochEnd, pretendedTraining } from "./epochs.ts";

const VALUES = listOf(RECORD.values);

/** Learning rates after each value; from one epoch on by another callback, which goes on from the state of the first. */
function _rates(
  options: ReduceOnPlateauOptions,
  { sign, resumeAt }: { sign: number; resumeAt?: number },
): number[] {
  const { monitor = "testLoss" } = options;
  const training = pretendedTraining(RECORD.learningRate);
  let callback = reduceOnPlateau(options);
  return VALUES.map((value, i) => {
    if (i === resumeAt) {
      const saved = JSON.stringify(callback.saveState!());
      callback = reduceOnPlateau(options);
      callback.restoreState!(JSON.parse(saved), training);
    }
    callback.onEpochEnd!(
      epochEnd(i + 1, { [monitor]: sign * value }),
      training,
    );
    return training.optimizer.learningRate;
  });
}

for (const { options, rates } of RECORD.plateaus) {
  const what = JSON.stringify(options);
  const given = options as ReduceOnPlateauOptions;
  const sign = given.mode === "max" ? -1 : 1;
  Deno.test(`reduceOnPlateau() with ${what} is PyTorch's, resumed as well`, () => {
    const expected = listOf(rates);
    assertClose(_rates(given, { sign }), expected, { relative: 1e-6 });
    for (const resumeAt of VALUES.keys()) {
      const resumed = _rates(given, { sign, resumeAt });
      assertClose(resumed, expected, { relative: 1e-6 });
    }
  });
}

Deno.test("reduceOnPlateau() knows whether what it watches should rise", () => {
  const patience = 1;
  const falling = _rates({ patience }, { sign: 1 });
  for (const monitor of ["loss", "testLoss"] as const) {
    assertEquals(_rates({ patience, monitor }, { sign: 1 }), falling);
  }
  const rising = _rates({ patience, mode: "max" }, { sign: -1 });
  for (const monitor of ["trainAccuracy", "testAccuracy"] as const) {
    assertEquals(_rates({ patience, monitor }, { sign: -1 }), rising);
  }
});

Deno.test("reduceOnPlateau() takes no value that is not a number for the best", () => {
  const training = pretendedTraining();
  const callback = reduceOnPlateau({ patience: 0 });
  callback.onEpochEnd!(epochEnd(1, { testLoss: NaN }), training);
  callback.onEpochEnd!(epochEnd(2, { testLoss: 1 }), training);
  assertEquals(callback.saveState!(), { best: 1, bad: 0, cooldown: 0 });
});

Deno.test("reduceOnPlateau() needs the evaluation that it watches", () => {
  const error = assertThrows(
    () =>
      reduceOnPlateau().onEpochEnd!(
        epochEnd(1, { loss: 1 }),
        pretendedTraining(),
      ),
    OptionError,
    "validation",
  );
  assertEquals(error.option, "monitor");
});

const REFUSED: ReduceOnPlateauOptions[] = [
  { monitor: "accuracy" as Monitor },
  { mode: "auto" as "min" },
  { factor: 1 },
  { factor: 0 },
  { patience: -1 },
  { threshold: -1 },
  { thresholdMode: "relative" as "rel" },
  { cooldown: 0.5 },
  { minLearningRate: -1 },
];
for (const options of REFUSED) {
  const [[option, value]] = Object.entries(options);
  Deno.test(`reduceOnPlateau() refuses ${option} ${value}`, () => {
    const error = assertThrows(() => reduceOnPlateau(options), OptionError);
    assertEquals([error.option, error.value], [option, value]);
  });
}

for (
  const state of [
    null,
    3,
    [],
    {},
    { best: 1, bad: 0 },
    { best: "1", bad: 0, cooldown: 0 },
    { best: 1, bad: -1, cooldown: 0 },
    { best: 1, bad: 0, cooldown: 0.5 },
  ]
) {
  Deno.test(`reduceOnPlateau() refuses the state ${JSON.stringify(state)}`, () => {
    assertThrows(
      () => reduceOnPlateau().restoreState!(state, pretendedTraining()),
      OptionError,
      "state of reduceOnPlateau",
    );
  });
}
