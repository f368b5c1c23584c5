/** A folder of PNG and JPEG files with one sub-folder per class, like torchvision's `ImageFolder`. */

import { DataError, OptionError } from "../../errors.ts";
import { host } from "../../platform/host.ts";
import type { FolderEntry } from "../../platform/platform.ts";
import { reasonOf } from "../../reason.ts";
import { type Dataset, makeDataset } from "../dataset.ts";
import { withOrigin } from "../modules.ts";
import {
  formatOfOne,
  HEAD_BYTES,
  parseForm,
  type PictureForm,
  type PictureOptions,
} from "./pixels.ts";

const IMAGE_NAME = /\.(png|jpe?g)$/i;

/** Also pictures of kinds that cannot be read. */
const PICTURE_NAME = /\.(png|jpe?g|gif|webp|bmp|tiff?|hei[cf]|avif|jxl|jp2)$/i;

/** What other programs put into folders: copies, thumbnails, what macOS adds to a file, bins. */
const HIDDEN =
  /^(\..*|__MACOSX|@eaDir|#recycle|\$RECYCLE\.BIN|System Volume Information|lost\+found)$/i;

/** How to read the files of {@linkcode imageFolder}. */
export interface ImageFolderOptions extends PictureOptions {
  /** Channels of every image: 3 for red, green and blue, 1 for grey. Default 3. */
  channels?: 1 | 3;
  /**
   * What label 0, 1, ... means, like `class_names` of Keras: so a test folder that lacks a class has the labels of the training
   * folder. Default: the names of the sub-folders, sorted.
   */
  classNames?: readonly string[];
  /** Whether to leave out files that are empty or no PNG or JPEG file, in place of refusing the folder. Default false. */
  skipBad?: boolean;
  /** Receives what the user should know, in one line: which files were left out. Default `console.warn`. */
  onWarning?: (message: string) => void;
}

/** A picture in a folder that is no sample. */
export interface LeftOutFile {
  /** Path of the file. */
  readonly path: string;
  /** The kind that cannot be read, such as "webp", or what is wrong with the file, such as "it is empty". */
  readonly reason: string;
}

/** A data set of files. */
export interface ImageFolder extends Dataset {
  /** The pictures that are no samples. */
  readonly leftOut: readonly LeftOutFile[];
}

/**
 * Opens a folder of PNG and JPEG files (`.png`, `.jpg`, `.jpeg`) with one sub-folder per class. Files in deeper folders belong to
 * the class above them. Links are followed. What is hidden is passed over (names that begin with a dot, `__MACOSX`, `@eaDir`), and
 * so are other files. Pictures of kinds that cannot be read (such as GIF and WebP) are left out, and a warning counts them.
 *
 * The first bytes of every file are checked at once. A file is read and decoded when its sample is asked for, by a worker if there
 * is one. It is turned as EXIF says, laid on the background where it is transparent, and converted to the channels asked for, as
 * {@linkcode loadImage} does.
 *
 * @example
 * ```ts ignore
 * const dataset = await imageFolder("flowers/train");
 * const transform = compose([resize(224, { fit: "crop" }), toTensor()]);
 * const loader = new DataLoader(dataset, { batchSize: 32, shuffle: true, transform, workers: "auto" });
 * const test = await imageFolder("flowers/test", { classNames: dataset.classNames });
 * ```
 *
 * @param folder Path or `file:` address of the folder.
 * @param options Channels, classes, and what to do with files that cannot be read.
 * @returns The data set; its images are uint8 with white 255, of the sizes of the files.
 * @throws {DataError} If the folder cannot be read, has no sub-folder, or one that is not among `classNames`, if a class has no
 * image (unless `classNames` are given), or if a file is empty or no PNG or JPEG file (unless `skipBad`).
 * @throws {OptionError} If an option is not one of its values.
 */
export async function imageFolder(
  folder: string | URL,
  options: ImageFolderOptions = {},
): Promise<ImageFolder> {
  const { channels = 3, skipBad = false, onWarning = console.warn } = options;
  const form = parseForm(channels, options);
  const root = folder instanceof URL ? host.pathOf(folder) : folder;
  const folders = (await list(root))
    .flatMap(({ name, isFolder }) => isFolder ? [name] : []).toSorted();
  if (folders.length === 0) {
    throw new DataError(
      root,
      `Cannot use ${root} as a folder of images: it must have a sub-folder for each class`,
    );
  }
  const { classNames = folders } = options;
  if (classNames.length === 0 || new Set(classNames).size < classNames.length) {
    throw new OptionError("classNames", classNames, "names, each of them once");
  }
  const refuse = (name: string, why: string) =>
    new DataError(
      `${root}/${name}`,
      `Cannot use ${root}/${name} as a class: ${why}`,
    );
  const stranger = folders.find((name) => !classNames.includes(name));
  if (stranger !== undefined) {
    const names = classNames.join(", ");
    throw refuse(stranger, `add it to classNames (${names}), or move it away`);
  }
  const files: { path: string; label: number; reason?: string }[] = [];
  for (const [label, name] of classNames.entries()) {
    if (!folders.includes(name)) continue;
    const paths = await findPictures(`${root}/${name}`);
    files.push(...paths.map((path) => ({ path, label })));
  }
  for (let i = 0; i < files.length; i += AT_ONCE) {
    await Promise.all(
      files.slice(i, i + AT_ONCE).map(async (file) => {
        file.reason = await faultOf(file.path);
      }),
    );
  }
  const leftOut = files.flatMap(({ path, reason }) =>
    reason === undefined ? [] : [{ path, reason }]
  );
  const bad = leftOut.filter(({ path }) => IMAGE_NAME.test(path));
  if (bad.length > 0 && !skipBad) {
    throw new DataError(
      bad[0].path,
      `Cannot read ${bad.length} of the images in ${root}: ${
        nameSome(bad)
      }: replace or delete what is named, or leave it out with skipBad: true`,
    );
  }
  const told = leftOut.length > 0 ? tell(leftOut) : "";
  const good = files.filter(({ reason }) => reason === undefined);
  const labels = good.map(({ label }) => label);
  const lacking = classNames.find((_, label) => !labels.includes(label));
  const isFatal = options.classNames === undefined || good.length === 0;
  if (lacking !== undefined && isFatal) {
    const others = told && ` (${told})`;
    throw refuse(lacking, `it must contain PNG or JPEG files${others}`);
  }
  if (told) onWarning(`${root}: ${told}`);
  const dataset = await openImageFolder({
    classNames,
    paths: good.map(({ path }) => path),
    labels: Int32Array.from(labels),
    form,
  });
  return Object.assign(dataset, { leftOut });
}

/** Files that are read at the same time, as each waits for the disk. */
const AT_ONCE = 64;

/** Says why a file is left out, by its name and its first bytes. */
async function faultOf(path: string): Promise<string | undefined> {
  if (!IMAGE_NAME.test(path)) {
    return path.slice(path.lastIndexOf(".") + 1).toLowerCase();
  }
  try {
    using file = await host.open(path, "read");
    const head = new Uint8Array(HEAD_BYTES);
    formatOfOne(head.subarray(0, await file.readAt(head, 0)));
  } catch (error) {
    return reasonOf(error);
  }
}

/** Most files that an error names. */
const MOST_NAMED = 5;

function nameSome(files: readonly LeftOutFile[]): string {
  const named = files.slice(0, MOST_NAMED)
    .map(({ path, reason }) => `${path} (${reason})`).join(", ");
  const more = files.length - MOST_NAMED;
  return more > 0 ? `${named} and ${more} more` : named;
}

/** Counts what was left out: "left out 4 files: 2 webp, 1 gif, 1 bad (it is empty)". */
function tell(leftOut: readonly LeftOutFile[]): string {
  const kinds = Map.groupBy(
    leftOut,
    ({ path, reason }) => IMAGE_NAME.test(path) ? `bad (${reason})` : reason,
  );
  const counts = Array.from(kinds, ([kind, { length }]) => `${length} ${kind}`);
  const files = leftOut.length === 1 ? "file" : "files";
  return `left out ${leftOut.length} ${files}: ${counts.join(", ")}`;
}

/** Makes the data set of files that were found. A worker calls it with the listing that it is sent. */
export async function openImageFolder(
  listing: {
    classNames: readonly string[];
    /** Class after class. */
    paths: readonly string[];
    labels: Int32Array<ArrayBuffer>;
    form: PictureForm;
  },
): Promise<Dataset> {
  const { classNames, paths, labels, form } = listing;
  const { decodeImage } = await import("./decode_image.ts");
  const dataset = makeDataset({
    length: paths.length,
    classNames,
    labels,
    get(index) {
      const path = paths[index];
      try {
        const image = decodeImage(host.readFileSync(path), form);
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
    return (await host.list(folder)).filter(({ name }) => !HIDDEN.test(name));
  } catch (error) {
    const reason = reasonOf(error);
    throw new DataError(
      folder,
      `Cannot read the folder ${folder} (${reason}): name a folder of images`,
    );
  }
}

/** Lists the pictures of a folder and of those in it, of kinds that cannot be read too. */
async function findPictures(
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
    if (isFolder) found.push(...await findPictures(path, [...above, id]));
    else if (PICTURE_NAME.test(name)) found.push(path);
  }
  return found.toSorted();
}
