/**
 * Tests of early stopping against the rule of Keras 3, epoch by epoch, and of lowering the learning rate on a plateau against
 * what PyTorch's ReduceLROnPlateau was recorded to do.
 */

import { OptionError } from "../../src/errors.ts";
import {
  earlyStopping,
  type EarlyStoppingOptions,
  type Monitor,
  reduceOnPlateau,
  type ReduceOnPlateauOptions,
} from "../../src/train/plateau.ts";
import { assertClose } from "../compare.ts";
import { listOf, RECORD } from "../optim/golden.ts";
import { epochEnd, pretendedTraining } from "./epochs.ts";
import { assertEquals, assertThrows } from "@std/assert";

/** The epoch after which training is asked to end, and why; resumed before one epoch, or never. */
function stopAfter(
  values: readonly number[],
  options: EarlyStoppingOptions,
  resumeAt?: number,
): { epoch: number | undefined; reason: string | undefined } {
  const { monitor = "testLoss" } = options;
  const training = pretendedTraining();
  let callback = earlyStopping(options);
  for (const [i, value] of values.entries()) {
    if (i === resumeAt) {
      const saved = JSON.stringify(callback.saveState!());
      callback = earlyStopping(options);
      callback.restoreState!(JSON.parse(saved), training);
    }
    assertEquals(callback.reason, undefined);
    callback.onEpochEnd!(epochEnd(i + 1, { [monitor]: value }), training);
    const { reason } = callback;
    assertEquals(training.isStopped, reason !== undefined);
    if (training.isStopped) return { epoch: i + 1, reason };
  }
  return { epoch: undefined, reason: undefined };
}

/** What the rule of keras.callbacks.EarlyStopping (3.x, `on_epoch_end`) makes of each, worked out by hand. */
const CASES: [
  what: string,
  values: readonly number[],
  options: EarlyStoppingOptions,
  epoch: number | undefined,
][] = [
  ["the first epoch without improvement", [3, 2, 2, 1], {}, 3],
  ["never while it improves", [3, 2, 1, 0.5], {}, undefined],
  ["patience", [3, 2, 2.5, 2.1, 1.9, 2, 2, 2, 1], { patience: 3 }, 8],
  ["a count that begins anew", [3, 3, 2, 2, 1, 1], { patience: 2 }, undefined],
  ["a least change", [3, 2.95, 2.94, 2], { minDelta: 0.1, patience: 2 }, 3],
  ["a change of the least", [1, 0.5, 0.25], { minDelta: 0.25 }, 3],
  ["accuracy, which rises", [0.1, 0.2, 0.2], { monitor: "testAccuracy" }, 3],
  ["training accuracy", [0.1, 0.3, 0.2], { monitor: "trainAccuracy" }, 3],
  ["the training loss", [1, 2, 0], { monitor: "loss" }, 2],
  ["no end after the first epoch", [NaN, 1, 1], {}, 3],
  ["values that are no numbers", [2, NaN, NaN, 1], { patience: 2 }, 3],
  [
    "a baseline that is not reached",
    [5, 4, 3, 3.5, 2.9],
    { baseline: 2, patience: 3 },
    4,
  ],
  [
    "a baseline that is reached in time",
    [5, 4, 1.5, 1.6, 1.7, 1.8],
    { baseline: 2, patience: 3 },
    6,
  ],
  [
    "epochs that are not watched",
    [1, 9, 5, 4, 4.5],
    { startFromEpoch: 2 },
    5,
  ],
];
for (const [what, values, options, epoch] of CASES) {
  Deno.test(`earlyStopping() ends as Keras's, resumed as well: ${what}`, () => {
    const end = stopAfter(values, options);
    assertEquals(end.epoch, epoch);
    for (const resumeAt of values.keys()) {
      assertEquals(stopAfter(values, options, resumeAt), end);
    }
  });
}

Deno.test("earlyStopping() leaves out epochs that are not whole, and stays stopped when resumed", () => {
  const training = pretendedTraining();
  const first = earlyStopping();
  first.onEpochEnd!(epochEnd(1, { testLoss: 1 }), training);
  first.onEpochEnd!(epochEnd(2, { testLoss: 2, isPartial: true }), training);
  assertEquals(training.isStopped, false);
  first.onEpochEnd!(epochEnd(2, { testLoss: 2 }), training);
  assertEquals(training.isStopped, true);
  const resumed = pretendedTraining();
  const second = earlyStopping();
  second.restoreState!(first.saveState!(), resumed);
  assertEquals([second.reason, resumed.isStopped], [first.reason, true]);
});

Deno.test("earlyStopping() says what it does, and why it ended", () => {
  const { description } = earlyStopping({ patience: 3 });
  assertEquals(description, "early stopping on test loss, patience 3");
  assertEquals(
    stopAfter([3, 2.34567, 2.5, 2.4], { patience: 2 }).reason,
    "test loss has not improved on 2.346 of epoch 2 for 2 epochs",
  );
  assertEquals(
    stopAfter([0.3, 0.2], { monitor: "testAccuracy", baseline: 0.5 }).reason,
    "test accuracy has not improved on 0.3000 of epoch 1 or the baseline 0.5 for 2 epochs",
  );
});

Deno.test("earlyStopping() needs the evaluation that it watches", () => {
  const error = assertThrows(
    () =>
      earlyStopping().onEpochEnd!(
        epochEnd(1, { loss: 1 }),
        pretendedTraining(),
      ),
    OptionError,
    "validation",
  );
  assertEquals(error.option, "monitor");
});

const REFUSED_BY_STOPPING: EarlyStoppingOptions[] = [
  { monitor: "val_loss" as Monitor },
  { minDelta: -1 },
  { patience: -1 },
  { patience: 1.5 },
  { baseline: NaN },
  { startFromEpoch: -1 },
];
for (const options of REFUSED_BY_STOPPING) {
  const [[option, value]] = Object.entries(options);
  Deno.test(`earlyStopping() refuses ${option} ${value}`, () => {
    const error = assertThrows(() => earlyStopping(options), OptionError);
    assertEquals([error.option, error.value], [option, value]);
  });
}

for (
  const state of [
    undefined,
    "",
    {},
    { best: 1, bestEpoch: 1 },
    { best: 1, bestEpoch: 1, wait: 0 },
    { best: true, bestEpoch: 1, wait: 0, stoppedEpoch: 0 },
    { best: 1, bestEpoch: 1, wait: -1, stoppedEpoch: 0 },
  ]
) {
  Deno.test(`earlyStopping() refuses the state ${JSON.stringify(state)}`, () => {
    assertThrows(
      () => earlyStopping().restoreState!(state, pretendedTraining()),
      OptionError,
      "state of earlyStopping",
    );
  });
}

const VALUES = listOf(RECORD.values);

/** Learning rates after each value; from one epoch on by another callback, which goes on from the state of the first. */
function ratesOf(
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
    assertClose(ratesOf(given, { sign }), expected, { relative: 1e-6 });
    for (const resumeAt of VALUES.keys()) {
      const resumed = ratesOf(given, { sign, resumeAt });
      assertClose(resumed, expected, { relative: 1e-6 });
    }
  });
}

Deno.test("reduceOnPlateau() knows whether what it watches should rise", () => {
  const patience = 1;
  const falling = ratesOf({ patience }, { sign: 1 });
  for (const monitor of ["loss", "testLoss"] as const) {
    assertEquals(ratesOf({ patience, monitor }, { sign: 1 }), falling);
  }
  const rising = ratesOf({ patience, mode: "max" }, { sign: -1 });
  for (const monitor of ["trainAccuracy", "testAccuracy"] as const) {
    assertEquals(ratesOf({ patience, monitor }, { sign: -1 }), rising);
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

const REFUSED_BY_PLATEAU: ReduceOnPlateauOptions[] = [
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
for (const options of REFUSED_BY_PLATEAU) {
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
