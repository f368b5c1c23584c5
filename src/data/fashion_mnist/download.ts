/** Downloads a file of the data set from one of several mirrors, resuming what an earlier run began. */

import { DataError } from "../../errors.ts";
import { host } from "../../platform/host.ts";
import { type FileEntry, inspect } from "./manifest.ts";

/** How far the download of one file is. */
export interface DownloadProgress {
  /** Name of the file, such as `train-images-idx3-ubyte.gz`. */
  file: string;
  /** Bytes on disk, those of an earlier run included. */
  receivedBytes: number;
  /** Bytes of the whole file, or undefined if the server does not say. */
  totalBytes: number | undefined;
}

/** How long to wait for a server to answer. */
const CONNECT_TIMEOUT_MS = 20_000;

/** Where to download from and to. */
interface DownloadOptions {
  /** Made if it does not exist. */
  folder: string;
  /** Addresses of folders to try in turn, each with a slash at the end. */
  mirrors: readonly string[];
  onProgress?: (progress: DownloadProgress) => void;
  /** How long to wait for the next piece. Default 30,000. */
  stallTimeoutMs?: number;
}

/** One transfer from one address to a `.part` file. */
interface Transfer extends DownloadOptions {
  entry: FileEntry;
  url: string;
  part: string;
}

/**
 * Downloads NAME.gz, verifies its decompressed content, and only then gives it its name. A connection that breaks or
 * stalls leaves NAME.gz.part, which the next try (another mirror, or another run) continues with a Range request.
 * Everything else that goes wrong leaves nothing behind. While one process writes to NAME.gz.part, another that downloads the
 * same file writes to one of its own, and the last whole file stays.
 */
export async function downloadFile(
  entry: FileEntry,
  options: DownloadOptions,
): Promise<string> {
  const { folder, mirrors } = options;
  const path = `${folder}/${entry.name}.gz`;
  await onDisk(folder, host.makeFolder(folder, { recursive: true }));
  // A file system may have no locks.
  const lock = await Promise.try(() => host.lock(`${path}.lock`))
    .catch(() => undefined);
  const part = `${path}${lock ? "" : `.${crypto.randomUUID()}`}.part`;
  try {
    const reasons: string[] = [];
    for (const mirror of mirrors) {
      const url = `${mirror}${entry.name}.gz`;
      try {
        await downloadFrom({ ...options, entry, url, part });
        await onDisk(path, host.rename(part, path));
        return path;
      } catch (error) {
        if (error instanceof DataError) throw error;
        reasons.push(`${mirror}: ${innermostReason(error)}`);
      }
    }
    const why = reasons.join("; ");
    throw new DataError(
      path,
      `Cannot download ${entry.name}.gz as no mirror delivered it (${why}): run it again, or put the four files in ${folder}, or \`apt-get install dataset-fashion-mnist\``,
    );
  } finally {
    await host.remove(lock ? `${path}.lock` : part).catch(() => {});
    lock?.[Symbol.dispose]();
  }
}

/** Leaves the verified file under its `.part` name. If the content is wrong, it throws and removes the file. */
async function downloadFrom(transfer: Transfer): Promise<void> {
  const { entry, part } = transfer;
  const { size } = await host.stat(part).catch(() => ({ size: 0 }));
  for (const offset of [size, 0]) {
    const start = await runTransfer(transfer, offset);
    const stored = await onDisk(part, host.readFile(part));
    const result = await inspect(stored, entry);
    if (result.ok) return;
    // Mirrors may compress differently. If the beginning came from another one, all of it is downloaded again.
    if (start > 0) continue;
    await onDisk(part, host.remove(part));
    throw new Error(result.difference);
  }
}

/** Appends to the `.part` file from `offset` on, or writes it anew if the server cannot; returns where it started. */
async function runTransfer(
  transfer: Transfer,
  offset: number,
): Promise<number> {
  const { url, stallTimeoutMs = 30_000 } = transfer;
  const abort = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const waitAtMost = (ms: number, what: string): void => {
    clearTimeout(timer);
    const reason = new Error(`${what} within ${ms / 1000} s`);
    timer = setTimeout(() => abort.abort(reason), ms);
  };
  try {
    waitAtMost(CONNECT_TIMEOUT_MS, "no answer");
    // "identity", as the runtime would decompress what a server marks as gzip-encoded.
    const headers = new Headers({ "accept-encoding": "identity" });
    if (offset > 0) headers.set("range", `bytes=${offset}-`);
    const response = await fetch(url, { headers, signal: abort.signal });
    const start = startOf(response, offset);
    if (start === undefined) {
      await response.body?.cancel();
      if (offset === 0) throw new Error(`HTTP status ${response.status}`);
    } else {
      const alive = () => waitAtMost(stallTimeoutMs, "no further data");
      await saveBody(response, { transfer, start, alive });
      return start;
    }
  } finally {
    clearTimeout(timer);
    // Frees the connection when the answer was not read to its end.
    abort.abort();
  }
  return await runTransfer(transfer, 0);
}

/** Position of the first byte of the answer, or undefined if it is not usable. */
function startOf(response: Response, offset: number): number | undefined {
  if (response.status === 200) return 0;
  if (response.status === 206 && offset > 0) {
    const range = response.headers.get("content-range") ?? "";
    const start = /^bytes (\d+)-/.exec(range)?.[1];
    if (Number(start) === offset) return offset;
  }
}

async function saveBody(
  response: Response,
  { transfer, start, alive }: {
    transfer: Transfer;
    start: number;
    alive: () => void;
  },
): Promise<void> {
  const { entry, part, onProgress } = transfer;
  const length = Number(response.headers.get("content-length") ?? NaN);
  const totalBytes = Number.isFinite(length) ? start + length : undefined;
  // Deflate adds less than 1% to data that it cannot compress.
  const maxBytes = entry.numBytes * 1.01 + 1024;
  let receivedBytes = start;
  const opened = host.open(part, start > 0 ? "append" : "replace");
  using file = await onDisk(part, opened);
  try {
    alive();
    for await (const piece of response.body ?? []) {
      alive();
      await onDisk(part, file.write(piece));
      receivedBytes += piece.length;
      onProgress?.({ file: `${entry.name}.gz`, receivedBytes, totalBytes });
      // The file is too long. The inspection says so.
      if (receivedBytes > maxBytes) break;
    }
  } catch (error) {
    if (error instanceof DataError || receivedBytes === 0) {
      await host.remove(part).catch(() => {});
    }
    throw error;
  }
}

/** Throws a DataError if a file operation fails: then no other mirror is tried. */
async function onDisk<T>(path: string, operation: Promise<T>): Promise<T> {
  try {
    return await operation;
  } catch (error) {
    const reason = innermostReason(error);
    throw new DataError(
      path,
      `Cannot save the download at ${path} (${reason}): make the folder writable, free space or choose another --data-dir`,
    );
  }
}

/** The message of the innermost cause: fetch's own says little more than that it failed. */
function innermostReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause !== undefined) return innermostReason(error.cause);
  return error.message
    .replace(/^error sending request for url \([^)]*\): /, "")
    .replace(/\s+/g, " ");
}
