/**
 * `data fetch|verify|show`: downloads the data set, checks its files, or prints images of it.
 *
 * @module
 */

import { loadFashionMnist } from "../data/fashion_mnist/fashion_mnist.ts";
import {
  ensureFashionMnist,
  readVerified,
} from "../data/fashion_mnist/files.ts";
import { MANIFEST } from "../data/fashion_mnist/manifest.ts";
import { formatBytes } from "./console.ts";
import { showData } from "./data_show.ts";
import { didYouMean, UsageError } from "./option_kinds.ts";
import type { CommandLine, OptionValues } from "./options.ts";
import { ProgressView } from "./progress.ts";

const ACTIONS = { fetch: _fetch, verify: _verify, show: showData };

/** The options that all of them have; `show` has the others as well. */
const COMMON_OPTIONS: readonly string[] = [
  "source",
  "data-dir",
  "offline",
  "progress",
  "verbose",
];

/**
 * Runs the command.
 *
 * @param line The parsed command line.
 * @returns The exit code.
 * @throws {UsageError} If there is not exactly one action, and a known one, or if it does not have one of the options.
 */
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
  const foreign = Object.keys(options).find((n) => !COMMON_OPTIONS.includes(n));
  if (action !== showData && foreign !== undefined) {
    throw new UsageError(
      `data ${name} has no option --${foreign}, which is for data show`,
    );
  }
  const view = new ProgressView({ noBars: options.progress === false });
  try {
    await action(options, view);
    return 0;
  } finally {
    view.stop();
  }
}

async function _fetch(
  options: OptionValues,
  view: ProgressView,
): Promise<void> {
  if (options.source === "sample") {
    throw new UsageError(
      "data fetch has nothing to do with --source sample, which comes with this package",
    );
  }
  const files = await ensureFashionMnist({
    dataDir: options["data-dir"],
    offline: options.offline,
    onProgress: view.download,
  });
  view.stop();
  for (const { path } of files) console.log(path);
}

async function _verify(
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
  const fileOptions = {
    dataDir: options["data-dir"],
    offline: options.offline,
    onProgress: view.download,
  };
  for (const file of await ensureFashionMnist(fileOptions)) {
    const bytes = await readVerified(file, fileOptions);
    view.stop();
    console.log(
      `ok ${file.path}, ${formatBytes(bytes.length)}, SHA-256 ${file.sha256}`,
    );
  }
}
