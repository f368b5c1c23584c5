/**
 * `report RUN`: writes a page about a run.
 *
 * @module
 */

import { initBackend } from "../device/open.ts";
import { writeReport } from "../report/write_report.ts";
import { useTuned } from "../train/tune.ts";
import { formatDevice } from "./console.ts";
import { UsageError } from "./option_kinds.ts";
import type { CommandLine } from "./options.ts";
import { checkWritable } from "./output_file.ts";
import { ProgressView } from "./progress.ts";

/**
 * Runs the command.
 *
 * @param line The parsed command line.
 * @returns The exit code.
 * @throws {UsageError} If not exactly one run is named, or the page cannot be written where it is to be.
 */
export async function report(
  { options, positional }: CommandLine,
): Promise<number> {
  if (positional.length !== 1) {
    throw new UsageError(
      "report needs one RUN: a folder that `train --out RUN` wrote",
    );
  }
  const [run] = positional;
  const { output, quiet } = options;
  if (output !== undefined) await checkWritable("--output", output);
  const view = new ProgressView({ noBars: options.progress === false, quiet });
  try {
    const onWarning = (message: string) => console.error(`warning: ${message}`);
    const backend = await initBackend({ device: options.device, onWarning });
    await useTuned({ onWarning });
    if (!quiet) console.log(`device: ${formatDevice(backend)}`);
    const path = await writeReport(run, {
      output,
      dataDir: options["data-dir"],
      offline: options.offline,
      onDownload: view.download,
      onProgress: (e) => view.update(e),
    });
    view.stop();
    console.log(`wrote ${path}`);
    return 0;
  } finally {
    view.stop();
  }
}
