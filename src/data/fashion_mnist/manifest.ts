/**
 * What the data set consists of: names, lengths and checksums of its files, as recorded in `data/manifest.json`.
 *
 * @module
 */

import manifest from "../../../data/manifest.json" with { type: "json" };

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
