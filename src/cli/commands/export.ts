/**
 * `export CHECKPOINT`: writes a network for another program.
 *
 * @module
 */

import { exportModel } from "../../io/interchange/interchange.ts";
import { describeModel } from "../../io/network.ts";
import type { CommandLine } from "../command_line.ts";
import { readCheckpoint } from "../network.ts";
import { checkWritable, requireOne, UsageError } from "../usage.ts";

/** Runs the command; returns the exit code. */
export async function exportCheckpoint(
  { options, positional }: CommandLine,
): Promise<number> {
  const path = requireOne(
    positional,
    "export needs one CHECKPOINT: a file that `train --save FILE` wrote, or a folder that `train --out RUN` wrote",
  );
  const { format, layout, output } = options;
  if (format === undefined || output === undefined) {
    throw new UsageError("export needs --format and --output");
  }
  if (layout !== undefined && format !== "safetensors") {
    throw new UsageError(
      `Cannot use --layout with --format ${format}, which has one of its own`,
    );
  }
  if (format !== "tfjs") await checkWritable("--output", output);
  const checkpoint = await readCheckpoint(path);
  await exportModel(checkpoint, { format, layout, output });
  console.log(`wrote ${output}: ${describeModel(checkpoint.config)}`);
  return 0;
}
