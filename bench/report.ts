/**
 * Registers timings with `deno bench` and prints their rates after Deno's own table.
 *
 * @module
 */

import { countRepeats, median, timeRuns } from "./measure.ts";
import type { Ceiling, Roofline } from "./roofline.ts";

/** A timing: something to run on the device, and how much it does. */
export type Timing = Ceiling & {
  /** Group in Deno's table. */
  readonly group: string;
};

interface Row extends Timing {
  readonly times: number[];
}

/**
 * Registers timings. Each iteration runs its work as often as its name says ("x8") and waits for the device; the table
 * that follows Deno's, on standard error, shows the median time of one run and its rates.
 *
 * @param timings What to time.
 * @param options Number of iterations (default 5), and what the rates are shares of.
 */
export async function registerTimings(
  timings: readonly Timing[],
  options: { iterations?: number; roofline?: Roofline } = {},
): Promise<void> {
  const { iterations = 5, roofline } = options;
  const rows: Row[] = [];
  for (const timing of timings) {
    const row = { ...timing, times: [] as number[] };
    rows.push(row);
    const repeats = await countRepeats(timing.run);
    Deno.bench({
      name: repeats > 1 ? `${timing.name} x${repeats}` : timing.name,
      group: timing.group,
      n: iterations,
      async fn(b) {
        b.start();
        row.times.push(await timeRuns(timing.run, repeats));
        b.end();
      },
    });
  }
  globalThis.addEventListener("unload", () => {
    const lines = rows.filter((row) => row.times.length > 0)
      .map((row) => formatRates(row, median(row.times), roofline));
    if (lines.length > 0) console.error(["", ...lines].join("\n"));
  });
}

/**
 * Formats what a run reached.
 *
 * @param work Its name and how much it does.
 * @param ms Milliseconds of one run.
 * @param roofline What its rates are shares of.
 * @returns A line.
 */
export function formatRates(
  work: Ceiling,
  ms: number,
  roofline?: Roofline,
): string {
  const parts = [work.name.padEnd(36), `${digits(ms)} ms`.padStart(11)];
  if (work.images !== undefined) {
    parts.push(`${digits(work.images / ms * 1000)} images/s`.padStart(14));
  }
  if (work.gflop !== undefined) {
    const rate = work.gflop / ms * 1000;
    parts.push(`${digits(rate)} GFLOP/s`.padStart(16));
    if (roofline) {
      parts.push(
        `${percent(rate / roofline.product)} of the best product,`,
        `${percent(rate / roofline.fma)} of multiply-adds`,
      );
    }
  }
  if (work.gigabytes !== undefined) {
    const rate = work.gigabytes / ms * 1000;
    parts.push(`${digits(rate)} GB/s`.padStart(13));
    if (roofline) parts.push(`${percent(rate / roofline.copy)} of a copy`);
  }
  return parts.join("  ");
}

function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)}%`.padStart(4);
}
