/**
 * Tests of the order of samples.
 *
 * @module
 */

import { assertEquals, assertNotEquals } from "@std/assert";
import { epochOrder } from "../../src/data/sampler.ts";

Deno.test("epochOrder() counts when it does not shuffle", () => {
  const order = epochOrder(4, { seed: 1, epoch: 2, shuffle: false });
  assertEquals([...order], [0, 1, 2, 3]);
});

Deno.test("epochOrder() visits every sample once", () => {
  const order = epochOrder(1000, { seed: 1, epoch: 0, shuffle: true });
  assertNotEquals([...order], [...order].sort((a, b) => a - b));
  assertEquals([...order.sort()], Array.from({ length: 1000 }, (_, i) => i));
});

Deno.test("epochOrder() depends on seed and epoch alone", () => {
  const order = (seed: number, epoch: number): number[] => [
    ...epochOrder(100, { seed, epoch, shuffle: true }),
  ];
  assertEquals(order(1, 0), order(1, 0));
  assertNotEquals(order(1, 0), order(2, 0));
  assertNotEquals(order(1, 0), order(1, 1));
});
