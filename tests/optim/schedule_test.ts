/** Tests of learning-rate schedules against what PyTorch's were recorded to give. */

import { assertEquals, assertThrows } from "@std/assert";
import { OptionError } from "../../src/errors.ts";
import {
  constantRate,
  cosineRate,
  oneCycleRate,
  type Schedule,
  stepRate,
  warmup,
} from "../../src/optim/schedule.ts";
import { assertClose } from "../compare.ts";
import { listOf, RECORD } from "./golden.ts";

const { learningRate } = RECORD;

/** The schedules by their names in the record. */
const MAKERS: Readonly<
  // deno-lint-ignore no-explicit-any -- options come from the record
  Record<string, (options: any) => Schedule>
> = {
  "constant": constantRate,
  "step": stepRate,
  "cosine": cosineRate,
  "one-cycle": oneCycleRate,
};

for (const { kind, options, warmup: warm, rates } of RECORD.schedules) {
  const what = `${kind} with ${JSON.stringify({ ...options, warmup: warm })}`;
  Deno.test(`${what} is PyTorch's`, () => {
    const inner = MAKERS[kind]({ learningRate, ...options });
    const schedule = warm === null ? inner : warmup(inner, warm);
    const expected = listOf(rates);
    const actual = expected.map((_, step) => schedule.rateAt(step));
    // A cosine of pi leaves 1e-17 of 0.
    assertClose(actual, expected, { relative: 1e-6, absolute: 1e-15 });
  });
}

Deno.test("cosineRate() and oneCycleRate() stay at their last rate", () => {
  const cosine = cosineRate({ learningRate, steps: 10, etaMin: 0.02 });
  assertEquals([10, 11, 25].map(cosine.rateAt), [0.02, 0.02, 0.02]);
  const cycle = oneCycleRate({ learningRate, steps: 10 });
  const last = learningRate / 25 / 1e4;
  assertEquals([9, 10, 25].map(cycle.rateAt), [last, last, last]);
});

Deno.test("oneCycleRate() takes cycles that only rise, only fall, or are one step", () => {
  const rising = oneCycleRate({ learningRate, steps: 5, pctStart: 1 });
  assertClose([rising.rateAt(0)], [learningRate / 25], { relative: 1e-12 });
  assertEquals(rising.rateAt(3) < learningRate, true);
  const falling = oneCycleRate({ learningRate, steps: 10, pctStart: 0.1 });
  assertEquals(falling.rateAt(0), learningRate);
  for (
    const rate of [0, 1].map(oneCycleRate({ learningRate, steps: 1 }).rateAt)
  ) {
    assertEquals(rate > 0 && rate <= learningRate, true);
  }
});

Deno.test("schedules describe themselves", () => {
  const descriptions = [
    constantRate({ learningRate }),
    stepRate({ learningRate, stepSize: 7 }),
    cosineRate({ learningRate, steps: 9 }),
    warmup(oneCycleRate({ learningRate, steps: 9 }), { steps: 2 }),
  ].map(({ description }) => description);
  assertEquals(descriptions, [
    "constant 0.3",
    "from 0.3, times 0.1 every 7 steps",
    "cosine from 0.3 to 0 over 9 steps",
    "one cycle up to 0.3 over 9 steps, warmed up over 2 steps",
  ]);
});

const constant = constantRate({ learningRate });
const REFUSED: [option: string, make: () => Schedule][] = [
  ["learningRate", () => constantRate({ learningRate: 0 })],
  ["learningRate", () => stepRate({ learningRate: NaN, stepSize: 1 })],
  ["stepSize", () => stepRate({ learningRate, stepSize: 0 })],
  ["gamma", () => stepRate({ learningRate, stepSize: 1, gamma: 1.1 })],
  ["steps", () => cosineRate({ learningRate, steps: 1.5 })],
  ["etaMin", () => cosineRate({ learningRate, steps: 1, etaMin: 0.4 })],
  ["pctStart", () => oneCycleRate({ learningRate, steps: 1, pctStart: 2 })],
  ["divFactor", () => oneCycleRate({ learningRate, steps: 1, divFactor: 0.5 })],
  [
    "finalDivFactor",
    () => oneCycleRate({ learningRate, steps: 1, finalDivFactor: 0 }),
  ],
  ["steps", () => warmup(constant, { steps: 0 })],
  ["startFactor", () => warmup(constant, { steps: 1, startFactor: 0 })],
];
for (const [i, [option, make]] of REFUSED.entries()) {
  Deno.test(`schedules refuse a ${option} out of its range (${i})`, () => {
    assertEquals(assertThrows(make, OptionError).option, option);
  });
}
