/** `predict CHECKPOINT IMAGE...`: what pictures show. */

import type { Image } from "../../data/dataset.ts";
import {
  type LoadImageOptions,
  loadImages,
} from "../../data/pictures/load_image.ts";
import { DataError } from "../../errors.ts";
import { networkIn } from "../../io/network.ts";
import { classify, type ClassProbability } from "../../train/predictions.ts";
import type { CommandLine } from "../command_line.ts";
import { openNetwork, pictureOptions, readCheckpoint } from "../ingredients.ts";
import { UsageError } from "../options.ts";
import { formatDevice, formatTable } from "../terminal/console.ts";

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

/** Runs the command; returns the exit code. A file that cannot be read is reported, and the others are classified all the same. */
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
  const { classNames } = networkIn(checkpoint);
  const pictures = pictureOptions(checkpoint);
  const { net, backend } = await openNetwork(checkpoint, options);
  const { top, json, quiet, "batch-size": batchSize = 32 } = options;
  if (!json && !quiet) console.log(`device: ${formatDevice(backend)}`);

  let code = 0;
  const sources = readPictures(files, {
    count: options.count,
    invert: options.invert,
    ...pictures,
    onFailure(error) {
      console.error(`error: ${error.message}`);
      code = 1;
    },
  });
  const predictions: Prediction[] = [];
  for await (const batch of inBatches(sources, batchSize)) {
    const images = batch.map(({ image }) => image);
    const results = await classify(net, images, { classNames, top });
    for (const [i, classes] of results.entries()) {
      const { image: _, ...source } = batch[i];
      if (json) printJson({ ...source, classes });
      else predictions.push({ ...source, classes });
    }
  }
  if (predictions.length === 0) return code;
  const head = ["image", ...predictions[0].classes.map((_, i) => `${i + 1}.`)];
  const rows = predictions.map(({ file, index, classes }) => [
    index === undefined ? file : `${file}[${index}]`,
    ...classes.map(({ className, probability }) =>
      `${probability.toFixed(3)} ${className}`
    ),
  ]);
  const textColumns = head.length;
  console.log(formatTable(quiet ? rows : [head, ...rows], { textColumns }));
  return code;
}

async function* readPictures(
  files: readonly string[],
  options: LoadImageOptions & {
    count?: number;
    onFailure: (error: DataError) => void;
  },
): AsyncGenerator<Source> {
  const { count = Infinity, onFailure, ...load } = options;
  for (const file of files) {
    try {
      const images = await loadImages(file, load);
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

async function* inBatches(
  sources: AsyncIterable<Source>,
  size: number,
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

function printJson({ file, index, classes }: Prediction): void {
  const predictions = classes.map(({ label, className, probability }) => ({
    label,
    class: className,
    probability,
  }));
  console.log(JSON.stringify({ image: file, index, predictions }));
}
