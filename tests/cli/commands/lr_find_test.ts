/** Tests of `lr-find`. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { runMain } from "../program.ts";

const TINY = [
  ...["--model", "lenet", "--source", "sample"],
  ...["--batch-size", "2", "--train-samples", "40"],
];

Deno.test("lr-find draws the curve, and suggests learning rates", async () => {
  const { code, stdout, stderr } = await runMain(["lr-find", ...TINY]);
  assertEquals(code, 0, stderr);
  assertMatch(
    stdout,
    /^trying up to 100 learning rates from 1e-7 to 10: lenet at 28x28, batch size 2, SGD, seed 0$/m,
  );
  assertMatch(stdout, /^loss by learning rate$/m);
  assertMatch(stdout, /^ +\d\.\d+\|.*[\u2801-\u28ff]/m);
  assertMatch(stdout, /^ +1e-6 .+ 1e-3 /m);
  assertMatch(stdout, /^valley +\d\.\de[+-]\d {2}\S/m);
  assertMatch(stdout, /^steepest +\d\.\de[+-]\d {2}\S/m);
  assertMatch(stdout, /^minimum\/10 +\d\.\de[+-]\d {2}\S/m);
  assertMatch(stdout, /\ntrain with --learning-rate \d\.\de[+-]\d\n$/);
  assertMatch(
    stderr,
    /^step 10 of 100, learning rate 5\.3e-7, loss \d\.\d{4}$/m,
  );
});

Deno.test("lr-find --json prints one object and nothing else", async () => {
  const args = ["lr-find", ...TINY, "--optimizer", "adam", "--json"];
  const { code, stdout, stderr } = await runMain(args);
  assertEquals(code, 0, stderr);
  assertMatch(stdout, /^\{.+\}\n$/);
  const { points, isDiverged, suggestions } = JSON.parse(stdout);
  assert(isDiverged || points.length === 100);
  assertEquals([points[0].step, points[0].learningRate], [0, 1e-7]);
  for (const { loss, smoothedLoss } of points) {
    assert(loss > 0 && smoothedLoss > 0);
  }
  const rates = points.map((p: { learningRate: number }) => p.learningRate);
  assert(rates.includes(suggestions.valley), `${suggestions.valley}`);
  assert(rates.includes(suggestions.steepest), `${suggestions.steepest}`);
  assert(suggestions.minimum > 0, `${suggestions.minimum}`);
});
