/**
 * `report RUN`: writes a page about a run.
 *
 * @module
 */

import { writeReport } from "../../report/write_report.ts";
import type { CommandLine } from "../command_line.ts";
import { openDevice } from "../network.ts";
import { formatDevice } from "../terminal/console.ts";
import { ProgressView } from "../terminal/progress.ts";
import { checkWritable, requireOne } from "../usage.ts";

/** Runs the command; returns the exit code. */
export async function report(
  { options, positional }: CommandLine,
): Promise<number> {
  const run = requireOne(
    positional,
    "report needs one RUN: a folder that `train --out RUN` wrote",
  );
  const { output, quiet } = options;
  if (output !== undefined) await checkWritable("--output", output);
  const view = new ProgressView(options);
  try {
    const backend = await openDevice(options.device);
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
