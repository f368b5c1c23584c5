/**
 * Tests of what `--json` prints.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import {
  type JsonLine,
  jsonProgress,
  printJson,
} from "../../src/cli/json_lines.ts";
import type { Progress } from "../../src/train/callbacks.ts";

/** What is printed on standard output while a function runs. */
async function printed(body: () => void | Promise<void>): Promise<string[]> {
  const lines: string[] = [];
  const { log } = console;
  console.log = (...parts: unknown[]) => void lines.push(parts.join(" "));
  try {
    await body();
  } finally {
    console.log = log;
  }
  return lines;
}

Deno.test("printJson() prints one line that JSON.parse() reads, without what is unknown", async () => {
  const epoch: JsonLine = {
    type: "epoch",
    epoch: 1,
    isPartial: false,
    loss: NaN,
    trainAccuracy: 0.5,
    testAccuracy: undefined,
    testLoss: undefined,
    measuredTrainAccuracy: undefined,
    steps: 8,
    learningRate: 0.1,
    seconds: 2,
    waitSeconds: 0,
    imagesPerSecond: 4,
  };
  const note: JsonLine = { type: "note", message: "two\nlines" };
  const lines = await printed(() => [epoch, note].forEach(printJson));
  assertEquals(lines.map((line) => line.split("\n").length), [1, 1]);
  assertEquals(lines.map((line) => JSON.parse(line)), [
    {
      type: "epoch",
      epoch: 1,
      isPartial: false,
      loss: null,
      trainAccuracy: 0.5,
      steps: 8,
      learningRate: 0.1,
      seconds: 2,
      waitSeconds: 0,
      imagesPerSecond: 4,
    },
    { type: "note", message: "two\nlines" },
  ]);
});

Deno.test("jsonProgress() prints what fit reports", async () => {
  const progress: Progress = {
    phase: "train",
    epoch: 2,
    batch: 3,
    batches: undefined,
    loss: 1.25,
    accuracy: 0.5,
    imagesPerSecond: 170.5,
    secondsPerBatch: 2,
  };
  const lines = await printed(() => jsonProgress().onProgress?.(progress));
  assertEquals(lines, [
    '{"type":"progress","phase":"train","epoch":2,"batch":3,"loss":1.25,"accuracy":0.5,"imagesPerSecond":170.5,"secondsPerBatch":2}',
  ]);
});
