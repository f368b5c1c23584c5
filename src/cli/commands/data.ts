/** `data fetch|verify|show`: downloads the data set, checks its files, or prints images of it. */

import type { DataLoader } from "../../data/loader/data_loader.ts";
import { loadFashionMnist } from "../../data/fashion_mnist/fashion_mnist.ts";
import {
  ensureFashionMnist,
  readVerified,
} from "../../data/fashion_mnist/files.ts";
import type { ArrayBatch, EpochOptions } from "../../data/loader/batch.ts";
import { MANIFEST } from "../../data/fashion_mnist/manifest.ts";
import { initBackend } from "../../device/open.ts";
import {
  type ContactSheet,
  drawContactSheet,
  encodePng,
} from "../../io/contact_sheet.ts";
import { checkWritable, type CommandLine } from "../command_line.ts";
import { loadData } from "../ingredients.ts";
import {
  didYouMean,
  type OptionName,
  type OptionValues,
  specOf,
  UsageError,
} from "../options.ts";
import { formatBytes, formatData } from "../terminal/console.ts";
import { drawCharacters, terminalImage } from "../terminal/image.ts";
import { ProgressView } from "../terminal/progress.ts";

const ACTIONS = { fetch: fetchData, verify: verifyData, show: showData };

/** Images that `show` takes if nothing is said. */
const COUNT = 12;

/** Runs the command; returns the exit code. */
export async function data(
  { options, positional }: CommandLine,
): Promise<number> {
  const names = Object.keys(ACTIONS);
  const [name, extra] = positional;
  if (name === undefined || extra !== undefined) {
    throw new UsageError(`data needs one of ${names.join(", ")}`);
  }
  const action = Object.entries(ACTIONS).find(([n]) => n === name)?.[1];
  if (action === undefined) {
    throw new UsageError(`Unknown action ${name}: ${didYouMean(name, names)}`);
  }
  const foreign = (Object.keys(options) as OptionName[])
    .find((option) => !specOf(option).commands.includes("data"));
  if (action !== showData && foreign !== undefined) {
    throw new UsageError(
      `data ${name} has no option --${foreign}, which is for data show`,
    );
  }
  using view = new ProgressView(options);
  await action(options, view);
  return 0;
}

/** Where the files of the data set are, and what shows how they are downloaded. */
function filesOf(options: OptionValues, { download }: ProgressView) {
  return {
    dataDir: options["data-dir"],
    offline: options.offline,
    onProgress: download,
  };
}

async function fetchData(
  options: OptionValues,
  view: ProgressView,
): Promise<void> {
  if (options.source === "sample") {
    throw new UsageError(
      "data fetch has nothing to fetch with --source sample, which comes with this package",
    );
  }
  const files = await ensureFashionMnist(filesOf(options, view));
  view.stop();
  for (const { path } of files) console.log(path);
}

async function verifyData(
  options: OptionValues,
  view: ProgressView,
): Promise<void> {
  if (options.source === "sample") {
    await loadFashionMnist({ source: "sample" });
    for (const { name, sha256 } of MANIFEST.sample.files) {
      console.log(`ok ${name} ${sha256}`);
    }
    return;
  }
  const fileOptions = filesOf(options, view);
  for (const file of await ensureFashionMnist(fileOptions)) {
    const bytes = await readVerified(file, fileOptions);
    view.stop();
    console.log(
      `ok ${file.path}, ${formatBytes(bytes.length)}, SHA-256 ${file.sha256}`,
    );
  }
}

/** Shows a batch of images as the network sees them, on the terminal and as a PNG file. */
async function showData(
  options: OptionValues,
  view: ProgressView,
): Promise<void> {
  const { split = "train", batch = 1 } = options;
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
  // No workers, as a batch is not worth starting any.
  const data = await loadData({ ...options, workers: 0 }, view, {
    batchSize,
    shuffle: epoch !== undefined,
  });
  const loader = data[split];
  if (batch > loader.numBatches) {
    throw new UsageError(
      `Cannot show --batch ${batch} of ${split}: it has ${loader.numBatches} batches of ${batchSize} images`,
    );
  }
  await initBackend({ device: options.device, onWarning() {} });
  console.log(formatData(loader.summary()).join("\n") + "\n");
  const { images, labels, shape } = await readBatch(loader, {
    epoch: (epoch ?? 1) - 1,
    firstBatch: batch - 1,
  });
  const count = Math.min(options.count ?? batchSize, labels.length);
  const [, height, width, channels] = shape;
  const sheet: ContactSheet = {
    images: images.subarray(0, count * height * width * channels),
    shape: [count, height, width, channels],
    captions: [...labels.subarray(0, count)].map((l) => data.classNames[l]),
  };
  const png = encodePng(drawContactSheet(sheet));
  const isTerminal = Deno.stdout.isTerminal();
  // The picture itself where the terminal can show it, else one of characters.
  const picture = isTerminal && terminalImage(png, Deno.env.toObject());
  console.log(
    picture || drawCharacters(sheet, {
      columns: isTerminal ? Deno.consoleSize().columns : 120,
      hasColor: isTerminal && !Deno.noColor,
    }),
  );
  await Deno.writeFile(output, png);
  console.log(`wrote ${output}`);
}

/** The first batch of an iteration, as the device has it. */
async function readBatch(
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
