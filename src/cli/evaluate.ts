/**
 * `evaluate CHECKPOINT`: loss and accuracy of saved weights on the test images.
 *
 * @module
 */

import { initBackend } from "../kernels/init.ts";
import { loadFashionMnist } from "../data/fashion_mnist.ts";
import { loadCheckpoint, restoreWeights } from "../io/checkpoint.ts";
import { evaluate as evaluateNetwork } from "../train/evaluate.ts";
import { useTuned } from "../train/tune.ts";
import { formatDevice } from "./console.ts";
import { buildNetwork } from "./network.ts";
import { UsageError } from "./option_kinds.ts";
import type { CommandLine } from "./options.ts";
import { ProgressView } from "./progress.ts";

/**
 * Runs the command.
 *
 * @param line The parsed command line.
 * @returns The exit code.
 * @throws {UsageError} If not exactly one checkpoint is named.
 */
export async function evaluate(
  { options, positional }: CommandLine,
): Promise<number> {
  if (positional.length !== 1) {
    throw new UsageError(
      "evaluate needs one CHECKPOINT: a file that `train --save FILE` wrote",
    );
  }
  const checkpoint = await loadCheckpoint(positional[0]);
  const { config } = checkpoint;
  const view = new ProgressView({
    noBars: options.progress === false,
    quiet: options.quiet,
  });
  try {
    const { test } = await loadFashionMnist({
      batchSize: options["batch-size"],
      testSamples: options["test-samples"],
      resize: config.imageSize === 28 ? undefined : config.imageSize,
      dataDir: options["data-dir"],
      offline: options.offline,
      source: options.source,
      onProgress: view.download,
    });
    view.stop();
    const onWarning = (message: string) => console.error(`warning: ${message}`);
    const backend = await initBackend({ device: options.device, onWarning });
    await useTuned({ onWarning });
    if (!options.quiet) console.log(`device: ${formatDevice(backend)}`);
    const net = buildNetwork(config);
    restoreWeights(net, checkpoint);
    const { loss, accuracy } = await evaluateNetwork(net, test, {
      onProgress: (e) => view.update(e),
    });
    view.stop();
    console.log(
      `${config.model}, ${test.numSamples} test images, loss ${
        loss.toFixed(4)
      }, test acc ${accuracy.toFixed(3)}`,
    );
    return 0;
  } finally {
    view.stop();
  }
}
