/**
 * `evaluate CHECKPOINT`: loss and accuracy of saved weights on the test images, and which classes they confuse.
 *
 * @module
 */

import { loadFashionMnist } from "../data/fashion_mnist/fashion_mnist.ts";
import { MANIFEST } from "../data/fashion_mnist/manifest.ts";
import type { ModelConfig } from "../io/checkpoint.ts";
import { checkClasses } from "../io/model_config.ts";
import {
  classMetrics,
  confusionMatrix,
  evaluatePredictions,
  type Predictions,
} from "../train/confusion.ts";
import { formatClassMetrics, formatConfusion } from "./class_tables.ts";
import { formatDevice } from "./console.ts";
import { classNamesOf, openNetwork, readCheckpoint } from "./open_network.ts";
import { UsageError } from "./option_kinds.ts";
import type { CommandLine } from "./options.ts";
import { ProgressView } from "./progress.ts";

/**
 * Runs the command.
 *
 * @param line The parsed command line.
 * @returns The exit code.
 * @throws {UsageError} If not exactly one checkpoint is named.
 * @throws {DataError} If it cannot be used on this data.
 */
export async function evaluate(
  { options, positional }: CommandLine,
): Promise<number> {
  if (positional.length !== 1) {
    throw new UsageError(
      "evaluate needs one CHECKPOINT: a file that `train --save FILE` wrote, or a run folder",
    );
  }
  const checkpoint = await readCheckpoint(positional[0]);
  const { config } = checkpoint;
  checkClasses(checkpoint, MANIFEST.classNames.length);
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
    const { net, backend } = await openNetwork(checkpoint, options);
    if (!options.quiet && !options.json) {
      console.log(`device: ${formatDevice(backend)}`);
    }
    const predictions = await evaluatePredictions(net, test, {
      onProgress: (e) => view.update(e),
    });
    view.stop();
    const print = options.json ? _printJson : _print;
    print({ config, predictions }, { quiet: options.quiet });
    return 0;
  } finally {
    view.stop();
  }
}

/** What was measured. */
interface Evaluation {
  readonly config: ModelConfig;
  readonly predictions: Predictions;
}

function _print(
  { config, predictions }: Evaluation,
  { quiet }: { quiet?: boolean },
): void {
  const { loss, accuracy, labels } = predictions;
  console.log(
    `${config.model}, ${labels.length} test images, loss ${
      loss.toFixed(4)
    }, test acc ${accuracy.toFixed(3)}`,
  );
  if (quiet) return;
  const names = classNamesOf(config);
  const matrix = confusionMatrix(predictions, config.classes);
  console.log(`\n${formatClassMetrics(classMetrics(matrix), names)}`);
  console.log(
    `\nimages of each class by predicted class\n${
      formatConfusion(matrix, names)
    }`,
  );
}

function _printJson({ config, predictions }: Evaluation): void {
  const { loss, accuracy, labels } = predictions;
  const names = classNamesOf(config);
  const matrix = confusionMatrix(predictions, config.classes);
  console.log(JSON.stringify({
    ...{ model: config.model, images: labels.length, loss, accuracy },
    classes: classMetrics(matrix).map((metrics, label) => ({
      label,
      class: names[label],
      ...metrics,
    })),
    confusionMatrix: matrix,
  }));
}
