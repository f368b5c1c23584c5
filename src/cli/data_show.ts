/**
 * `data show`: a batch of images as the network sees them, as a PNG file and on the terminal.
 *
 * @module
 */

import type { ArrayBatch, EpochOptions } from "../data/loader/batch.ts";
import type { DataLoader } from "../data/loader/data_loader.ts";
import { loadFashionMnist } from "../data/fashion_mnist/fashion_mnist.ts";
import type { Sample } from "../data/dataset.ts";
import { drawContactSheet, encodePng } from "../io/contact_sheet.ts";
import { initBackend } from "../device/open.ts";
import { augmentationOf } from "./augment.ts";
import { contactSheet } from "./contact_sheet.ts";
import { formatData } from "./data_summary.ts";
import { UsageError } from "./option_kinds.ts";
import type { OptionValues } from "./options.ts";
import { checkWritable } from "./output_file.ts";
import type { ProgressView } from "./progress.ts";
import { terminalImage } from "./terminal_image.ts";

/** Most characters in a row of an image. */
const MAX_TEXT_WIDTH = 32;

/** Images that are shown if nothing is said. */
const COUNT = 12;

/**
 * Shows a batch, and writes it.
 *
 * @param options The options of the command line.
 * @param view Shows downloads.
 * @throws {UsageError} If there is no such batch, the file cannot be written, or an option is not for test images.
 */
export async function showData(
  options: OptionValues,
  view: ProgressView,
): Promise<void> {
  const { split = "train", seed, resize, batch = 1 } = options;
  const epoch = options["at-epoch"];
  for (const name of ["at-epoch", "augment"] as const) {
    if (split === "train" || options[name] === undefined) continue;
    throw new UsageError(
      `Cannot use --${name} with --split ${split}: only training images are shuffled and changed at random`,
    );
  }
  const output = options.output ?? `fashion-mnist-${split}.png`;
  await checkWritable("--output", output);
  const batchSize = options["batch-size"] ?? options.count ?? COUNT;
  const data = await loadFashionMnist({
    source: options.source,
    dataDir: options["data-dir"],
    offline: options.offline,
    onProgress: view.download,
    batchSize,
    seed,
    resize,
    shuffle: epoch !== undefined,
    augment: augmentationOf(options.augment),
    // One batch is not worth starting any.
    workers: 0,
  });
  view.stop();
  const loader = data[split];
  if (batch > loader.numBatches) {
    throw new UsageError(
      `Cannot show --batch ${batch} of ${split}: it has ${loader.numBatches} batches of ${batchSize} images`,
    );
  }
  await initBackend({ device: options.device, onWarning() {} });
  console.log(formatData(loader.summary()).join("\n") + "\n");
  const { images, labels, shape } = await _read(loader, {
    epoch: (epoch ?? 1) - 1,
    firstBatch: batch - 1,
  });
  const count = Math.min(options.count ?? batchSize, labels.length);
  const [, height, width, channels] = shape;
  const numValues = height * width * channels;
  const samples = Array.from({ length: count }, (_, i) => ({
    image: {
      data: images.subarray(i * numValues, (i + 1) * numValues),
      ...{ height, width, channels },
      maxValue: 1 as const,
    },
    label: labels[i],
  }));
  const { classNames } = data;
  const png = encodePng(drawContactSheet({
    images: images.subarray(0, count * numValues),
    shape: [count, height, width, channels],
    captions: samples.map(({ label }) => classNames[label]),
  }));
  _print(samples, { classNames, png });
  await Deno.writeFile(output, png);
  console.log(`wrote ${output}`);
}

/** The first batch of an iteration, as the device has it. */
async function _read(
  loader: DataLoader,
  which: EpochOptions,
): Promise<ArrayBatch> {
  for await (const { images, labels } of loader.batches(which)) {
    return {
      images: await images.data<"float32">() as Float32Array<ArrayBuffer>,
      labels: await labels.data<"int32">() as Int32Array<ArrayBuffer>,
      shape: images.shape,
    };
  }
  throw new Error("an epoch has a batch");
}

/** Leaves out pixels of an image that is too wide for characters. */
function _shrink({ image, label }: Sample): Sample {
  const step = Math.ceil(image.width / MAX_TEXT_WIDTH);
  if (step === 1) return { image, label };
  const [height, width] = [image.height, image.width].map((side) =>
    Math.ceil(side / step)
  );
  const data = Float32Array.from(
    { length: height * width },
    (_, i) =>
      image.data[
        step * (Math.floor(i / width) * image.width + i % width)
      ],
  );
  return { image: { ...image, data, height, width }, label };
}

/** Prints the picture itself where the terminal can, else one of characters. */
function _print(
  samples: readonly Sample[],
  { classNames, png }: { classNames: readonly string[]; png: Uint8Array },
): void {
  const isTerminal = Deno.stdout.isTerminal();
  const picture = isTerminal
    ? terminalImage(png, Deno.env.toObject())
    : undefined;
  console.log(
    picture ?? contactSheet(samples.map(_shrink), {
      classNames,
      columns: isTerminal ? Deno.consoleSize().columns : 120,
      hasColor: isTerminal && !Deno.noColor,
    }),
  );
}
