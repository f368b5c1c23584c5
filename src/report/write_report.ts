/**
 * Makes the report of a run and writes it.
 *
 * @module
 */

import { basename, join, resolve } from "node:path";
import { DataError } from "../errors.ts";
import { summarize } from "../nn/summary.ts";
import { readRun } from "../runs/read_run.ts";
import { evaluateRun, type EvaluationOptions, layersOf } from "./evaluation.ts";

/** Options of {@linkcode writeReport}. */
export interface ReportOptions extends EvaluationOptions {
  /** Where to write the page. Default: `report.html` in the run folder. */
  output?: string;
}

/**
 * Writes a page about a run: how it learned, what it confuses, its worst mistakes, its filters, and its configuration. The
 * page is one HTML file that needs neither network nor scripts.
 *
 * The best checkpoint of the run, or the last if there is no best, is evaluated on the device in use. A run without a
 * checkpoint has a page without what only the network can say.
 *
 * @example
 * ```ts
 * import { initBackend, writeReport } from "@x/alexnet";
 *
 * await initBackend();
 * console.log(`wrote ${await writeReport("runs/lenet")}`);
 * ```
 *
 * @param run The run folder.
 * @param options Where to write, where the data is, and how to report progress.
 * @returns Path of the page.
 * @throws {DataError} If the run folder or the data set cannot be used, or the page cannot be written.
 * @throws {BackendError} If the device fails.
 */
export async function writeReport(
  run: string,
  options: ReportOptions = {},
): Promise<string> {
  const { output = join(run, "report.html"), ...evaluation } = options;
  // What draws is of no use to anybody else who imports this package.
  const { openCharts } = await import("./charts.ts");
  const { renderPage } = await import("./page.ts");
  const records = await readRun(run);
  const { layers, inputShape } = layersOf(records.config.model);
  const page = renderPage({
    ...records,
    name: basename(resolve(run)),
    layers: summarize(layers, inputShape),
    evaluation: await evaluateRun(run, records.config, evaluation),
    draw: await openCharts(),
  });
  await _write(output, page);
  return output;
}

/** Writes a file whole or not at all, whenever the machine stops. */
async function _write(path: string, text: string): Promise<void> {
  const part = `${path}.part`;
  try {
    await Deno.writeTextFile(part, text);
    await _sync(part);
    await Deno.rename(part, path);
  } catch (error) {
    await Deno.remove(part).catch(() => {});
    const reason = error instanceof Error ? error.message : String(error);
    throw new DataError(path, `Cannot write ${path}: ${reason}`);
  }
}

/** Waits until the file is on the disk. */
async function _sync(path: string): Promise<void> {
  using file = await Deno.open(path, { write: true });
  await file.sync();
}
