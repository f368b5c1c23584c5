/**
 * What the data set consists of (names, lengths and checksums of its files, as recorded in `data/manifest.json`), and
 * whether bytes are what is recorded.
 */

import manifest from "../../../data/manifest.json" with { type: "json" };
import { reasonOf } from "../../reason.ts";
import { decompress } from "../gz_file.ts";

/** A file of the data set; length and checksum are those of its decompressed IDX bytes. */
export interface FileEntry {
  /** Name without `.gz`. */
  readonly name: string;
  /** 64 lower-case hexadecimal digits. */
  readonly sha256: string;
  readonly numBytes: number;
}

/**
 * What `data/manifest.json` records: the addresses of folders with the full set (`mirrors`), what label 0, 1, ... means, and the
 * `files` of the full set and of the `sample`: train images, train labels, test images, test labels.
 */
export const MANIFEST = manifest;

/** The content of a file, or how it differs from its entry. */
type Inspection =
  | { ok: true; content: Uint8Array<ArrayBuffer> }
  | { ok: false; difference: string };

/** Decompresses bytes, if they are gz, and compares them with the length and checksum that they must have. */
export async function inspect(
  stored: Uint8Array<ArrayBuffer>,
  { numBytes, sha256 }: FileEntry,
): Promise<Inspection> {
  const differs = (found: string): Inspection => ({
    ok: false,
    difference:
      `expected ${numBytes} bytes with SHA-256 ${sha256}, found ${found}`,
  });
  let content: Uint8Array<ArrayBuffer>;
  try {
    content = decompress(stored, { maxBytes: numBytes, checksum: false });
  } catch (error) {
    return differs(`a broken gz stream (${reasonOf(error)})`);
  }
  const { length } = content;
  if (length > numBytes) return differs(`more than ${numBytes} bytes`);
  if (length < numBytes) return differs(`${length} bytes`);
  const found = await sha256Of(content);
  if (found === sha256) return { ok: true, content };
  return differs(`as many bytes with SHA-256 ${found}`);
}

/** Whether data is Fashion-MNIST, as far as its source and its class names say. */
export function isFashionMnist(
  data: { classNames: readonly string[]; source?: string },
): boolean {
  return data.source !== "own" &&
    `${data.classNames}` === `${MANIFEST.classNames}`;
}

/** The SHA-256 of bytes, in hexadecimal digits. */
export async function sha256Of(
  bytes: Uint8Array<ArrayBuffer>,
): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return new Uint8Array(digest).toHex();
}
