/**
 * Tests of charts: what is where in the drawing. The drawing for wide screens has 800 pixels from left to right, from 44 to
 * 844, and 274 from the bottom at 302 to the top at 28.
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  band,
  bar,
  type Chart,
  curve,
  drawChart,
  rule,
  words,
} from "../../src/report/charts.ts";

const BLUE = { name: "a < b", color: "blue" };
const CHART: Chart = {
  label: `"loss"`,
  series: [BLUE],
  x: { label: "epochs", domain: [0, 2], ticks: [0, 1, 2] },
  y: { label: "loss", hasZero: true },
  marks: [],
};

/** What is drawn for wide screens. */
function draw(chart: Partial<Chart>): string {
  const { text } = drawChart({ ...CHART, ...chart });
  return /<div class="wide">([\s\S]*?)<\/div>/.exec(text)![1];
}

/** The paths of marks, without those of the axes. */
function pathsOf(marks: Chart["marks"]): string[] {
  const paths = draw({ marks }).matchAll(/<path[^>]* d="(M[\d.]+[, ][^"]+)"/g);
  return [...paths].map(([, path]) => path)
    .filter((path) => !path.startsWith("M0 0"));
}

Deno.test("drawChart() draws curves, bands and lines across to scale", () => {
  const points = [{ x: 0, y: 0 }, { x: 0.5, y: 4 }, { x: 2, y: 1 }];
  assertEquals(pathsOf([curve(BLUE, points)]), ["M44,302L244,28L844,233.5"]);
  const ys = [{ x: 0, ys: [1, 2] }, { x: 1, ys: [3, 4] }] as const;
  assertEquals(pathsOf([band("red", ys)]), [
    "M44,233.5L444,96.5L444,28L44,165Z",
  ]);
  assertEquals(pathsOf([rule(BLUE, 4)]), ["M44 28H844"]);
});

Deno.test("drawChart() draws bars that stand on 0, with what is said of them", () => {
  const four = { from: 0.5, to: 1.5, height: 4, title: "four & more" };
  const marks = [bar("red", four)];
  assertEquals(pathsOf(marks), ["M244,302L244,28L644,28L644,302"]);
  const drawing = draw({ marks });
  assertStringIncludes(drawing, "<title>four &amp; more</title>");
});

Deno.test("drawChart() draws a curve of a single point as a dot", () => {
  assertEquals(pathsOf([curve(BLUE, [{ x: 1, y: 4 }])]), ["M444,28Z"]);
});

Deno.test("drawChart() has round ticks on the left, from 0 only where it is asked to", () => {
  const ticksOf = (chart: Partial<Chart>) =>
    [...draw(chart).matchAll(/text-anchor="end"\s+stroke="none">([^<]*)</g)]
      .map(([, tick]) => tick);
  const marks = [words("from", 0.61), words("to", 0.69)];
  const y = { label: "accuracy", hasZero: false };
  assertEquals(ticksOf({ marks, y }), [
    ...["0.61", "0.62", "0.63", "0.64", "0.65"],
    ...["0.66", "0.67", "0.68", "0.69"],
  ]);
  assertEquals(ticksOf({ marks }), [
    ...["0.0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7"],
  ]);
});
