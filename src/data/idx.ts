/**
 * Reads and writes IDX, the format of the MNIST family of data sets: a header of dimensions, then the bytes.
 *
 * The format is described at the end of http://yann.lecun.com/exdb/mnist/.
 *
 * @module
 */

import { DataError, ShapeError } from "../errors.ts";

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
  if (bytes.length < 4) {
    throw refusal(path, "at least 4 bytes of header", `${bytes.length} bytes`);
  }
  const [zero0, zero1, type, rank] = bytes;
  if (zero0 !== 0 || zero1 !== 0) {
    throw refusal(path, "two zero bytes at the start", hex(zero0, zero1));
  }
  if (type !== UBYTE) {
    throw refusal(path, "element type 08 (unsigned byte)", hex(type));
  }
  const wantedRank = options.rank ?? Math.max(rank, 1);
  if (rank !== wantedRank) {
    throw refusal(path, `${wantedRank} dimension(s)`, `${rank}`);
  }
  const numHeaderBytes = 4 + 4 * rank;
  if (bytes.length < numHeaderBytes) {
    throw refusal(
      path,
      `${numHeaderBytes} bytes of header`,
      `${bytes.length} bytes`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, numHeaderBytes);
  const shape = Array.from(
    { length: rank },
    (_, i) => view.getUint32(4 + 4 * i),
  );
  const numElements = shape.reduce((product, size) => product * size, 1);
  if (numElements === 0) {
    throw refusal(path, "dimensions of at least 1", `[${shape}]`);
  }
  if (bytes.length !== numHeaderBytes + numElements) {
    throw refusal(
      path,
      `${numHeaderBytes + numElements} bytes for shape [${shape}]`,
      `${bytes.length} bytes`,
    );
  }
  return { shape, data: bytes.subarray(numHeaderBytes) };
}

/**
 * Writes an array as the bytes of an IDX file: the inverse of {@linkcode parseIdx}.
 *
 * @param array The array, which is copied.
 * @returns The header and the data.
 * @throws {ShapeError} If the shape is not 1 to 255 positive 32-bit integers that multiply to the number of elements.
 */
export function encodeIdx(array: IdxArray): Uint8Array<ArrayBuffer> {
  const { shape, data } = array;
  const valid = shape.length >= 1 && shape.length <= 255 &&
    shape.every((size) => size >= 1 && size === size >>> 0) &&
    shape.reduce((product, size) => product * size, 1) === data.length;
  if (!valid) {
    throw new ShapeError(
      `Cannot write shape [${shape}] as IDX as its product must be the number of elements: there are ${data.length}`,
    );
  }
  const numHeaderBytes = 4 + 4 * shape.length;
  const bytes = new Uint8Array(numHeaderBytes + data.length);
  bytes.set([0, 0, UBYTE, shape.length]);
  const view = new DataView(bytes.buffer);
  shape.forEach((size, i) => view.setUint32(4 + 4 * i, size));
  bytes.set(data, numHeaderBytes);
  return bytes;
}

function refusal(path: string, expected: string, actual: string): DataError {
  return new DataError(
    path,
    `Cannot read ${path} as an IDX file: expected ${expected}, found ${actual}: replace it by the original file`,
  );
}

function hex(...bytes: number[]): string {
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
