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
  arrayDataset,
  type ArrayDatasetOptions,
  idxDataset,
  type IdxDatasetOptions,
} from "./array_dataset.ts";
export {
  DataLoader,
  type DataLoaderOptions,
  type DataSummary,
} from "./loader/data_loader.ts";
export {
  classCounts,
  type Dataset,
  type Image,
  importDataset,
  type Sample,
} from "./dataset.ts";
export type { DownloadProgress } from "./fashion_mnist/download.ts";
export {
  type FashionMnist,
  type FashionMnistOptions,
  loadFashionMnist,
} from "./fashion_mnist/fashion_mnist.ts";
export type { FileOptions } from "./fashion_mnist/files.ts";
export {
  encodeIdx,
  type IdxArray,
  parseIdx,
  type ParseIdxOptions,
} from "./idx.ts";
export type {
  ArrayBatch,
  Batch,
  EpochOptions,
  ImageShape,
  Shard,
  ShardPlace,
} from "./loader/batch.ts";
export {
  type ImageFolder,
  imageFolder,
  type ImageFolderOptions,
  type LeftOutFile,
} from "./pictures/image_folder.ts";
export {
  type LoadedImages,
  loadImage,
  type LoadImageOptions,
  loadImages,
} from "./pictures/load_image.ts";
export type { PictureFormat, PictureOptions } from "./pictures/pixels.ts";
export type { ImportOptions } from "./modules.ts";
export {
  classBalancedSampler,
  type EpochOrderOptions,
  type Sampler,
} from "./sampler.ts";
export {
  type Split,
  type SplitOptions,
  subset,
  trainTestSplit,
} from "./split.ts";
export * from "./transforms/mod.ts";
export { importTransform } from "./transforms/transform.ts";
