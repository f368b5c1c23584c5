/**
 * `export CHECKPOINT` writes a network for another program, `import FILE` makes a checkpoint of what another program wrote.
 */

import { writeCheckpoint } from "../../io/checkpoint.ts";
import { exportModel, importModel } from "../../io/interchange/interchange.ts";
import { describeModel } from "../../io/network.ts";
import { checkWritable, type CommandLine } from "../command_line.ts";
import { readCheckpoint } from "../ingredients.ts";
import { UsageError } from "../options.ts";

/** Runs `export`; returns the exit code. */
export async function exportCheckpoint(
  { options, positional }: CommandLine,
): Promise<number> {
  const [path] = positional;
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

/** Runs `import`; returns the exit code. */
export async function importCheckpoint(
  { options, positional }: CommandLine,
): Promise<number> {
  const [path] = positional;
  const { format, model, resize: imageSize, output } = options;
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
    ...{ format, model, imageSize },
    onAssumption: (assumption) => console.log(`note: ${assumption}`),
  });
  await writeCheckpoint(output, checkpoint);
  console.log(`wrote ${output}: ${describeModel(checkpoint.config)}`);
  return 0;
}
