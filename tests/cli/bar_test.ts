/**
 * Tests of bars as lines of text.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { type Bar, formatBar } from "../../src/cli/bar.ts";

const BAR: Bar = {
  title: "epoch 3",
  done: 30,
  total: 40,
  details: [
    "loss 0.5000, acc 0.812, 170 images/s, 12 s left",
    "loss 0.5000, acc 0.812, 12 s left",
    "loss 0.5000, 12 s left",
    "12 s left",
  ],
};

Deno.test("formatBar() writes as much as there is room for", () => {
  const write = (columns: number) => formatBar(BAR, columns);
  assertEquals(
    write(200),
    "epoch 3 [==================------]  75% loss 0.5000, acc 0.812, 170 images/s, 12 s left",
  );
  assertEquals(
    write(79),
    "epoch 3 [============----]  75% loss 0.5000, acc 0.812, 170 images/s, 12 s left",
  );
  assertEquals(write(39), "epoch 3 [===========---]  75% 12 s left");
  assertEquals(write(20), "epoch 3 [======--]  75%");
  for (let columns = 24; columns < 120; columns++) {
    assert(write(columns).length <= columns, `${columns}`);
  }
});

Deno.test("formatBar() is full at the end only", () => {
  const write = (done: number, total: number) =>
    formatBar({ title: "a", done, total, details: [] }, 80);
  assertEquals(write(0, 1000), `a [${"-".repeat(24)}]   0%`);
  assertEquals(write(999, 1000).slice(-5), "]  99%".slice(-5));
  for (const [done, total] of [[1000, 1000], [1001, 1000], [0, 0]]) {
    assertEquals(write(done, total), `a [${"=".repeat(24)}] 100%`);
  }
});

Deno.test("formatBar() counts where the end is unknown", () => {
  const bar = { ...BAR, total: undefined };
  assertEquals(formatBar(bar, 80), `epoch 3, 30: ${BAR.details[0]}`);
  assertEquals(formatBar(bar, 40), `epoch 3, 30: ${BAR.details[2]}`);
  assertEquals(formatBar(bar, 10), `epoch 3, 30: ${BAR.details[3]}`);
});
