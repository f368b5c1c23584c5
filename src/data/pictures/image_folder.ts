/**
 * A folder of PNG and JPEG files with one sub-folder per class, like torchvision's `ImageFolder`.
 *
 * @module
 */

import { DataError } from "../../errors.ts";
import { host } from "../../platform/host.ts";
import type { FolderEntry } from "../../platform/platform.ts";
import { reasonOf } from "../../reason.ts";
import { type Dataset, makeDataset } from "../dataset.ts";
import { withOrigin } from "../modules.ts";
import { requireChannels } from "./pixels.ts";

const IMAGE_NAME = /\.(png|jpe?g)$/i;

/** How to read the files of {@linkcode imageFolder}. */
export interface ImageFolderOptions {
  /** Channels of every image: 3 for red, green and blue, 1 for grey. Default 3. */
  channels?: 1 | 3;
}

/**
 * Opens a folder of PNG and JPEG files (`.png`, `.jpg`, `.jpeg`) with one sub-folder per class. Files in deeper folders belong to
 * the class above them. Links are followed, other files are passed over. A file is read and decoded when its sample is asked for,
 * by a worker if there is one, and converted to the channels asked for, without alpha.
 *
 * @example
 * ```ts ignore
 * const dataset = await imageFolder("flowers");
 * const transform = compose([resize(224), toTensor()]);
 * const loader = new DataLoader(dataset, { batchSize: 32, shuffle: true, transform, workers: "auto" });
 * ```
 *
 * @param folder Path or `file:` address of the folder.
 * @param options Channels.
 * @returns The data set; its images are uint8 with white 255, of the sizes of the files.
 * @throws {DataError} If the folder cannot be read, has no sub-folder, or one of them has no image.
 * @throws {OptionError} If `channels` is neither 1 nor 3.
 */
export async function imageFolder(
  folder: string | URL,
  options: ImageFolderOptions = {},
): Promise<Dataset> {
  const { channels = 3 } = options;
  requireChannels(channels);
  const root = folder instanceof URL ? host.pathOf(folder) : folder;
  const classNames = (await list(root))
    .flatMap(({ name, isFolder }) => isFolder ? [name] : []).toSorted();
  if (classNames.length === 0) {
    throw new DataError(
      root,
      `Cannot use ${root} as a folder of images: it must have a sub-folder for each class`,
    );
  }
  const paths: string[] = [];
  const labels: number[] = [];
  for (const [label, name] of classNames.entries()) {
    const found = await findImages(`${root}/${name}`);
    if (found.length === 0) {
      throw new DataError(
        `${root}/${name}`,
        `Cannot use ${root}/${name} as a class: it must contain PNG or JPEG files`,
      );
    }
    for (const path of found) {
      paths.push(path);
      labels.push(label);
    }
  }
  return await openImageFolder({
    classNames,
    paths,
    labels: Int32Array.from(labels),
    channels,
  });
}

/** Makes the data set of files that were found. A worker calls it with the listing that it is sent. */
export async function openImageFolder(
  listing: {
    classNames: readonly string[];
    /** Class after class. */
    paths: readonly string[];
    labels: Int32Array<ArrayBuffer>;
    channels: 1 | 3;
  },
): Promise<Dataset> {
  const { classNames, paths, labels, channels } = listing;
  const { decodeImage } = await import("./decode_image.ts");
  const dataset = makeDataset({
    length: paths.length,
    classNames,
    labels,
    get(index) {
      const path = paths[index];
      try {
        const image = decodeImage(host.readFileSync(path), channels);
        return { image, label: labels[index] };
      } catch (error) {
        const reason = reasonOf(error);
        throw new DataError(
          path,
          `Cannot read ${path} as an image (${reason}): replace or delete it`,
        );
      }
    },
  });
  return withOrigin(dataset, { name: "openImageFolder", args: [listing] });
}

async function list(folder: string): Promise<FolderEntry[]> {
  try {
    return await host.list(folder);
  } catch (error) {
    const reason = reasonOf(error);
    throw new DataError(
      folder,
      `Cannot read the folder ${folder} (${reason}): name a folder of images`,
    );
  }
}

async function findImages(
  folder: string,
  above: readonly (string | undefined)[] = [],
): Promise<string[]> {
  const found: string[] = [];
  const entries = await list(folder);
  const { id } = await host.stat(folder);
  // A link to a folder that it is in would be followed forever.
  if (id !== undefined && above.includes(id)) return found;
  for (const { name, isFolder } of entries) {
    const path = `${folder}/${name}`;
    if (isFolder) found.push(...await findImages(path, [...above, id]));
    else if (IMAGE_NAME.test(name)) found.push(path);
  }
  return found.toSorted();
}
