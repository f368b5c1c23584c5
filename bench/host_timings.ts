/**
 * Times libraries that compute on the CPU, while the caller waits, and prints their rates after `deno bench`'s own table.
 *
 * @module
 */

import { median } from "./measure.ts";
import { formatRates } from "./report.ts";
import type { Ceiling } from "./roofline.ts";

/** Something to run on the CPU, and how much it does. */
export type HostTiming = Ceiling & {
  /** Group in Deno's table. */
  readonly group: string;
  /** Sizes, for Deno's table. */
  readonly sizes: string;
  /** How it was computed, once it has run, in the library's words; empty where it does not say. */
  readonly implementation?: () => string;
};

/** How often to run each; the median counts. */
const ITERATIONS = 5;

/**
 * Registers timings, which together are a training step or a part of it.
 *
 * @param title What computes, for the table.
 * @param timings What to time.
 * @param images Images of the step.
 */
export function registerHostTimings(
  title: string,
  timings: readonly HostTiming[],
  images: number,
): void {
  const rows = timings.map((timing) => ({ timing, times: [] as number[] }));
  for (const { timing: { name, sizes, group, run }, times } of rows) {
    Deno.bench({
      ...{ name: `${name}, ${sizes}`, group, n: ITERATIONS, warmup: 1 },
      fn() {
        const start = performance.now();
        run();
        times.push(performance.now() - start);
      },
    });
  }
  globalThis.addEventListener("unload", () => {
    const measured = rows.filter(({ times }) => times.length > 0)
      .map(({ timing, times }) => ({
        timing,
        ms: median(times.slice(-ITERATIONS)),
      }));
    if (measured.length === 0) return;
    const lines = measured.map(({ timing, ms }) =>
      [formatRates(timing, ms), timing.implementation?.()]
        .filter(Boolean).join("  ")
    );
    if (measured.length === rows.length && rows.length > 1) {
      const ms = measured.reduce((sum, { ms }) => sum + ms, 0);
      lines.push(formatRates(_sum(timings, images), ms));
    }
    console.error(["", `${title}, ${images} images`, ...lines].join("\n"));
  });
}

/** Operations and bytes are added up where every timing counts them. */
function _sum(timings: readonly HostTiming[], images: number): Ceiling {
  const total = (amounts: readonly (number | undefined)[]) =>
    amounts.reduce((sum, amount) =>
      sum === undefined || amount === undefined ? undefined : sum + amount
    );
  return {
    name: `sum of the ${timings.length}`,
    gflop: total(timings.map(({ gflop }) => gflop)),
    gigabytes: total(timings.map(({ gigabytes }) => gigabytes)),
    images,
    run() {},
  };
}
