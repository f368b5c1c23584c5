/**
 * Tests of completing the options of `train`.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { OptionValues } from "../../src/cli/options.ts";
import { type Recipe, recipeOf } from "../../src/cli/recipe.ts";

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

Deno.test("recipeOf() has a quick AlexNet at 224x224 that ends within ten minutes", () => {
  const { model, resize, "max-time": maxTimeMs } = recipeOf({
    preset: "quick",
  });
  assertEquals([model, resize], ["alexnet", 224]);
  assert(maxTimeMs !== undefined && maxTimeMs < 10 * 60_000);
});

Deno.test("recipeOf() has a quick LeNet that ends within ten minutes", () => {
  const quick = recipeOf({ preset: "quick", model: "lenet" });
  assertEquals([quick.model, quick.resize], ["lenet", 28]);
  const maxTimeMs = quick["max-time"];
  assert(maxTimeMs !== undefined && maxTimeMs < 10 * 60_000);
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
