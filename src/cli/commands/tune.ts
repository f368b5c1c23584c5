/** `tune`: finds the fastest kernels for a training step on this adapter, for later runs. */

import { initBackend } from "../../device/open.ts";
import { tune } from "../../train/tune.ts";
import { type CommandLine, warn } from "../command_line.ts";
import { buildNetwork, checkNetwork, configOf } from "../ingredients.ts";
import { recipeOf } from "../recipe.ts";
import { formatDevice, formatTuned } from "../terminal/console.ts";

/** Runs the command; returns the exit code. */
export async function tuneCommand({ options }: CommandLine): Promise<number> {
  const recipe = recipeOf(options);
  const { model, precision, "batch-size": batchSize } = recipe;
  checkNetwork(recipe);
  const backend = await initBackend({ device: "webgpu" });
  const say = (text: string) => options.quiet || console.log(text);
  say(`device: ${formatDevice(backend)}`);
  const half = precision === "float16" ? ", float16" : "";
  say(`tuning a step of ${model}, ${batchSize} images${half}`);
  const net = buildNetwork(configOf(recipe), recipe);
  const found = await tune(net, {
    batchSize,
    precision,
    onTuned: (tuned) => say(formatTuned(tuned)),
    onWarning: warn,
  });
  const faster = found.filter(({ way, usual }) => way !== usual).length;
  console.log(
    found.length === 0
      ? "everything had been measured before: `doctor` lists what was found"
      : `${found.length} operations measured, ${faster} of them in a faster way than usual from now on`,
  );
  return 0;
}
