/**
 * Makes IDX files, for tests of reading them.
 *
 * @module
 */

import type { IdxArray } from "../../src/data/idx.ts";

/** Writes an array of bytes as an IDX file. */
export function encodeIdx({ shape, data }: IdxArray): Uint8Array<ArrayBuffer> {
  const start = 4 + 4 * shape.length;
  const bytes = new Uint8Array(start + data.length);
  bytes.set([0, 0, 0x08, shape.length]);
  const view = new DataView(bytes.buffer);
  shape.forEach((size, i) => view.setUint32(4 + 4 * i, size));
  bytes.set(data, start);
  return bytes;
}
