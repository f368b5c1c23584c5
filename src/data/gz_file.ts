/**
 * Reads files that may be gz, of which nothing is known: never more of them than can be held. fflate decompresses in pieces, so
 * that a stream that becomes too long is stopped in time. It leaves the checks of RFC 1952 to its caller: they are here.
 * Whatever is accepted has the right content. fflate accepts some streams that are malformed and still have it, such as one whose
 * stored block states its length wrongly the second time.
 */

import { Crc32 } from "@aws-crypto/crc32";
import { Gunzip, gzipSync } from "fflate";
import { DataError } from "../errors.ts";
import { host } from "../platform/host.ts";
import { reasonOf } from "../reason.ts";

/** Most bytes that are read of a file, and that it may decompress to: more than any data set of the MNIST family has. */
const MAX_BYTES = 2 ** 30;

/** Reads a file or a pipe, and decompresses it if it is gz. Errors say to name a file of the kind that is `wanted`. */
export async function readFile(
  file: string | URL,
  { wanted, maxBytes = MAX_BYTES }: { wanted: string; maxBytes?: number },
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return decompress(await host.readFile(file, maxBytes), { maxBytes });
  } catch (error) {
    throw new DataError(
      String(file),
      `Cannot read ${file} (${reasonOf(error)}): name a ${wanted}`,
    );
  }
}

/**
 * Decompresses bytes if the first two are those of gz, whatever their name is: some servers and proxies decompress in
 * passing. The checksum, a CRC-32, is needless where a SHA-256 of the content is known.
 */
export function decompress(
  stored: Uint8Array<ArrayBuffer>,
  { maxBytes = MAX_BYTES, checksum = true } = {},
): Uint8Array<ArrayBuffer> {
  const isGz = stored[0] === 0x1f && stored[1] === 0x8b;
  return isGz ? gunzip(stored, { maxBytes, checksum }) : stored;
}

/** Bytes that fflate is given at once. Deflate makes at most 1032 bytes of one, so that fflate returns 68 MB at the most. */
const PIECE_BYTES = 2 ** 16;

/** Length of the end of a member: its CRC-32, and its length modulo 2^32. */
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

/** Decompresses a gz stream of one or more members to at most `maxBytes`. Nothing may follow the last member. */
export function gunzip(
  stored: Uint8Array,
  { maxBytes, checksum }: { maxBytes: number; checksum: boolean },
): Uint8Array<ArrayBuffer> {
  const pieces: Uint8Array[] = [];
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
    checkHeader(stored.subarray(member.start, end));
    const at = stored.byteOffset + end - TRAILER_BYTES;
    const trailer = new DataView(stored.buffer, at, TRAILER_BYTES);
    if (checksum && member.crc.digest() !== trailer.getUint32(0, true)) {
      throw new Error("wrong checksum");
    }
    if (member.numBytes % 2 ** 32 !== trailer.getUint32(4, true)) {
      throw new Error("wrong length");
    }
    member = { start: end, numBytes: 0, crc: new Crc32() };
  };
  for (let at = 0; at < stored.length; at += PIECE_BYTES) {
    stream.push(stored.subarray(at, at + PIECE_BYTES));
  }
  stream.push(END, true);
  if (member.start !== stored.length) throw new Error("unexpected end of file");
  return join(pieces);
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

/** Copies pieces into one. */
export function join(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(
    pieces.reduce((sum, { length }) => sum + length, 0),
  );
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
