/**
 * What processes that train together need of each other.
 *
 * @module
 */

/** Values that can be summed over processes. */
export type Summable = Float32Array | Int32Array | Float16Array;

/**
 * Connects this process to others. All of them call the same methods in the same order, with arrays of the same type and
 * length. A call may begin before earlier ones have ended. An array must be left alone until its promise settles.
 *
 * `connectMpi()` gives one over MPI; any other object that does the same can be used.
 */
export interface Communicator {
  /** Which of the processes this is, from 0. */
  readonly rank: number;
  /** How many processes there are. */
  readonly size: number;
  /**
   * Sums arrays over all processes, element by element; float16 is added in float32.
   *
   * @param values This process's values, replaced by the sums, which are the same in all processes.
   * @throws {DistributedError} If a process has failed.
   */
  allReduce(values: Summable): Promise<void>;
  /**
   * Copies an array from a process to all others.
   *
   * @param values What `root` sends; replaced in the other processes.
   * @param root Rank of the process that sends.
   * @throws {DistributedError} If a process has failed.
   */
  broadcast(
    values: Float32Array | Int32Array | Uint8Array,
    root: number,
  ): Promise<void>;
}

/** Sums numbers that float32 can hold over all processes, in float32. */
export async function sumNumbers(
  communicator: Communicator,
  numbers: readonly number[],
): Promise<number[]> {
  const values = Float32Array.from(numbers);
  await communicator.allReduce(values);
  return [...values];
}

/** For each flag, whether it is set in any of the processes. */
export async function anywhere(
  communicator: Communicator,
  flags: readonly boolean[],
): Promise<boolean[]> {
  const counts = Int32Array.from(flags, Number);
  await communicator.allReduce(counts);
  return Array.from(counts, (count) => count > 0);
}
