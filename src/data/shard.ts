/**
 * Parts of batches, for processes that train together.
 *
 * @module
 */

/** Whose part of each batch. */
export interface Shard {
  /** Which of the processes, from 0. */
  readonly index: number;
  /** How many processes there are. */
  readonly count: number;
}

/** Which part of a whole batch some images are. */
export interface ShardPlace {
  /** Place in the whole batch of the first of them. */
  readonly begin: number;
  /** Images of the whole batch. */
  readonly total: number;
}

/**
 * Divides a batch: the parts follow each other, and their sizes differ by one image at most. Of a batch with fewer images
 * than there are processes, some parts are empty.
 *
 * @param total Images of the batch.
 * @param shard Whose part.
 * @returns Places of its first image and of that after its last.
 */
export function divide(
  total: number,
  { index, count }: Shard,
): { begin: number; end: number } {
  const edge = (i: number) => Math.floor(i * total / count);
  return { begin: edge(index), end: edge(index + 1) };
}
