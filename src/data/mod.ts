/**
 * Fashion-MNIST from gz IDX files to batches of tensors: verified, transformed, shuffled by seed and epoch.
 *
 * ```ts
 * import { initBackend } from "@x/alexnet";
 * import { loadFashionMnist } from "@x/alexnet/data";
 *
 * await initBackend({ device: "auto" });
 * const { train, test } = await loadFashionMnist({ batchSize: 128, resize: 224, seed: 42 });
 * for await (const { images, labels } of test) {
 *   console.log(images.shape, labels.shape); // [128, 224, 224, 1], [128]
 * }
 * ```
 *
 * @module
 */

export {
  type ArrayBatch,
  type Batch,
  DataLoader,
  type DataLoaderOptions,
} from "./data_loader.ts";
export {
  arrayDataset,
  type ArrayDatasetOptions,
  type Dataset,
  type Image,
  type Sample,
  subset,
} from "./dataset.ts";
export type { DownloadProgress } from "./download.ts";
export {
  type FashionMnist,
  type FashionMnistOptions,
  loadFashionMnist,
} from "./fashion_mnist.ts";
export {
  dataCacheDir,
  type DataFile,
  ensureFashionMnist,
  type FileOptions,
  readVerified,
} from "./files.ts";
export {
  encodeIdx,
  type IdxArray,
  parseIdx,
  type ParseIdxOptions,
} from "./idx.ts";
export { type FileEntry, MANIFEST, type Manifest } from "./manifest.ts";
export { epochOrder, type EpochOrderOptions } from "./sampler.ts";
export {
  centerCrop,
  compose,
  normalize,
  type NormalizeOptions,
  resize,
  type Size,
  toTensor,
  type Transform,
} from "./transforms.ts";
