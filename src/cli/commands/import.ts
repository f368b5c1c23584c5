/**
 * `import FILE`: makes a checkpoint of a network that another program wrote.
 *
 * @module
 */

import { writeCheckpoint } from "../../io/checkpoint.ts";
import { importModel } from "../../io/interchange/interchange.ts";
import { describeModel } from "../../io/network.ts";
import type { CommandLine } from "../command_line.ts";
import { checkWritable, requireOne, UsageError } from "../usage.ts";

/** Runs the command; returns the exit code. */
export async function importCheckpoint(
  { options, positional }: CommandLine,
): Promise<number> {
  const path = requireOne(
    positional,
    "import needs one FILE: safetensors, or model.json of TensorFlow.js",
  );
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
  const checkpoint = await importModel(path, {
    format,
    model,
    imageSize: resize,
  });
  await writeCheckpoint(output, checkpoint);
  console.log(`wrote ${output}: ${describeModel(checkpoint.config)}`);
  return 0;
}
