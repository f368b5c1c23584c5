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
  model: "alexnet",
  epochs: 5,
  batchSize: 128,
  optimizer: "sgd",
  learningRate: 0.01,
  schedule: "constant",
  warmupEpochs: 0,
  momentum: 0,
  weightDecay: 0,
  clipNorm: undefined,
  earlyStopping: undefined,
  dropout: 0.5,
  imageSize: 224,
  seed: 0,
  precision: "float32",
  trainSamples: undefined,
  testSamples: undefined,
  maxTimeMs: undefined,
};

Deno.test("recipeOf() is the lecture's AlexNet by default", () => {
  assertEquals(recipeOf({}), LECTURE_ALEXNET);
  assertEquals(recipeOf({ preset: "lecture" }), LECTURE_ALEXNET);
});

Deno.test("recipeOf() is the lecture's LeNet for that model", () => {
  const lenet: Recipe = {
    ...LECTURE_ALEXNET,
    model: "lenet",
    batchSize: 256,
    learningRate: 0.9,
    dropout: 0,
    imageSize: 28,
  };
  assertEquals(recipeOf({ model: "lenet" }), lenet);
  assertEquals(recipeOf({ model: "lenet", preset: "lecture" }), lenet);
});

Deno.test("recipeOf() has a quick AlexNet at 224x224 that ends within ten minutes", () => {
  const { model, imageSize, maxTimeMs } = recipeOf({ preset: "quick" });
  assertEquals([model, imageSize], ["alexnet", 224]);
  assert(maxTimeMs !== undefined && maxTimeMs < 10 * 60_000);
});

Deno.test("recipeOf() has a quick LeNet that ends within ten minutes", () => {
  const quick = recipeOf({ preset: "quick", model: "lenet" });
  assertEquals([quick.model, quick.imageSize], ["lenet", 28]);
  assert(quick.maxTimeMs !== undefined && quick.maxTimeMs < 10 * 60_000);
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
        assertEquals(recipeOf({ ...GIVEN, preset, model, source }), {
          model,
          epochs: 7,
          batchSize: 9,
          optimizer: "adam",
          learningRate: 0.3,
          schedule: "cosine",
          warmupEpochs: 0.5,
          momentum: 0.4,
          weightDecay: 0.2,
          clipNorm: 2.5,
          earlyStopping: 4,
          dropout: 0.1,
          imageSize: 60,
          seed: 8,
          precision: "float16",
          trainSamples: 11,
          testSamples: 12,
          maxTimeMs: 13,
        });
      });
    }
  }
}

Deno.test("recipeOf() has PyTorch's learning rate and no momentum for Adam", () => {
  for (const preset of ["lecture", "quick"] as const) {
    for (const model of ["alexnet", "lenet"] as const) {
      const recipe = recipeOf({ preset, model, optimizer: "adam" });
      assertEquals([recipe.learningRate, recipe.momentum], [0.001, 0]);
      assertEquals(recipe, {
        ...recipeOf({ preset, model }),
        optimizer: "adam",
        learningRate: 0.001,
        momentum: 0,
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
    const { trainSamples = 0, testSamples = 0 } = recipeOf({
      model,
      preset: "quick",
      source: "sample",
    });
    assert(trainSamples <= 2000 && testSamples <= 500);
  }
});
