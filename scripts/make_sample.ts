/**
 * Makes `data/sample/`, the first 2,000 train and 500 test images of Fashion-MNIST, and records it in the manifest.
 *
 * Run as `deno run --allow-read --allow-write --allow-env --allow-net scripts/make_sample.ts`; the result is the same
 * on every run.
 */

import { gzipSync } from "fflate";
import {
  ensureFashionMnist,
  readVerified,
} from "../src/data/fashion_mnist/files.ts";
import {
  type FileEntry,
  sha256Of,
} from "../src/data/fashion_mnist/manifest.ts";
import { parseIdx } from "../src/data/mod.ts";

const DATA = new URL("../data/", import.meta.url);

await Deno.mkdir(new URL("sample/", DATA), { recursive: true });
const files: FileEntry[] = [];
for (const file of await ensureFashionMnist()) {
  const { name, path } = file;
  const bytes = await readVerified(file);
  const { shape: [length], data } = parseIdx(bytes, { path });
  const count = name.startsWith("train") ? 2_000 : 500;
  const numLeft = (length - count) * data.length / length;
  const sample = bytes.slice(0, bytes.length - numLeft);
  // The first of the dimensions, after 4 bytes.
  new DataView(sample.buffer).setUint32(4, count);
  const stored = gzipSync(sample, { level: 9, mtime: 0 });
  await Deno.writeFile(new URL(`sample/${name}.gz`, DATA), stored);
  const sha256 = await sha256Of(sample);
  files.push({ name, sha256, numBytes: sample.length });
  console.log(`data/sample/${name}.gz: ${stored.length} bytes`);
}
const manifestUrl = new URL("manifest.json", DATA);
const manifest = JSON.parse(await Deno.readTextFile(manifestUrl));
const updated = { ...manifest, sample: { files } };
await Deno.writeTextFile(manifestUrl, JSON.stringify(updated, null, 2) + "\n");
