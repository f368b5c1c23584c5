/** Tests of where steps and epochs stand, and of joining steps. */

import { assertEquals } from "@std/assert";
import { epochAxis, groupSteps } from "../../src/report/learning_chart.ts";
import type { RunRecords } from "../../src/runs/read_run.ts";
import type {
  EpochRecord,
  RunConfig,
  StepRecord,
} from "../../src/runs/records.ts";

/** A run of 4 steps per epoch; what the axis does not read is not there. */
function makeRun(
  numSteps: number,
  ends: [steps: number, isPartial: boolean][],
): RunRecords {
  const steps = Array.from({ length: numSteps }, (_, step) => ({
    ...{ type: "step", step, epoch: Math.floor(step / 4) + 1 },
    ...{ loss: step, accuracy: step / 10, learningRate: 1 },
  })) as StepRecord[];
  const epochs = ends.map(([steps, isPartial], i) => ({
    ...{ type: "epoch", epoch: i + 1, steps, isPartial },
  })) as EpochRecord[];
  const config = {
    recipe: { "batch-size": 3 },
    data: { trainSamples: 12 },
  } as unknown as RunConfig;
  return { config, steps, epochs };
}

Deno.test("epochAxis() places the middle of a step and the end of an epoch", () => {
  const run = makeRun(10, [[4, false], [8, false]]);
  const axis = epochAxis(run);
  assertEquals(run.steps.map(axis.ofStep), [
    ...[0.125, 0.375, 0.625, 0.875, 1.125, 1.375],
    ...[1.625, 1.875, 2.125, 2.375],
  ]);
  assertEquals(run.epochs.map(axis.ofEpoch), [1, 2]);
});

Deno.test("epochAxis() knows how long an epoch will be before one has ended", () => {
  const run = makeRun(2, []);
  assertEquals(run.steps.map(epochAxis(run).ofStep), [0.125, 0.375]);
});

Deno.test("epochAxis() ends a part of an epoch where it ended", () => {
  const run = makeRun(7, [[4, false], [7, true]]);
  assertEquals(run.epochs.map(epochAxis(run).ofEpoch), [1, 1.75]);
});

Deno.test("groupSteps() keeps few steps as they are", () => {
  const run = makeRun(4, [[4, false]]);
  const groups = groupSteps(run.steps, { axis: epochAxis(run), max: 4 });
  assertEquals(groups.map(({ loss }) => loss), [0, 1, 2, 3]);
  assertEquals(groups.map(({ x }) => x), [0.125, 0.375, 0.625, 0.875]);
});

Deno.test("groupSteps() joins many: means, least and greatest", () => {
  const run = makeRun(8, [[4, false], [8, false]]);
  const groups = groupSteps(run.steps, { axis: epochAxis(run), max: 3 });
  assertEquals(groups.map(({ loss }) => loss), [1, 4, 6.5]);
  assertEquals(groups.map(({ x }) => x), [0.375, 1.125, 1.75]);
  assertEquals(groups.map(({ losses }) => losses), [[0, 2], [3, 5], [6, 7]]);
  assertEquals(groups[2].accuracy.toFixed(6), "0.650000");
});
