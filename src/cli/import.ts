/**
 * `import FILE`: makes a checkpoint of a network that another program wrote.
 *
 * @module
 */

import { writeCheckpoint } from "../io/checkpoint.ts";
import { importModel } from "../io/interchange/interchange.ts";
import { describeModel } from "../io/model_config.ts";
import { UsageError } from "./option_kinds.ts";
import type { CommandLine } from "./options.ts";
import { checkWritable } from "./output_file.ts";

/**
 * Runs the command.
 *
 * @param line The parsed command line.
 * @returns The exit code.
 * @throws {UsageError} If not exactly one file is named, or an option is missing or is for `export` only.
 */
export async function importCheckpoint(
  { options, positional }: CommandLine,
): Promise<number> {
  if (positional.length !== 1) {
    throw new UsageError(
      "import needs one FILE: safetensors, or model.json of TensorFlow.js",
    );
  }
  const { format, model, resize, output } = options;
  if (format === undefined || output === undefined) {
    throw new UsageError("import needs --format and --output");
  }
  if (format === "onnx") {
    throw new UsageError(
      "Cannot import --format onnx: only safetensors and tfjs can be read",
    );
  }
  await checkWritable("--output", output);
  const checkpoint = await importModel(positional[0], {
    format,
    model,
    imageSize: resize,
  });
  await writeCheckpoint(output, checkpoint);
  console.log(`wrote ${output}: ${describeModel(checkpoint.config)}`);
  return 0;
}
