/**
 * The processes that train together: which machine each is on.
 *
 * @module
 */

/** A process. */
export interface Process {
  /** Which of the processes it is, from 0. */
  readonly rank: number;
  /** Its machine, as MPI names it. */
  readonly host: string;
  /** Its number on that machine. */
  readonly pid: number;
}

/** Bytes of the longest name of a machine that is not cut. */
const MAX_NAME = 128;

/** Integers that say all of a process. */
export const PROCESS_LENGTH = 1 + MAX_NAME / 4;

/**
 * Writes a process down.
 *
 * @param process The process.
 * @param out int32 `[PROCESS_LENGTH]`, zeros before.
 */
export function writeProcess(
  { host, pid }: Omit<Process, "rank">,
  out: Int32Array<ArrayBuffer>,
): void {
  const { buffer, byteOffset } = out;
  out[0] = pid;
  const name = new Uint8Array(buffer, byteOffset + 4, MAX_NAME);
  new TextEncoder().encodeInto(host, name);
}

/**
 * Reads what {@linkcode writeProcess} wrote.
 *
 * @param all int32 `[size * PROCESS_LENGTH]`.
 * @returns The processes by rank.
 */
export function readProcesses(all: Int32Array<ArrayBuffer>): Process[] {
  const size = all.length / PROCESS_LENGTH;
  return Array.from({ length: size }, (_, rank) => {
    const at = rank * PROCESS_LENGTH;
    const name = new Uint8Array(all.buffer, 4 * (at + 1), MAX_NAME);
    const end = name.indexOf(0);
    const host = new TextDecoder()
      .decode(name.subarray(0, end < 0 ? undefined : end));
    return { rank, host, pid: all[at] };
  });
}

/**
 * Names a process for people.
 *
 * @param process The process.
 * @returns For example "rank 1 (PID 1234 on node7)".
 */
export function nameOf({ rank, host, pid }: Process): string {
  return `rank ${rank} (PID ${pid} on ${host})`;
}
