/**
 * `export CHECKPOINT`: writes a network for another program.
 *
 * @module
 */

import { loadCheckpoint } from "../io/checkpoint.ts";
import { exportModel } from "../io/interchange/interchange.ts";
import { describeModel } from "../io/model_config.ts";
import { findCheckpoint } from "../runs/run_files.ts";
import { UsageError } from "./option_kinds.ts";
import type { CommandLine } from "./options.ts";
import { checkWritable } from "./output_file.ts";

/**
 * Runs the command.
 *
 * @param line The parsed command line.
 * @returns The exit code.
 * @throws {UsageError} If not exactly one checkpoint is named, or an option is missing or does not go with another.
 */
export async function exportCheckpoint(
  { options, positional }: CommandLine,
): Promise<number> {
  if (positional.length !== 1) {
    throw new UsageError(
      "export needs one CHECKPOINT: a file that `train --save FILE` wrote, or a folder that `train --out RUN` wrote",
    );
  }
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
  const checkpoint = await loadCheckpoint(await findCheckpoint(positional[0]));
  await exportModel(checkpoint, { format, layout, output });
  console.log(`wrote ${output}: ${describeModel(checkpoint.config)}`);
  return 0;
}
