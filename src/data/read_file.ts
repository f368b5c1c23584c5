/**
 * Reading files that nothing is known of: never more of them than can be held.
 *
 * @module
 */

import { DataError } from "../errors.ts";
import { gunzip, isGz } from "./gunzip.ts";

/** Most bytes that are read of a file, and that it may decompress to: more than any data set of the MNIST family has. */
const MAX_BYTES = 2 ** 30;

/** How to read a file. */
export interface ReadFileOptions {
  /** What the file should be, to complete "name a ...". */
  readonly wanted: string;
  /** Most bytes to read and to decompress to. Default 2^30. */
  readonly maxBytes?: number;
}

/**
 * Reads a file, decompressed if it is gz, which is read from its first two bytes.
 *
 * @param file Path or `file:` address of the file; a pipe will do.
 * @param options What it should be.
 * @returns Its bytes.
 * @throws {DataError} If it cannot be read, is a broken gz stream, or is too large.
 */
export async function readFile(
  file: string | URL,
  options: ReadFileOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const { wanted, maxBytes = MAX_BYTES } = options;
  try {
    const stored = await _collect((await Deno.open(file)).readable, maxBytes);
    return decompress(stored, maxBytes);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DataError(
      String(file),
      `Cannot read ${file} (${reason}): name a ${wanted}`,
    );
  }
}

/**
 * Decompresses bytes, if they are gz: whether they are is read from the first two, not from a name, as some servers and
 * proxies decompress in passing.
 *
 * @param stored The bytes, gz or plain.
 * @param maxBytes Most bytes that they may become. Default 2^30.
 * @returns The decompressed bytes; those that are not gz as they are.
 * @throws {Error} If the stream is broken or too long.
 */
export function decompress(
  stored: Uint8Array<ArrayBuffer>,
  maxBytes: number = MAX_BYTES,
): Uint8Array<ArrayBuffer> {
  return isGz(stored) ? gunzip(stored, { maxBytes, checksum: true }) : stored;
}

async function _collect(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let numBytes = 0;
  for await (const chunk of stream) {
    numBytes += chunk.length;
    if (numBytes > maxBytes) {
      throw new Error(`it has more than ${maxBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return await new Blob(chunks).bytes();
}
