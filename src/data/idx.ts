/**
 * Reads and writes IDX, the format of the MNIST family of data sets: a header of dimensions, then the values.
 *
 * The format is described at the end of http://yann.lecun.com/exdb/mnist/.
 */

import { DataError, ShapeError } from "../errors.ts";

/** The types of values by their codes. The MNIST family has uint8, but for the labels of QMNIST, which are int32. */
const TYPES = {
  0x08: ["uint8", 1, "getUint8"],
  0x09: ["int8", 1, "getInt8"],
  0x0b: ["int16", 2, "getInt16"],
  0x0c: ["int32", 4, "getInt32"],
  0x0d: ["float32", 4, "getFloat32"],
  0x0e: ["float64", 8, "getFloat64"],
} as const;

/** An array of bytes of any rank, in row-major order. */
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
 * Parses the decompressed bytes of an IDX file, strictly. Its values may be of any type of IDX where they are whole numbers from
 * 0 to 255. Where rank 1 is asked for, a table of int32 counts as its first column: so QMNIST keeps its labels.
 *
 * @param bytes The whole file.
 * @param options Where the bytes come from and the rank that they must have.
 * @returns The array, with `data` being a view of `bytes` where these are uint8, and a copy otherwise.
 * @throws {DataError} If the bytes are not exactly one IDX array of that rank, or its values are others.
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
      `Cannot read ${path} as an IDX file: expected ${expected}, found ${found}: replace it by the original file or write it anew`,
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
  check(type in TYPES, "element type 08, 09, 0b, 0c, 0d or 0e", hex(type));
  const [name, numBytes, get] = TYPES[type as keyof typeof TYPES];
  const isTable = options.rank === 1 && rank === 2 && name === "int32";
  const wantedRank = isTable ? 2 : options.rank ?? Math.max(rank, 1);
  check(rank === wantedRank, `${wantedRank} dimension(s)`, `${rank}`);
  const start = 4 + 4 * rank;
  check(bytes.length >= start, `${start} bytes of header`, length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const shape = Array.from(
    { length: rank },
    (_, i) => view.getUint32(4 + 4 * i),
  );
  const numElements = shape.reduce((product, size) => product * size, 1);
  check(numElements > 0, "dimensions of at least 1", `[${shape}]`);
  const end = start + numElements * numBytes;
  const expected = `${end} bytes for shape [${shape}] of ${name}`;
  check(bytes.length === end, expected, length);
  if (name === "uint8") return { shape, data: bytes.subarray(start) };
  const step = isTable ? shape.pop()! : 1;
  const data = new Uint8Array(numElements / step);
  for (let i = 0; i < data.length; i++) {
    const value = view[get](start + i * step * numBytes);
    data[i] = value;
    const found = `${value} as number ${i} of ${name}`;
    check(data[i] === value, "whole numbers from 0 to 255", found);
  }
  return { shape, data };
}

/**
 * Writes an array as the bytes of an IDX file of uint8: the inverse of {@linkcode parseIdx}.
 *
 * @param array The array, which is copied.
 * @returns The header and the data.
 * @throws {ShapeError} If the shape is not 1 to 255 positive 32-bit integers whose product is the number of elements.
 */
export function encodeIdx({ shape, data }: IdxArray): Uint8Array<ArrayBuffer> {
  const isShape = shape.length > 0 && shape.length < 256 &&
    shape.every((size) => size >= 1 && size === size >>> 0);
  if (!isShape || shape.reduce((a, b) => a * b) !== data.length) {
    throw new ShapeError(
      `Cannot write shape [${shape}] as IDX as its product must be the number of elements: there are ${data.length}`,
    );
  }
  const start = 4 + 4 * shape.length;
  const bytes = new Uint8Array(start + data.length);
  bytes.set([0, 0, 0x08, shape.length]);
  const view = new DataView(bytes.buffer);
  shape.forEach((size, i) => view.setUint32(4 + 4 * i, size));
  bytes.set(data, start);
  return bytes;
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
