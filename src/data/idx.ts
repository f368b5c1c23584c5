/**
 * Reads IDX, the format of the MNIST family of data sets: a header of dimensions, then the bytes.
 *
 * The format is described at the end of http://yann.lecun.com/exdb/mnist/.
 *
 * @module
 */

import { DataError } from "../errors.ts";

/** Code of unsigned bytes, the only element type of the MNIST family. */
const UBYTE = 0x08;

/** An array of unsigned bytes of any rank, in row-major order. */
export interface IdxArray {
  /** Size of each dimension, outermost first. */
  shape: number[];
  /** uint8, as many as the product of `shape`. */
  data: Uint8Array;
}

/** Where IDX bytes come from and what they should be. */
export interface ParseIdxOptions {
  /** Path or address of the file, for messages. */
  path: string;
  /** Number of dimensions that it must have. Default: any. */
  rank?: number;
}

/**
 * Parses the decompressed bytes of an IDX file, strictly.
 *
 * @param bytes The whole file; the result shares its memory.
 * @param options Where the bytes come from and the rank that they must have.
 * @returns The array, with `data` being a view of `bytes`.
 * @throws {DataError} If the bytes are not exactly one IDX array of unsigned bytes of that rank.
 */
export function parseIdx(
  bytes: Uint8Array,
  options: ParseIdxOptions,
): IdxArray {
  const { path } = options;
  const check = (isRight: boolean, expected: string, found: string): void => {
    if (isRight) return;
    throw new DataError(
      path,
      `Cannot read ${path} as an IDX file: expected ${expected}, found ${found}: replace it by the original file`,
    );
  };
  const length = `${bytes.length} bytes`;
  check(bytes.length >= 4, "at least 4 bytes of header", length);
  const [zero0, zero1, type, rank] = bytes;
  check(
    zero0 === 0 && zero1 === 0,
    "two zero bytes at the start",
    `${hex(zero0)} ${hex(zero1)}`,
  );
  check(type === UBYTE, "element type 08 (unsigned byte)", hex(type));
  const wantedRank = options.rank ?? Math.max(rank, 1);
  check(rank === wantedRank, `${wantedRank} dimension(s)`, `${rank}`);
  const start = 4 + 4 * rank;
  check(bytes.length >= start, `${start} bytes of header`, length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, start);
  const shape = Array.from(
    { length: rank },
    (_, i) => view.getUint32(4 + 4 * i),
  );
  const numElements = shape.reduce((product, size) => product * size, 1);
  check(numElements > 0, "dimensions of at least 1", `[${shape}]`);
  const end = start + numElements;
  check(bytes.length === end, `${end} bytes for shape [${shape}]`, length);
  return { shape, data: bytes.subarray(start) };
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
