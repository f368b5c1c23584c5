/**
 * Tests of when the trainer waits for the device.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { Pacer } from "../../src/train/pacer.ts";

/** Steps until the pacer is due, 1,000 at most. */
function countSteps(pacer: Pacer): number {
  for (let steps = 1; steps < 1000; steps++) {
    if (pacer.step()) return steps;
  }
  return 1000;
}

Deno.test("Pacer waits after the first step, then after 64 at most when steps are fast", () => {
  const pacer = new Pacer();
  assertEquals(countSteps(pacer), 1);
  pacer.caughtUp();
  assertEquals(countSteps(pacer), 64);
  // Until the device has caught up, it stays due.
  assertEquals(countSteps(pacer), 1);
  pacer.caughtUp();
  assertEquals(countSteps(pacer), 64);
});

Deno.test("Pacer waits after as many steps as took a second", async () => {
  const pacer = new Pacer();
  assertEquals(countSteps(pacer), 1);
  await new Promise((resolve) => setTimeout(resolve, 200));
  pacer.caughtUp();
  const steps = countSteps(pacer);
  // 200 ms a step, or more where the machine was busy.
  assert(steps >= 1 && steps <= 5, `${steps} steps`);
});
