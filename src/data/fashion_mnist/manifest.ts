/**
 * What the data set consists of (names, lengths and checksums of its files, as recorded in `data/manifest.json`), and
 * whether bytes are what is recorded.
 *
 * @module
 */

import manifest from "../../../data/manifest.json" with { type: "json" };
import { reasonOf } from "../../reason.ts";
import { gunzip, isGz } from "../gz_file.ts";

/** A file of the data set; length and checksum are those of its decompressed IDX bytes. */
export interface FileEntry {
  /** Name without `.gz`. */
  readonly name: string;
  /** SHA-256 of the decompressed bytes, 64 lower-case hexadecimal digits. */
  readonly sha256: string;
  /** Number of decompressed bytes. */
  readonly numBytes: number;
}

/** The data set as recorded: the full set, and the sample that comes with this package. */
export interface Manifest {
  /** Name of the data set. */
  readonly name: string;
  /** Licence of the data set. */
  readonly license: string;
  /** Addresses of folders with the full set, each with a slash at the end. */
  readonly mirrors: readonly string[];
  /** What label 0, 1, ... means. */
  readonly classNames: readonly string[];
  /** Full set: train images, train labels, test images, test labels. */
  readonly files: readonly FileEntry[];
  /** The sample, in the same order. */
  readonly sample: { readonly files: readonly FileEntry[] };
}

/** The content of `data/manifest.json`. */
export const MANIFEST: Manifest = manifest;

/** What came of comparing a file with its entry: its content, or how it differs. */
export type Inspection =
  | { ok: true; content: Uint8Array<ArrayBuffer> }
  | { ok: false; difference: string };

/** Decompresses bytes, if they are gz, and compares them with the length and checksum that they must have. */
export async function inspect(
  stored: Uint8Array<ArrayBuffer>,
  entry: FileEntry,
): Promise<Inspection> {
  let content: Uint8Array<ArrayBuffer>;
  try {
    const options = { maxBytes: entry.numBytes, checksum: false };
    content = isGz(stored) ? gunzip(stored, options) : stored;
  } catch (error) {
    return differs(entry, `a broken gz stream (${reasonOf(error)})`);
  }
  if (content.length > entry.numBytes) {
    return differs(entry, `more than ${entry.numBytes} bytes`);
  }
  if (content.length < entry.numBytes) {
    return differs(entry, `${content.length} bytes`);
  }
  const sha256 = await sha256Of(content);
  if (sha256 !== entry.sha256) {
    return differs(entry, `as many bytes with SHA-256 ${sha256}`);
  }
  return { ok: true, content };
}

/** Whether classes are those of Fashion-MNIST, in their order. */
export function areFashionMnist(classNames: readonly string[]): boolean {
  return `${classNames}` === `${MANIFEST.classNames}`;
}

/** The SHA-256 of bytes, in hexadecimal digits. */
export async function sha256Of(
  bytes: Uint8Array<ArrayBuffer>,
): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return new Uint8Array(digest).toHex();
}

function differs(entry: FileEntry, found: string): Inspection {
  const expected = `${entry.numBytes} bytes with SHA-256 ${entry.sha256}`;
  return { ok: false, difference: `expected ${expected}, found ${found}` };
}
