/** Tests of curves as text: each dot is where its value is. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  Curves,
  drawCurve,
  drawLossCurve,
} from "../../../src/cli/terminal/curve.ts";
import type { Progress } from "../../../src/train/callbacks.ts";
import { epochEnd } from "../../train/epochs.ts";
import { heightsOf } from "./dots.ts";

/** The labels of the greatest and the least value. */
function labelsOf(values: number[]): string[] {
  const lines = drawCurve({ title: "", values });
  return [1, 5].map((y) => lines[y].split("|")[0].trim());
}

const numbers = (length: number) => Array.from({ length }, (_, i) => i);

Deno.test("drawCurve() draws known values as the very characters", () => {
  const lines = drawCurve({
    title: "loss",
    values: [1, 0.8, 0.6, 0.4, 0.2, 0, 0, 0],
    ticks: [0.5, 1],
  });
  assertEquals(lines, [
    "loss      ",
    "  1.0|⢱   ",
    "     |⠈⡆  ",
    "     | ⢱  ",
    "     |  ⡇ ",
    "  0.0|  ⢸⣀",
    "     +-+-+",
  ]);
});

Deno.test("drawCurve() has a dot for each value, two to a character", () => {
  const values = numbers(20).map((i) => i / 19);
  const lines = drawCurve({ title: "", values });
  assertEquals(heightsOf(lines), numbers(20).map((i) => [i]));
  assert(lines.every((line) => line.length === 6 + 10));
});

Deno.test("drawCurve() joins values that are far apart, but not over gaps", () => {
  const lines = drawCurve({
    title: "",
    values: [0, 1, 0, undefined, 1, undefined, 0],
  });
  assertEquals(heightsOf(lines), [
    [0],
    numbers(20).slice(1),
    numbers(19),
    [],
    [19],
    [],
    [0],
    [],
  ]);
});

Deno.test("drawCurve() marks values in their row and column", () => {
  const lines = drawCurve({
    title: "",
    values: Array(20).fill(undefined),
    marks: [[0.1, 1], [0.5, 0.5], [0.75, 0.1], [1, 0]]
      .map(([at, value]) => ({ at, value })),
    ticks: [0.25, 1],
  });
  assertEquals(lines.slice(1), [
    "  1.0|o         ",
    "     |          ",
    "     |    o     ",
    "     |          ",
    "  0.0|       o o",
    "     +--+------+",
  ]);
});

Deno.test("drawCurve() labels the ends of a round range that holds all values", () => {
  assertEquals(labelsOf([2.3026, 0.41]), ["2.4", "0.4"]);
  assertEquals(labelsOf([0.1, 0.875]), ["0.88", "0.10"]);
  assertEquals(labelsOf([0.6, 0.7]), ["0.70", "0.60"]);
  assertEquals(labelsOf([0.912, 0.9333]), ["0.934", "0.912"]);
  assertEquals(labelsOf([3, 870]), ["880", "0"]);
  assertEquals(labelsOf([2.5e9, 1e9]), ["3e+9", "1e+9"]);
});

Deno.test("drawCurve() draws one value, or equal ones, inside of its range", () => {
  for (const value of [0, 1, 0.37, 2.3026, 1000]) {
    const heights = heightsOf(
      drawCurve({ title: "", values: [value, value] }),
    );
    assertEquals(heights[0].length, 1);
    assertEquals(heights[0], heights[1]);
    const [most, least] = labelsOf([value, value]).map(Number);
    assert(least <= value && value <= most && least < most);
  }
});

Deno.test("drawCurve() cuts its title to its width", () => {
  const [title] = drawCurve({ title: "accuracy, epochs", values: [1, 2] });
  assertEquals(title, "accurac");
});

/** A report of training, with 100 batches in an epoch. */
function report(part: Partial<Progress>): Progress {
  return {
    phase: "train",
    epoch: 1,
    batch: 50,
    batches: 100,
    loss: 2,
    accuracy: 0.1,
    imagesPerSecond: 1,
    secondsPerBatch: 1,
    ...part,
  };
}

/** Takes the two curves apart. */
function parts(lines: readonly string[]): [loss: string[], acc: string[]] {
  const second = lines[0].indexOf("acc");
  return [
    lines.map((line) => line.slice(0, second - 2)),
    lines.map((line) => line.slice(second)),
  ];
}

Deno.test("Curves shows the mean of what was trained between two reports", () => {
  const curves = new Curves();
  curves.progress(report({ batch: 50, loss: 2, accuracy: 0.25 }));
  // Over both halves; so 1 and 0.75 in the second one.
  curves.progress(report({ batch: 100, loss: 1.5, accuracy: 0.5 }));
  const lines = curves.draw(46);
  const [loss, accuracy] = parts(lines);
  assertEquals(loss.map((line) => line.slice(0, 6).trim()), [
    "loss,",
    "2.0|",
    "|",
    "|",
    "|",
    "1.0|",
    "+",
  ]);
  assertEquals(accuracy[1].slice(0, 6), " 0.76|");
  const heights = heightsOf(loss);
  assertEquals(heights.length, 2 * (22 - 6));
  heights.forEach((dots, x) =>
    assertEquals(dots.includes(x < 16 ? 19 : 0), true, `${x}: ${dots}`)
  );
  assertEquals(heights.filter(({ length }) => length !== 1).length, 1);
});

Deno.test("Curves weighs reports by how much of a column they cover", () => {
  const curves = new Curves();
  const numColumns = 2 * (22 - 6);
  // Each report is a quarter of a column: 0, 0, 0, 4, and so on, whose means are 1 in every column.
  let sum = 0;
  const batches = 4 * numColumns;
  for (let batch = 1; batch <= batches; batch++) {
    sum += batch % 4 === 0 ? 4 : 0;
    curves.progress(report({ batch, batches, loss: sum / batch }));
  }
  const heights = heightsOf(parts(curves.draw(46))[0]);
  assertEquals(new Set(heights.map((dots) => dots.join())).size, 1);
});

Deno.test("Curves shows the current epoch from the start, and no more of it than is done", () => {
  const curves = new Curves();
  curves.progress(report({ batch: 100 }));
  curves.progress(report({ epoch: 2, batch: 50, loss: 1 }));
  const lines = curves.draw(46);
  assert(lines[0].startsWith("loss, epochs 1-2 "), lines[0]);
  const heights = heightsOf(parts(lines)[0]);
  const numDrawn = heights.findLastIndex(({ length }) => length > 0) + 1;
  assertEquals(numDrawn, 24);
});

Deno.test("Curves marks the test images' values at the ends of epochs", () => {
  const curves = new Curves();
  for (const epoch of [1, 2]) {
    curves.progress(report({ epoch, batch: 100, loss: 2 / epoch }));
    curves.epochEnd(epochEnd(epoch, {
      loss: 2 / epoch,
      testLoss: epoch,
      testAccuracy: epoch / 4,
    }));
  }
  const [loss, accuracy] = parts(curves.draw(60));
  assertEquals(loss[0].trim(), "loss, epochs 1-2, o test");
  assertEquals(accuracy[0], "acc, epochs 1-2, o test");
  const places = (lines: string[]) =>
    lines.slice(1).flatMap((line, y) =>
      [...line.matchAll(/o/g)].map(({ index }) => [index, y])
    );
  // A curve is 29 characters wide, 23 of them behind the axis; a half ends in the 12th.
  assertEquals(places(loss), [[6 + 22, 0], [6 + 11, 4]]);
  assertEquals(places(accuracy), [[6 + 22, 0], [6 + 11, 3]]);
  assertEquals(loss.at(-1), `     +${"-".repeat(11)}+${"-".repeat(10)}+`);
});

Deno.test("Curves shows epochs of which nothing was reported, as of a resumed run", () => {
  const curves = new Curves();
  curves.epochEnd(epochEnd(1, { loss: 3, testLoss: 2.5 }));
  curves.epochEnd(epochEnd(2, { loss: 2 }));
  curves.progress(report({ epoch: 3, batch: 100, loss: 1 }));
  const [loss] = parts(curves.draw(54));
  assertEquals(loss[0].trim(), "loss, epochs 1-3, o test");
  const heights = heightsOf(loss);
  const third = heights.length / 3;
  assert(heights[0].includes(19));
  assert(heights[Math.floor(1.5 * third)].includes(9));
  assert(heights.at(-1)?.includes(0));
});

Deno.test("Curves draws nothing of evaluations, unknown lengths and what is not a number", () => {
  const curves = new Curves();
  curves.progress(report({ phase: "evaluate", epoch: 0 }));
  curves.progress(report({ batches: undefined }));
  curves.progress(report({ loss: NaN }));
  assertEquals(curves.draw(80), []);
  curves.progress(report({}));
  curves.epochEnd(epochEnd(1, { testLoss: Infinity, testAccuracy: 0.5 }));
  const [loss, accuracy] = parts(curves.draw(80));
  assertEquals(loss[0].trim(), "loss, epoch 1");
  assertEquals(accuracy[0], "acc, epoch 1, o test");
});

Deno.test("Curves fits any width, and is left out below 36 columns", () => {
  const curves = new Curves();
  for (let epoch = 1; epoch <= 120; epoch++) {
    curves.epochEnd(epochEnd(epoch, {
      loss: 1 / epoch,
      testLoss: 1 / epoch,
      testAccuracy: 0.5,
    }));
    for (const columns of [36, 39, 40, 79, 80, 199, 200]) {
      const lines = curves.draw(columns);
      assertEquals(lines.length, 7);
      for (const line of lines) assert(line.length <= columns);
      const [title, ...rows] = parts(lines)[0];
      assert(title.includes("o test"), title);
      // Marks leave most of the line to be seen.
      const numMarks = rows.join("").split("o").length - 1;
      assert(numMarks >= 1 && numMarks <= (title.length - 6) / 3);
    }
  }
  assertEquals(curves.draw(35), []);
});

/** Lines of the curve of losses, each a tenfold learning rate further. */
function lossCurve(smoothedLosses: readonly number[]): string[] {
  const points = smoothedLosses.map((smoothedLoss, step) => ({
    step,
    learningRate: 10 ** (step - 3),
    loss: smoothedLoss,
    smoothedLoss,
  }));
  return drawLossCurve(points).split("\n");
}

Deno.test("drawLossCurve() draws up to where the loss diverges", () => {
  const lines = lossCurve([2, 1.9, 1, 1.5, 2.1, 50, 80]);
  assertEquals(lines[0], "loss by learning rate");
  assertMatch(lines[1], /^ {2}2\.2\|/);
  assertMatch(lines[12], /^ {2}1\.0\|/);
  const axis = ["+", ...Array(4).fill("+")]
    .join("-".repeat(15)).replace("-", "");
  assertEquals(lines.at(-2), `     +${axis}`);
  assertMatch(lines.at(-1)!, /^ {6}1e-3 +1e-2 +1e-1 +1e0 +1e1$/);
  const heights = heightsOf(lines, 12);
  assertEquals(heights.length, 128);
  // The least loss is in the middle, and the greatest at the end.
  assert(heights[64].includes(0));
  assert(heights.at(-1)!.every((height) => height > 40));
});

Deno.test("drawLossCurve() draws a loss that only rises, or never changes", () => {
  const rising = heightsOf(lossCurve([1, 2, 3]), 12);
  assertEquals([rising[0], rising.at(-1)], [[0], [47]]);
  const flat = heightsOf(lossCurve([2, 2, 2]), 12);
  assertEquals(new Set(flat.map((dots) => dots.join())).size, 1);
});
