/** Tests of when the trainer waits for the device. */

import { assertEquals } from "@std/assert";
import { Pacer } from "../../src/train/metrics.ts";
import { type Clock, pretendTime } from "../environment.ts";

/** Steps until the pacer is due, 1,000 at most, each of which takes so long. */
function countSteps(pacer: Pacer, clock: Clock, ms: number): number {
  for (let steps = 1; steps < 1000; steps++) {
    clock.ms += ms;
    if (pacer.step()) return steps;
  }
  return 1000;
}

Deno.test("Pacer waits after the first step, then after 64 at most when steps are fast", () => {
  using clock = pretendTime();
  const pacer = new Pacer();
  assertEquals(countSteps(pacer, clock, 1), 1);
  pacer.caughtUp();
  assertEquals(countSteps(pacer, clock, 1), 64);
  // Until the device has caught up, it stays due.
  assertEquals(countSteps(pacer, clock, 1), 1);
  pacer.caughtUp();
  assertEquals(countSteps(pacer, clock, 1), 64);
});

Deno.test("Pacer waits after as many steps as took a second", () => {
  using clock = pretendTime();
  const pacer = new Pacer();
  assertEquals(countSteps(pacer, clock, 200), 1);
  pacer.caughtUp();
  assertEquals(countSteps(pacer, clock, 50), 5);
  pacer.caughtUp();
  assertEquals(countSteps(pacer, clock, 3000), 20);
  pacer.caughtUp();
  assertEquals(countSteps(pacer, clock, 3000), 1);
});
