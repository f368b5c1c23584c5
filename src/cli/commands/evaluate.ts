/** `evaluate CHECKPOINT`: loss and accuracy of saved weights on the test images, and which classes they confuse. */

import { MANIFEST } from "../../data/fashion_mnist/manifest.ts";
import { transformForFashionMnist } from "../../io/checkpoint.ts";
import {
  classMetrics,
  confusionMatrix,
  evaluatePredictions,
} from "../../train/predictions.ts";
import { type CommandLine, warn } from "../command_line.ts";
import { loadData, openNetwork, readCheckpoint } from "../ingredients.ts";
import { formatDevice, formatTable } from "../terminal/console.ts";
import { ProgressView } from "../terminal/progress.ts";

/** Runs the command; returns the exit code. */
export async function evaluateCommand(
  { options, positional }: CommandLine,
): Promise<number> {
  const [path] = positional;
  const { json, quiet } = options;
  const checkpoint = await readCheckpoint(path);
  const { config } = checkpoint;
  const { classNames } = MANIFEST;
  const transforms = transformForFashionMnist(checkpoint);
  if (checkpoint.network?.classNames === undefined) {
    warn(
      `${path} does not say its classes: they are taken for those of Fashion-MNIST`,
    );
  }
  using view = new ProgressView(options);
  const { test } = await loadData(options, view, { transforms });
  const { net, backend } = await openNetwork(checkpoint, options);
  if (!quiet && !json) console.log(`device: ${formatDevice(backend)}`);
  const predictions = await evaluatePredictions(net, test, {
    onProgress: view.update,
  });
  view.stop();

  const { loss, accuracy, labels } = predictions;
  const confusion = confusionMatrix(predictions, config.classes);
  const metrics = classMetrics(confusion);
  if (json) {
    console.log(JSON.stringify({
      model: config.model,
      images: labels.length,
      loss,
      accuracy,
      classes: metrics.map((of, label) => ({
        label,
        class: classNames[label],
        ...of,
      })),
      confusionMatrix: confusion,
    }));
    return 0;
  }
  console.log(
    `${config.model}, ${labels.length} test images, loss ${
      loss.toFixed(4)
    }, test acc ${accuracy.toFixed(3)}`,
  );
  if (quiet) return 0;
  const byClass = (heads: string[], rows: string[][]) =>
    formatTable([
      ["class", ...heads],
      ...rows.map((row, label) => [`${label} ${classNames[label]}`, ...row]),
    ], { textColumns: 1 });
  const shares = metrics.map(({ precision, recall, f1, support }) => [
    ...[precision, recall, f1].map((share) => share.toFixed(3)),
    `${support}`,
  ]);
  const counts = confusion.map((row) => row.map(String));
  console.log(`
${byClass(["precision", "recall", "f1", "images"], shares)}

images of each class by predicted class
${byClass([...counts.keys()].map(String), counts)}`);
  return 0;
}
