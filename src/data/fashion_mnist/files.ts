/** Finds the four files of the data set on this machine, downloads those that are missing, and reads them verified. */

import { DataError, OptionError } from "../../errors.ts";
import { host } from "../../platform/host.ts";
import type { PathInfo } from "../../platform/platform.ts";
import { reasonOf } from "../../reason.ts";
import { downloadFile, type DownloadProgress } from "./download.ts";
import { type FileEntry, inspect, MANIFEST } from "./manifest.ts";

/** Where Debian's package `dataset-fashion-mnist` puts the files. */
const DEBIAN_DIR = "/usr/share/datasets/fashion-mnist";

/** Where the files may be, and whether they may be downloaded. */
export interface FileOptions {
  /** The only folder to look in and to download to. Default: the cache folder, then the system's folder. */
  dataDir?: string;
  /** Whether to do without the network. Default false. */
  offline?: boolean;
  /** Addresses of folders to download from, tried in turn. Default: those of the manifest. */
  mirrors?: readonly string[];
  /** Called as a download proceeds. */
  onProgress?: (progress: DownloadProgress) => void;
  /** Folder that is searched after the cache folder and never written. Default: that of Debian's package. */
  systemDir?: string;
}

/** A file of the data set on this machine, not yet verified. */
export interface DataFile extends FileEntry {
  /** Where it is, gz or plain. */
  readonly path: string;
  /** Whose folder it is in: one that the user named, our cache, or the system's. Only files in the cache are ever deleted. */
  readonly origin: "named" | "cache" | "system";
}

/** The folder that downloads go to when the user names none. */
export function dataCacheDir(): string {
  const base = host.cacheDir();
  if (base === undefined) {
    throw new DataError(
      "",
      "Cannot find the cache folder as HOME (on Windows: LOCALAPPDATA) is not set: set it or name a folder with --data-dir",
    );
  }
  return `${base}/fashion-mnist`;
}

/** Finds the train images, train labels, test images and test labels on this machine, and downloads those that are not there. */
export async function ensureFashionMnist(
  options: FileOptions = {},
): Promise<DataFile[]> {
  // Waits for each before the next.
  return await Array.fromAsync(
    MANIFEST.files,
    (entry) => ensureFile(entry, options),
  );
}

/** Finds one file on this machine, or downloads it. */
export async function ensureFile(
  entry: FileEntry,
  options: FileOptions = {},
): Promise<DataFile> {
  checkFileOptions(options);
  const { dataDir, onProgress } = options;
  const found = await findFile(entry, options);
  if (found !== undefined) return found;
  if (options.offline) {
    const where = folders(options).map(({ dir }) => dir).join(" or ");
    const remedy = dataDir === undefined
      ? "run without --offline or `data fetch` to download it, or `apt-get install dataset-fashion-mnist`"
      : "put it there, run without --offline or `data fetch` to download it, or `apt-get install dataset-fashion-mnist` and leave out --data-dir";
    throw new DataError(
      `${folders(options)[0].dir}/${entry.name}.gz`,
      `Cannot find ${entry.name}.gz in ${where} and must not download it (offline): ${remedy}`,
    );
  }
  const folder = dataDir ?? dataCacheDir();
  const mirrors = (options.mirrors ?? MANIFEST.mirrors).map((mirror) =>
    mirror.endsWith("/") ? mirror : `${mirror}/`
  );
  const path = await downloadFile(entry, { folder, mirrors, onProgress });
  return { ...entry, path, origin: dataDir === undefined ? "cache" : "named" };
}

/**
 * Reads a file and compares it with its recorded length and checksum before anything uses it. A wrong file in the cache folder is
 * deleted and, unless offline, replaced. One in a folder of the user's or the system's is left alone: it may be another data set
 * with the same file names.
 */
export async function readVerified(
  file: DataFile,
  options: FileOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { path, origin } = file;
  const stored = await host.readFile(path).catch((error) => {
    throw unreadable(path, error);
  });
  const result = await inspect(stored, file);
  if (result.ok) return result.content;
  const problem = `Cannot use ${path} as it is damaged or not the file of ` +
    `${MANIFEST.name}: ${result.difference}`;
  if (origin !== "cache") {
    const remedy = origin === "named"
      ? "delete it or choose another --data-dir"
      : "reinstall the package dataset-fashion-mnist or choose another --data-dir";
    throw new DataError(path, `${problem}: ${remedy}`);
  }
  await host.remove(path).catch((error: Error) => {
    throw new DataError(path, `${problem}: delete it (${error.message})`);
  });
  if (options.offline && await findFile(file, options) === undefined) {
    throw new DataError(
      path,
      `${problem}: it was deleted, run without --offline or \`data fetch\` to download it again`,
    );
  }
  return await readVerified(await ensureFile(file, options), options);
}

/** Checks the options that say where files are. It reads nothing. */
export function checkFileOptions(options: FileOptions): void {
  const { dataDir, mirrors } = options;
  if (dataDir === "") throw new OptionError("dataDir", dataDir, "a folder");
  if (mirrors?.length === 0) {
    throw new OptionError("mirrors", "", "at least one web address");
  }
  for (const mirror of mirrors ?? []) {
    if (!/^https?:$/.test(URL.parse(mirror)?.protocol ?? "")) {
      throw new OptionError("mirrors", mirror, "http or https addresses");
    }
  }
}

function folders(
  { dataDir, systemDir = DEBIAN_DIR }: FileOptions,
): { dir: string; origin: DataFile["origin"] }[] {
  if (dataDir !== undefined) return [{ dir: dataDir, origin: "named" }];
  return [
    { dir: dataCacheDir(), origin: "cache" },
    { dir: systemDir, origin: "system" },
  ];
}

async function findFile(
  entry: FileEntry,
  options: FileOptions,
): Promise<DataFile | undefined> {
  for (const { dir, origin } of folders(options)) {
    const find = (path: string): Promise<PathInfo | undefined> =>
      host.stat(path).catch((error) => {
        // Nobody named the system's folder: if it cannot be read, it counts as missing.
        if (host.isMissing(error) || origin === "system") return undefined;
        throw unreadable(path, error);
      });
    const folder = await find(dir);
    if (folder === undefined) continue;
    if (!folder.isFolder) {
      throw new DataError(
        dir,
        `Cannot look for the data set in ${dir} as it is not a folder: choose another --data-dir`,
      );
    }
    for (const path of [`${dir}/${entry.name}.gz`, `${dir}/${entry.name}`]) {
      if (await find(path)) return { ...entry, path, origin };
    }
  }
}

function unreadable(path: string, error: unknown): DataError {
  const reason = reasonOf(error);
  return new DataError(
    path,
    `Cannot read ${path} (${reason}): make it a readable file or choose another --data-dir`,
  );
}
