/**
 * Decompresses a file of the data set and compares it with its recorded length and checksum, before anything uses it.
 *
 * @module
 */

import { gunzip, isGz } from "../gunzip.ts";
import type { FileEntry } from "./manifest.ts";

/** What came of comparing a file with its entry: its content, or how it differs. */
export type Inspection =
  | { ok: true; content: Uint8Array<ArrayBuffer> }
  | { ok: false; difference: string };

/**
 * Decompresses bytes, if they are gz, and compares them with what they should be.
 *
 * @param stored The bytes of a file, gz or plain.
 * @param entry Length and checksum that the decompressed bytes must have.
 * @returns The decompressed bytes, or "expected ..., found ..." in words.
 */
export async function inspect(
  stored: Uint8Array<ArrayBuffer>,
  entry: FileEntry,
): Promise<Inspection> {
  let content: Uint8Array<ArrayBuffer>;
  try {
    const options = { maxBytes: entry.numBytes, checksum: false };
    content = isGz(stored) ? gunzip(stored, options) : stored;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return _differs(entry, `a broken gz stream (${reason})`);
  }
  if (content.length > entry.numBytes) {
    return _differs(entry, `more than ${entry.numBytes} bytes`);
  }
  if (content.length < entry.numBytes) {
    return _differs(entry, `${content.length} bytes`);
  }
  const sha256 = await sha256Of(content);
  if (sha256 !== entry.sha256) {
    return _differs(entry, `as many bytes with SHA-256 ${sha256}`);
  }
  return { ok: true, content };
}

/**
 * Computes the SHA-256 of bytes.
 *
 * @param bytes The bytes.
 * @returns 64 lower-case hexadecimal digits.
 */
export async function sha256Of(
  bytes: Uint8Array<ArrayBuffer>,
): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return new Uint8Array(digest).toHex();
}

function _differs(entry: FileEntry, found: string): Inspection {
  const expected = `${entry.numBytes} bytes with SHA-256 ${entry.sha256}`;
  return { ok: false, difference: `expected ${expected}, found ${found}` };
}
