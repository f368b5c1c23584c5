/**
 * Memory for what is copied into the layout that oneDNN likes best. Operations are executed one after the other, so all have
 * the same.
 *
 * @module
 */

/** What arrays begin at a multiple of: a cache line, and the widest vector. */
export const ALIGNMENT = 64;

/** An array for each of the copies that an operation needs at a time. */
const slots: Uint8Array<ArrayBuffer>[] = [];

/**
 * Reserves memory.
 *
 * @param slot Number of the copy in its operation.
 * @param bytes How much.
 */
export function reserveScratch(slot: number, bytes: number): void {
  if ((slots[slot]?.length ?? 0) >= bytes) return;
  const buffer = new ArrayBuffer(bytes + ALIGNMENT);
  slots[slot] = new Uint8Array(buffer, alignedOffset(buffer), bytes);
}

/**
 * The memory of a copy, which moves when more is reserved.
 *
 * @param slot Number of the copy in its operation.
 * @returns As many bytes as were reserved, or more.
 */
export function scratchOf(slot: number): Uint8Array<ArrayBuffer> {
  return slots[slot];
}

/**
 * Looks for the first aligned place.
 *
 * @param buffer Memory.
 * @returns Bytes before it.
 */
export function alignedOffset(buffer: ArrayBuffer): number {
  const address = Deno.UnsafePointer.value(Deno.UnsafePointer.of(buffer));
  return Number(-address & BigInt(ALIGNMENT - 1));
}
