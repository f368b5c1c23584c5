/**
 * Decompresses gz files by fflate, in pieces, so that a stream that becomes too long is stopped in time. fflate leaves the
 * checks of RFC 1952 to its caller: they are here. What is accepted has the right content; of compressed data that is
 * malformed and still has that, as where a stored block states its length wrongly the second time, fflate accepts some.
 *
 * @module
 */

import { Crc32 } from "@aws-crypto/crc32";
import { Gunzip, gzipSync } from "fflate";

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

/** A member of no bytes. fflate says where a member begins, not where one ends: so this is put behind the last. */
const END = gzipSync(new Uint8Array(0));

/** What a gz stream may become, and what is checked. */
export interface GunzipOptions {
  /** Most bytes that it may become. */
  readonly maxBytes: number;
  /** Whether to compute the CRC-32: needless where a SHA-256 of the content is known. */
  readonly checksum: boolean;
}

/**
 * Says whether bytes begin as a gz stream does.
 *
 * @param bytes The bytes.
 * @returns Whether they do.
 */
export function isGz(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * Decompresses a gz stream of one or more members. Nothing may follow the last one.
 *
 * @param stored The stream.
 * @param options What it may become, and what is checked.
 * @returns The decompressed bytes.
 * @throws {Error} If the stream is broken, cut off or too long.
 */
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

/** Compares what a member became with what its last bytes say. */
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
