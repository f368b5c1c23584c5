import { assertEquals } from "@std/assert";
import { median } from "../../bench/measure.ts";
import { formatRates } from "../../bench/report.ts";

Deno.test("median() is the middle one, or the mean of both", () => {
  assertEquals(median([30, 1, 2]), 2);
  assertEquals(median([10, 1, 2, 3]), 2.5);
});

Deno.test("formatRates() divides what was done by the time", () => {
  const work = { name: "step", images: 128, gflop: 713 };
  const parts = formatRates(work, 2000).split(/ {2,}/);
  assertEquals(parts, ["step", "2000 ms", "64.0 images/s", "357 GFLOP/s"]);
});

Deno.test("formatRates() compares with what the adapter can do", () => {
  const roofline = { fma: 40, product: 20, copy: 2 };
  const work = { name: "a", gflop: 10, gigabytes: 0.5 };
  const line = formatRates(work, 1000, roofline);
  assertEquals(
    line.split(/ {2,}/).slice(2).join(" "),
    "10.0 GFLOP/s 50% of the best product 25% of multiply-adds 0.500 GB/s 25% of a copy",
  );
});
