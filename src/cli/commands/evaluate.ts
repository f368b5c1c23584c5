/**
 * `evaluate CHECKPOINT`: loss and accuracy of saved weights on the test images, and which classes they confuse.
 *
 * @module
 */

import { MANIFEST } from "../../data/fashion_mnist/manifest.ts";
import type { ModelConfig } from "../../io/checkpoint.ts";
import { requireFashionMnist } from "../../io/checkpoint.ts";
import { makeTransform, networkIn, onFashionMnist } from "../../io/network.ts";
import {
  classMetrics,
  confusionMatrix,
  evaluatePredictions,
  type Predictions,
} from "../../train/predictions.ts";
import type { CommandLine } from "../command_line.ts";
import { loadData } from "../load_data.ts";
import { openNetwork, readCheckpoint } from "../network.ts";
import {
  formatClassMetrics,
  formatConfusion,
  formatDevice,
} from "../terminal/console.ts";
import { ProgressView } from "../terminal/progress.ts";
import { requireOne, warn } from "../usage.ts";

/** Runs the command; returns the exit code. */
export async function evaluate(
  { options, positional }: CommandLine,
): Promise<number> {
  const path = requireOne(
    positional,
    "evaluate needs one CHECKPOINT: a file that `train --save FILE` wrote, or a run folder",
  );
  const checkpoint = await readCheckpoint(path);
  const { config } = checkpoint;
  requireFashionMnist(checkpoint);
  const network = networkIn(checkpoint);
  if (network.classNames === undefined) {
    warn(
      `${path} does not say its classes: they are taken for those of Fashion-MNIST`,
    );
  }
  const { transform } = { ...onFashionMnist(network), ...network };
  const view = new ProgressView(options);
  try {
    const { test } = await loadData(options, view, {
      transforms: transform && makeTransform(transform),
    });
    const { net, backend } = await openNetwork(checkpoint, options);
    if (!options.quiet && !options.json) {
      console.log(`device: ${formatDevice(backend)}`);
    }
    const predictions = await evaluatePredictions(net, test, {
      onProgress: (e) => view.update(e),
    });
    view.stop();
    const print = options.json ? printJson : printTables;
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

function printTables(
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
  const names = MANIFEST.classNames;
  const matrix = confusionMatrix(predictions, config.classes);
  console.log(`\n${formatClassMetrics(classMetrics(matrix), names)}`);
  console.log(
    `\nimages of each class by predicted class\n${
      formatConfusion(matrix, names)
    }`,
  );
}

function printJson({ config, predictions }: Evaluation): void {
  const { loss, accuracy, labels } = predictions;
  const names = MANIFEST.classNames;
  const matrix = confusionMatrix(predictions, config.classes);
  console.log(JSON.stringify({
    model: config.model,
    images: labels.length,
    loss,
    accuracy,
    classes: classMetrics(matrix).map((metrics, label) => ({
      label,
      class: names[label],
      ...metrics,
    })),
    confusionMatrix: matrix,
  }));
}
