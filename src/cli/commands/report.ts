/** `report RUN`: writes a page about a run. */

import { writeReport } from "../../report/write_report.ts";
import { checkWritable, type CommandLine } from "../command_line.ts";
import { openTuned } from "../ingredients.ts";
import { formatDevice } from "../terminal/console.ts";
import { ProgressView } from "../terminal/progress.ts";

/** Runs the command; returns the exit code. */
export async function report(
  { options, positional }: CommandLine,
): Promise<number> {
  const [run] = positional;
  const { output, quiet } = options;
  if (output !== undefined) await checkWritable("--output", output);
  using view = new ProgressView(options);
  const backend = await openTuned(options.device);
  if (!quiet) console.log(`device: ${formatDevice(backend)}`);
  const path = await writeReport(run, {
    output,
    dataDir: options["data-dir"],
    offline: options.offline,
    onDownload: view.download,
    onProgress: view.update,
  });
  view.stop();
  console.log(`wrote ${path}`);
  return 0;
}
