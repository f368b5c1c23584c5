/**
 * Tests of completing the options of `train`, of what they make of optimizer, learning rates and early stopping, and of whole
 * runs with them.
 */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import type { OptionValues } from "../../src/cli/options.ts";
import { optimizationOf, type Recipe, recipeOf } from "../../src/cli/recipe.ts";
import { recordOptions, resumeOptions } from "../../src/cli/run.ts";
import type { RunConfig } from "../../src/runs/records.ts";
import { assertClose } from "../compare.ts";
import { epochEnd, pretendedTraining } from "../train/epochs.ts";
import { EPOCH_LINE, runMain, TINY } from "./program.ts";

// The lecture's hyperparameters: see issue 2.
const LECTURE_ALEXNET: Recipe = {
  "model": "alexnet",
  "epochs": 5,
  "batch-size": 128,
  "optimizer": "sgd",
  "learning-rate": 0.01,
  "schedule": "constant",
  "warmup-epochs": 0,
  "momentum": 0,
  "weight-decay": 0,
  "dropout": 0.5,
  "resize": 224,
  "seed": 0,
  "precision": "float32",
  "source": "full",
};

Deno.test("recipeOf() is the lecture's AlexNet by default", () => {
  assertEquals(recipeOf({}), LECTURE_ALEXNET);
  assertEquals(recipeOf({ preset: "lecture" }), LECTURE_ALEXNET);
});

Deno.test("recipeOf() is the lecture's LeNet for that model", () => {
  const { dropout: _, ...lecture } = LECTURE_ALEXNET;
  const lenet: Recipe = {
    ...lecture,
    "model": "lenet",
    "batch-size": 256,
    "learning-rate": 0.9,
    "resize": 28,
  };
  assertEquals(recipeOf({ model: "lenet" }), lenet);
  assertEquals(recipeOf({ model: "lenet", preset: "lecture" }), lenet);
});

Deno.test("recipeOf() has quick recipes that end within ten minutes", () => {
  for (const [model, size] of [["alexnet", 224], ["lenet", 28]] as const) {
    const quick = recipeOf({ preset: "quick", model });
    assertEquals([quick.model, quick.resize], [model, size]);
    const maxTimeMs = quick["max-time"];
    assert(maxTimeMs !== undefined && maxTimeMs < 10 * 60_000);
  }
});

const GIVEN: OptionValues = {
  "epochs": 7,
  "batch-size": 9,
  "optimizer": "adam",
  "learning-rate": 0.3,
  "schedule": "cosine",
  "warmup-epochs": 0.5,
  "momentum": 0.4,
  "weight-decay": 0.2,
  "clip-norm": 2.5,
  "early-stopping": 4,
  "dropout": 0.1,
  "resize": 60,
  "seed": 8,
  "precision": "float16",
  "train-samples": 11,
  "test-samples": 12,
  "max-time": 13,
};
for (const preset of ["lecture", "quick"] as const) {
  for (const model of ["alexnet", "lenet"] as const) {
    for (const source of ["full", "sample"] as const) {
      Deno.test(`recipeOf() prefers what is given to ${preset} ${model} on ${source}`, () => {
        const given = { ...GIVEN, model, source };
        assertEquals(recipeOf({ ...given, preset }), given);
      });
    }
  }
}

Deno.test("recipeOf() has PyTorch's learning rate and no momentum for Adam", () => {
  for (const preset of ["lecture", "quick"] as const) {
    for (const model of ["alexnet", "lenet"] as const) {
      const recipe = recipeOf({ preset, model, optimizer: "adam" });
      assertEquals([recipe["learning-rate"], recipe.momentum], [0.001, 0]);
      assertEquals(recipe, {
        ...recipeOf({ preset, model }),
        "optimizer": "adam",
        "learning-rate": 0.001,
        "momentum": 0,
      });
    }
  }
});

Deno.test("recipeOf() prefers a zero that is given", () => {
  const { dropout, momentum, seed } = recipeOf({
    preset: "quick",
    dropout: 0,
    momentum: 0,
    seed: 0,
  });
  assertEquals([dropout, momentum, seed], [0, 0, 0]);
});

Deno.test("recipeOf() never asks for more images than the sample has", () => {
  for (const model of ["alexnet", "lenet"] as const) {
    const recipe = recipeOf({ model, preset: "quick", source: "sample" });
    const { "train-samples": train = 0, "test-samples": test = 0 } = recipe;
    assert(train <= 2000 && test <= 500);
  }
});

/** Steps of an epoch. */
const STEPS = 10;

function optimization(options: OptionValues) {
  return optimizationOf(recipeOf({ "learning-rate": 0.5, ...options }));
}

const DESCRIBED: [options: OptionValues, description: string][] = [
  [{}, "SGD, learning rate 0.5"],
  [
    { "momentum": 0.9, "weight-decay": 0.1 },
    "SGD, learning rate 0.5, momentum 0.9, weight decay 0.1",
  ],
  [
    { optimizer: "adam", "weight-decay": 0.1 },
    "Adam, learning rate 0.5, weight decay 0.1",
  ],
  [
    { "schedule": "step", "epochs": 4 },
    "SGD, learning rate 0.5, from 0.5, times 0.1 every 14 steps",
  ],
  [
    { "schedule": "cosine", "warmup-epochs": 0.25 },
    "SGD, learning rate 0.5, cosine from 0.5 to 0 over 50 steps, warmed up over 3 steps",
  ],
  [
    { "schedule": "one-cycle", "clip-norm": 2 },
    "SGD, learning rate 0.5, one cycle up to 0.5 over 50 steps, gradients clipped to norm 2",
  ],
  [
    { "warmup-epochs": 0.01 },
    "SGD, learning rate 0.5, constant 0.5, warmed up over 1 step",
  ],
  [
    { "schedule": "plateau", "early-stopping": 3 },
    "SGD, learning rate 0.5, times 0.1 when test loss has not improved for 2 epochs, early stopping on test loss, patience 3",
  ],
];
for (const [options, description] of DESCRIBED) {
  Deno.test(`optimizationOf() describes ${JSON.stringify(options)}`, () => {
    assertEquals(optimization(options).describe(STEPS), description);
  });
}

Deno.test("optimizationOf() has learning rates over the whole run", () => {
  const rates = (options: OptionValues, steps: number[]) =>
    steps.map((step) =>
      optimization(options).scheduleOver(STEPS)?.rateAt(step)
    );
  const none = [undefined, undefined];
  assertEquals(rates({}, [0, 1]), none);
  assertEquals(rates({ schedule: "plateau" }, [0, 1]), none);
  const close = (options: OptionValues, expected: Record<number, number>) =>
    assertClose(
      rates(options, Object.keys(expected).map(Number)) as number[],
      Object.values(expected),
      { relative: 1e-9, absolute: 1e-12 },
    );
  close({ schedule: "step", epochs: 3 }, {
    0: 0.5,
    9: 0.5,
    10: 0.05,
    20: 0.005,
    29: 0.005,
  });
  close({ schedule: "cosine" }, { 0: 0.5, 25: 0.25, 50: 0 });
  close({ "warmup-epochs": 1 }, {
    0: 0.5 / 3,
    5: 0.5 * 2 / 3,
    10: 0.5,
    49: 0.5,
  });
  close({ schedule: "one-cycle" }, { 0: 0.02, 14: 0.5, 49: 0.02 / 1e4 });
});

Deno.test("optimizationOf() lowers the rate on a plateau, and then stops", () => {
  const { callbacks, stopping } = optimization({
    "schedule": "plateau",
    "early-stopping": 3,
  });
  const training = pretendedTraining(0.5);
  const rates = [3, 2, 2, 2, 2].map((testLoss, i) => {
    for (const callback of callbacks) {
      callback.onEpochEnd!(epochEnd(i + 1, { testLoss }), training);
    }
    return training.optimizer.learningRate;
  });
  assertEquals(rates, [0.5, 0.5, 0.5, 0.05, 0.05]);
  assertEquals(training.isStopped, true);
  assertMatch(stopping!.reason!, /^test loss has not improved on 2\.000/);
});

Deno.test("a run that goes on has the optimization that it began with", () => {
  const all: OptionValues = {
    "optimizer": "adam",
    "schedule": "cosine",
    "warmup-epochs": 0.5,
    "clip-norm": 2.5,
    "early-stopping": 4,
  };
  for (
    const options of [all, { momentum: 0.9, schedule: "plateau" } as const]
  ) {
    const began = recipeOf(options);
    const recorded = JSON.parse(JSON.stringify(recordOptions(began)));
    const config = { recipe: recorded } as RunConfig;
    assertEquals(recipeOf(resumeOptions(config, {}, "run")), began);
  }
});

Deno.test("train takes an optimizer, a schedule, a warm-up, clipping and early stopping, and says so", async () => {
  const { code, stdout, stderr } = await runMain([
    ...["train", ...TINY, "--device", "cpu", "--optimizer", "adam"],
    ...["--schedule", "cosine", "--warmup-epochs", "0.5"],
    ...["--clip-norm", "1", "--early-stopping", "2"],
  ]);
  assertEquals([code, stderr], [0, ""]);
  assertStringIncludes(
    stdout,
    ", Adam, learning rate 0.001, cosine from 0.001 to 0 over 2 steps, warmed up over 1 step, " +
      "gradients clipped to norm 1, early stopping on test loss, patience 2, 1 epoch, seed 0\n",
  );
  assertMatch(stdout, EPOCH_LINE);
});

Deno.test("train ends early, with a step size that would move nothing", async () => {
  const { code, stdout } = await runMain([
    ...["train", ...TINY, "--device", "cpu", "--epochs", "9"],
    ...["--learning-rate", "1e-30", "--early-stopping", "2"],
  ]);
  assertEquals(code, 0);
  assertEquals(stdout.match(/^epoch \d/gm), ["epoch 1", "epoch 2", "epoch 3"]);
});
