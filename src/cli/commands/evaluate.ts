/**
 * `evaluate CHECKPOINT`: loss and accuracy of saved weights on the test images, and which classes they confuse.
 *
 * @module
 */

import { MANIFEST } from "../../data/fashion_mnist/manifest.ts";
import type { ModelConfig } from "../../io/checkpoint.ts";
import { checkClasses } from "../../io/model_config.ts";
import {
  classMetrics,
  confusionMatrix,
  evaluatePredictions,
  type Predictions,
} from "../../train/predictions.ts";
import type { CommandLine } from "../command_line.ts";
import { loadData } from "../load_data.ts";
import { classNamesOf, openNetwork, readCheckpoint } from "../network.ts";
import {
  formatClassMetrics,
  formatConfusion,
  formatDevice,
} from "../terminal/console.ts";
import { ProgressView } from "../terminal/progress.ts";
import { requireOne } from "../usage.ts";

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
  checkClasses(checkpoint, MANIFEST.classNames.length);
  const view = new ProgressView(options);
  try {
    const { test } = await loadData(
      { ...options, resize: config.imageSize },
      view,
    );
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
  const names = classNamesOf(config);
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
  const names = classNamesOf(config);
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
