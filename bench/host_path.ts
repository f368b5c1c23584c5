/**
 * Iterates once over the train images of Fashion-MNIST on the host, and prints as JSON how fast that was and how much memory the
 * process took: `deno run -A bench/host_path.ts --workers 2 --resize 224`.
 */

import { parseArgs } from "@std/cli/parse-args";
import { loadFashionMnist } from "../src/data/mod.ts";

/** What it prints. */
interface HostPathResult {
  /** Of the whole epoch, including the start of the workers. */
  readonly imagesPerSecond: number;
  /** Most memory of the process, workers included. */
  readonly peakBytes: number;
  readonly images: number;
}

if (import.meta.main) {
  const options = parseArgs(Deno.args, {
    string: ["workers", "resize", "samples", "batch-size"],
    default: { workers: "2", resize: "224", "batch-size": "128" },
  });
  const { train } = await loadFashionMnist({
    path: "host",
    workers: Number(options.workers),
    resize: Number(options.resize),
    batchSize: Number(options["batch-size"]),
    trainSamples: options.samples ? Number(options.samples) : undefined,
  });
  let [images, sum, peakBytes] = [0, 0, 0];
  const start = performance.now();
  for await (const batch of train.arrays()) {
    images += batch.labels.length;
    // Reads something of every image.
    const size = batch.images.length / batch.labels.length;
    for (let i = size / 2; i < batch.images.length; i += size) {
      sum += batch.images[Math.floor(i)];
    }
    peakBytes = Math.max(peakBytes, Deno.memoryUsage().rss);
  }
  const seconds = (performance.now() - start) / 1000;
  if (!(sum > 0)) throw new Error("the images are black");
  const result: HostPathResult = {
    imagesPerSecond: images / seconds,
    peakBytes,
    images,
  };
  console.log(JSON.stringify(result));
}

/** Runs this file in a process of its own and reads what it prints. */
export async function runHostPath(
  args: readonly string[],
): Promise<HostPathResult> {
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", import.meta.filename!, ...args],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}
