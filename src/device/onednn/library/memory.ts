/**
 * Describes memory to oneDNN.
 *
 * @module
 */

import type { Handle, OneDnn } from "./library.ts";
import type { Layout } from "./operation.ts";

/** Numbers of a type and of a layout, the same in versions 2 and 3. */
const FLOAT32 = 3;
const ANY_LAYOUT = 1;

/** Bytes that are enough for a descriptor of version 2; it has 696. */
const DESCRIPTOR_BYTES = 2048;

/** By layout; they live as long as the library. */
const descriptors = new Map<string, Handle>();
/** The memory of descriptors of version 2. */
const held: Uint8Array[] = [];

/**
 * Describes memory.
 *
 * @param library The library.
 * @param layout Lengths and strides; nothing describes memory that there is not.
 * @returns The descriptor, which lives as long as the library.
 */
export function describeMemory(
  library: OneDnn,
  layout: Layout | undefined,
): Handle {
  if (layout === undefined) return null;
  const { dims, strides } = layout;
  const key = `${dims};${strides}`;
  let descriptor = descriptors.get(key);
  if (descriptor === undefined) {
    descriptor = strides === "any"
      ? _make(library, "tag", [dims.length, longs(dims), FLOAT32, ANY_LAYOUT])
      : _make(library, "strides", [
        dims.length,
        longs(dims),
        FLOAT32,
        longs(strides),
      ]);
    descriptors.set(key, descriptor);
  }
  return descriptor;
}

/**
 * Numbers as the library takes them.
 *
 * @param values Integers.
 * @returns int64.
 */
export function longs(values: readonly number[]): BigInt64Array<ArrayBuffer> {
  return BigInt64Array.from(values, BigInt);
}

function _make(
  library: OneDnn,
  by: "tag" | "strides",
  values: readonly (number | BufferSource)[],
): Handle {
  if (library.major !== 2) {
    return library.make(`dnnl_memory_desc_create_with_${by}`, ...values);
  }
  const structure = new Uint8Array(DESCRIPTOR_BYTES);
  library.call(`dnnl_memory_desc_init_by_${by}`, structure, ...values);
  held.push(structure);
  return Deno.UnsafePointer.of(structure);
}
