/**
 * Reads files that may be gz, of which nothing is known: never more of them than can be held. fflate decompresses in pieces, so
 * that a stream that becomes too long is stopped in time. It leaves the checks of RFC 1952 to its caller: they are here. What
 * is accepted has the right content; of compressed data that is malformed and still has that, as where a stored block states
 * its length wrongly the second time, fflate accepts some.
 *
 * @module
 */

import { Crc32 } from "@aws-crypto/crc32";
import { Gunzip, gzipSync } from "fflate";
import { DataError } from "../errors.ts";
import { host } from "../platform/host.ts";
import { reasonOf } from "../reason.ts";

/** Bytes that fflate is given at once: as deflate makes at most 1032 bytes of one, it returns 68 MB at the most. */
const PIECE_BYTES = 2 ** 16;

/** Length of what follows a member: its CRC-32, and its length modulo 2^32. */
const TRAILER_BYTES = 8;

/** Bits of a header's flags, RFC 1952, 2.3.1. */
const FLAGS = {
  headerCrc: 0x02,
  extra: 0x04,
  name: 0x08,
  comment: 0x10,
  reserved: 0xe0,
};

/** An empty member. fflate says where a member begins, not where one ends: so this is put behind the last. */
const END = gzipSync(new Uint8Array(0));

/** What a gz stream may become, and what is checked. */
export interface GunzipOptions {
  /** Most bytes that it may become. */
  readonly maxBytes: number;
  /** Whether to compute the CRC-32: needless where a SHA-256 of the content is known. */
  readonly checksum: boolean;
}

/** Whether bytes begin as a gz stream does. */
export function isGz(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** Decompresses a gz stream of one or more members. Nothing may follow the last one. */
export function gunzip(
  stored: Uint8Array,
  options: GunzipOptions,
): Uint8Array<ArrayBuffer> {
  const { maxBytes, checksum } = options;
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let numBytes = 0;
  let member = { start: 0, numBytes: 0, crc: new Crc32() };
  const stream = new Gunzip((piece) => {
    numBytes += piece.length;
    if (numBytes > maxBytes) {
      throw new Error(`it has more than ${maxBytes} bytes`);
    }
    pieces.push(piece);
    member.numBytes += piece.length;
    if (checksum) member.crc.update(piece);
  });
  stream.onmember = (end) => {
    const bytes = stored.subarray(member.start, end);
    checkHeader(bytes);
    checkTrailer(bytes, {
      numBytes: member.numBytes,
      crc: checksum ? member.crc.digest() : undefined,
    });
    member = { start: end, numBytes: 0, crc: new Crc32() };
  };
  for (let at = 0; at < stored.length; at += PIECE_BYTES) {
    stream.push(stored.subarray(at, at + PIECE_BYTES));
  }
  stream.push(END, true);
  if (member.start !== stored.length) throw new Error("unexpected end of file");
  return join(pieces, numBytes);
}

/** Refuses flags that mean nothing yet, and a wrong checksum of the header itself. */
function checkHeader(member: Uint8Array): void {
  const flags = member[3];
  if (flags & FLAGS.reserved) throw new Error("unknown flags in its header");
  if (!(flags & FLAGS.headerCrc)) return;
  let end = 10;
  if (flags & FLAGS.extra) end += 2 + (member[end] | member[end + 1] << 8);
  for (const text of [FLAGS.name, FLAGS.comment]) {
    if (flags & text) end = member.indexOf(0, end) + 1;
  }
  const crc = new Crc32().update(member.subarray(0, end)).digest();
  if ((member[end] | member[end + 1] << 8) !== (crc & 0xffff)) {
    throw new Error("wrong checksum of its header");
  }
}

/** Compares the length and checksum of a decompressed member with those in its last bytes. */
function checkTrailer(
  member: Uint8Array,
  found: { numBytes: number; crc: number | undefined },
): void {
  const at = member.byteOffset + member.length - TRAILER_BYTES;
  const trailer = new DataView(member.buffer, at, TRAILER_BYTES);
  const crc = trailer.getUint32(0, true);
  if (found.crc !== undefined && found.crc !== crc) {
    throw new Error("wrong checksum");
  }
  if (found.numBytes % 2 ** 32 !== trailer.getUint32(4, true)) {
    throw new Error("wrong length");
  }
}

function join(
  pieces: readonly Uint8Array<ArrayBuffer>[],
  numBytes: number,
): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(numBytes);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** Most bytes that are read of a file, and that it may decompress to: more than any data set of the MNIST family has. */
const MAX_BYTES = 2 ** 30;

/** How to read a file. */
export interface ReadFileOptions {
  /** What the file should be, to complete "name a ...". */
  readonly wanted: string;
  /** Most bytes to read and to decompress to. Default 2^30. */
  readonly maxBytes?: number;
}

/** Reads a file or a pipe. If its first two bytes are those of gz, it is decompressed. */
export async function readFile(
  file: string | URL,
  options: ReadFileOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const { wanted, maxBytes = MAX_BYTES } = options;
  try {
    return decompress(await host.readFile(file, maxBytes), maxBytes);
  } catch (error) {
    throw new DataError(
      String(file),
      `Cannot read ${file} (${reasonOf(error)}): name a ${wanted}`,
    );
  }
}

/**
 * Decompresses bytes if the first two are those of gz, whatever their name is: some servers and proxies decompress in
 * passing.
 */
export function decompress(
  stored: Uint8Array<ArrayBuffer>,
  maxBytes: number = MAX_BYTES,
): Uint8Array<ArrayBuffer> {
  return isGz(stored) ? gunzip(stored, { maxBytes, checksum: true }) : stored;
}
