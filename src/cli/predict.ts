/**
 * `predict CHECKPOINT IMAGE...`: what pictures show.
 *
 * @module
 */

import { fashionMnistTransform } from "../data/fashion_mnist/fashion_mnist.ts";
import type { Image } from "../data/dataset.ts";
import {
  type LoadImageOptions,
  loadImages,
} from "../data/pictures/load_image.ts";
import { DataError } from "../errors.ts";
import { classify, type ClassProbability } from "../train/classify.ts";
import { formatDevice } from "./console.ts";
import { classNamesOf, openNetwork, readCheckpoint } from "./open_network.ts";
import { UsageError } from "./option_kinds.ts";
import type { CommandLine } from "./options.ts";
import { formatTable } from "./table.ts";

/** Images at a time. */
const BATCH_SIZE = 32;

/** Classes of each image. */
const TOP = 3;

/** Height and width of the images of the data set, from which the network's are made. */
const DATA_SIZE = 28;

/** A picture to classify, and where it came from. */
interface Source {
  readonly file: string;
  /** Which of the pictures of an IDX file, from 0; undefined for other files. */
  readonly index?: number;
  readonly image: Image;
}

/** What is known of a picture. */
interface Prediction extends Omit<Source, "image"> {
  readonly classes: readonly ClassProbability[];
}

/**
 * Runs the command. A file that cannot be read is reported, and the others are classified all the same.
 *
 * @param line The parsed command line.
 * @returns The exit code: 1 if a file could not be read.
 * @throws {UsageError} If there is no checkpoint or no image.
 */
export async function predict(
  { options, positional }: CommandLine,
): Promise<number> {
  const [path, ...files] = positional;
  if (files.length === 0) {
    throw new UsageError(
      "predict needs a CHECKPOINT (a file that `train --save FILE` wrote, or a run folder) and at least one IMAGE",
    );
  }
  const checkpoint = await readCheckpoint(path);
  const { config } = checkpoint;
  const { net, backend } = await openNetwork(checkpoint, options);
  const { top = TOP, json = false, quiet = false } = options;
  if (!json && !quiet) console.log(`device: ${formatDevice(backend)}`);

  let code = 0;
  const sources = _open(files, {
    count: options.count,
    invert: options.invert,
    transform: fashionMnistTransform({
      resize: config.imageSize === DATA_SIZE ? undefined : config.imageSize,
    }),
    onFailure(error) {
      console.error(`error: ${error.message}`);
      code = 1;
    },
  });
  const classNames = classNamesOf(config);
  const predictions: Prediction[] = [];
  for await (const batch of _batches(sources, options["batch-size"])) {
    const images = batch.map(({ image }) => image);
    const results = await classify(net, images, { classNames, top });
    for (const [i, classes] of results.entries()) {
      const { file, index } = batch[i];
      if (json) console.log(_json({ file, index, classes }));
      else predictions.push({ file, index, classes });
    }
  }
  if (predictions.length > 0) console.log(_table(predictions, { quiet }));
  return code;
}

async function* _open(
  files: readonly string[],
  options: LoadImageOptions & {
    count?: number;
    onFailure: (error: DataError) => void;
  },
): AsyncGenerator<Source> {
  const { count = Infinity, onFailure, ...load } = options;
  for (const file of files) {
    try {
      const images = await loadImages(file, { ...load, size: DATA_SIZE });
      const isMany = images.format === "idx";
      for (let i = 0; i < Math.min(images.length, count); i++) {
        yield { file, index: isMany ? i : undefined, image: images.get(i) };
      }
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      onFailure(error);
    }
  }
}

async function* _batches(
  sources: AsyncIterable<Source>,
  size = BATCH_SIZE,
): AsyncGenerator<Source[]> {
  let batch: Source[] = [];
  for await (const source of sources) {
    batch.push(source);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

function _json({ file, index, classes }: Prediction): string {
  return JSON.stringify({
    image: file,
    index,
    predictions: classes.map(({ label, className, probability }) => ({
      label,
      class: className,
      probability,
    })),
  });
}

function _table(
  predictions: readonly Prediction[],
  { quiet }: { quiet: boolean },
): string {
  const head = ["image", ...predictions[0].classes.map((_, i) => `${i + 1}.`)];
  const rows = predictions.map(({ file, index, classes }) => [
    index === undefined ? file : `${file}[${index}]`,
    ...classes.map(({ className, probability }) =>
      `${probability.toFixed(3)} ${className}`
    ),
  ]);
  const textColumns = head.length;
  return formatTable(quiet ? rows : [head, ...rows], { textColumns });
}
