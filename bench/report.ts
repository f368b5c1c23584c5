/** Registers timings with `deno bench` and prints their rates after Deno's own table, on standard error. */

import { countRepeats, median, timeRuns } from "./measure.ts";
import type { Roofline } from "./roofline.ts";

/** What is done in the time that is measured. */
interface Work {
  readonly name: string;
  /** 10^9 floating-point operations, a multiply-add counting as two. */
  readonly gflop?: number;
  /** 10^9 bytes read and written. */
  readonly gigabytes?: number;
  /** Images, where it is a step of training. */
  readonly images?: number;
}

/** Something to run. */
export interface Timing extends Work {
  /** Group in Deno's table. */
  readonly group: string;
  /** Computes on the CPU, or records work for the WebGPU device. */
  readonly run: () => void;
}

/** Something to run on the CPU. */
export interface HostTiming extends Timing {
  /** Sizes, for Deno's table. */
  readonly sizes: string;
  /** How it was computed, once it has run, in the library's words; empty where it does not say. */
  readonly implementation?: () => string;
}

/** How often to run each; the median counts. */
const ITERATIONS = 5;

/**
 * Registers timings on the WebGPU device. Each iteration runs its work as often as its name says ("x8") and waits for the
 * device; what is printed is the median time of one run and its rates, as shares of the roofline.
 */
export async function registerTimings(
  timings: readonly Timing[],
  roofline: Roofline,
): Promise<void> {
  const rows: { timing: Timing; times: number[] }[] = [];
  for (const timing of timings) {
    const times: number[] = [];
    rows.push({ timing, times });
    const repeats = await countRepeats(timing.run);
    Deno.bench({
      name: repeats > 1 ? `${timing.name} x${repeats}` : timing.name,
      group: timing.group,
      n: ITERATIONS,
      async fn(b) {
        b.start();
        times.push(await timeRuns(timing.run, repeats));
        b.end();
      },
    });
  }
  globalThis.addEventListener("unload", () => {
    const lines = rows.filter(({ times }) => times.length > 0)
      .map(({ timing, times }) => formatRates(timing, median(times), roofline));
    if (lines.length > 0) console.error(["", ...lines].join("\n"));
  });
}

/** Registers timings on the CPU, which together are a training step of so many images or a part of it. */
export function registerHostTimings(
  title: string,
  timings: readonly HostTiming[],
  images: number,
): void {
  const rows = timings.map((timing) => ({ timing, times: [] as number[] }));
  for (const { timing: { name, sizes, group, run }, times } of rows) {
    Deno.bench({
      name: `${name}, ${sizes}`,
      group,
      n: ITERATIONS,
      warmup: 1,
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
      lines.push(formatRates(sumOf(timings, images), ms));
    }
    console.error(["", `${title}, ${images} images`, ...lines].join("\n"));
  });
}

/** Adds up operations and bytes where every timing counts them. */
function sumOf(timings: readonly Work[], images: number): Work {
  const total = (amounts: readonly (number | undefined)[]) =>
    amounts.reduce((sum, amount) =>
      sum === undefined || amount === undefined ? undefined : sum + amount
    );
  return {
    name: `sum of the ${timings.length}`,
    gflop: total(timings.map(({ gflop }) => gflop)),
    gigabytes: total(timings.map(({ gigabytes }) => gigabytes)),
    images,
  };
}

/** Formats how fast a run was, also as shares of those ceilings that are known. */
export function formatRates(
  work: Work,
  ms: number,
  { product, fma, copy }: Partial<Roofline> = {},
): string {
  const parts = [work.name.padEnd(36), `${digits(ms)} ms`.padStart(11)];
  if (work.images !== undefined) {
    parts.push(`${digits(work.images / ms * 1000)} images/s`.padStart(14));
  }
  if (work.gflop !== undefined) {
    const rate = work.gflop / ms * 1000;
    parts.push(`${digits(rate)} GFLOP/s`.padStart(16));
    if (product) parts.push(`${percent(rate / product)} of the best product`);
    if (fma) parts.push(`${percent(rate / fma)} of multiply-adds`);
  }
  if (work.gigabytes !== undefined) {
    const rate = work.gigabytes / ms * 1000;
    parts.push(`${digits(rate)} GB/s`.padStart(13));
    if (copy) parts.push(`${percent(rate / copy)} of a copy`);
  }
  return parts.join("  ");
}

function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)}%`.padStart(4);
}
