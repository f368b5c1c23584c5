/** Makes the report of a run and writes it. */

import { isFashionMnist } from "../data/fashion_mnist/manifest.ts";
import { writeAtomically } from "../io/files.ts";
import { layersOf, namedNetwork } from "../io/network.ts";
import { summarize } from "../nn/sequential.ts";
import { host } from "../platform/host.ts";
import { readRun } from "../runs/read_run.ts";
import { evaluateRun, type EvaluationOptions, readBest } from "./evaluation.ts";

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
 * checkpoint, or on other data than Fashion-MNIST, has a page without what only the network can say.
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
  const { output = host.join(run, "report.html"), ...evaluation } = options;
  // The code that draws is loaded only when a report is written.
  const { renderPage } = await import("./page.ts");
  const records = await readRun(run);
  const { config } = records;
  const checkpoint = await readBest(run, config);
  const isKnown = checkpoint !== undefined || config.model.model !== "own";
  const { layers, inputShape } = isKnown
    ? layersOf(checkpoint?.network ?? namedNetwork(config.model))
    : { layers: [], inputShape: [] };
  const page = renderPage({
    ...records,
    name: host.nameOf(run),
    layers: summarize(layers, inputShape),
    evaluation: checkpoint && isFashionMnist(config.data)
      ? await evaluateRun(checkpoint, config, evaluation)
      : undefined,
  });
  await writeAtomically(output, page);
  return output;
}
