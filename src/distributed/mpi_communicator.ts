/**
 * Processes connected by MPI.
 *
 * @module
 */

import type { Communicator, Summable } from "../train/communicator.ts";
import { HalfSum, type Queue } from "./queue.ts";
import type { MpiLibrary } from "./library.ts";
import type { Process } from "./processes.ts";
import type { Watch } from "./watch.ts";

/**
 * Most elements of an operation: libraries take memory of that size for each, and the system is slow to give more than
 * this at a time.
 */
export const MAX_LENGTH = 2 ** 22;

/**
 * How long no process calls the library before all of them finalize it, in milliseconds. Without this pause MPICH 4, over UCX's
 * TCP, may hang in `MPI_Finalize`: a process then answers another one's from within an earlier call.
 */
const QUIET_MS = 200;

/** What a communicator is made of. */
export interface MpiParts {
  readonly library: MpiLibrary;
  readonly watch: Watch;
  readonly queue: Queue;
  readonly rank: number;
  readonly processes: readonly Process[];
}

/**
 * Processes that were started by `mpirun`, connected by the MPI library of the system: see `connectMpi()`. Only the main
 * thread calls the library, and never waits in it.
 */
export class MpiCommunicator implements Communicator {
  readonly rank: number;
  readonly size: number;
  /** Which of the processes on this machine this is, from 0. */
  readonly localRank: number;
  /** How many of the processes are on this machine. */
  readonly localSize: number;
  /** All processes, by rank. */
  readonly processes: readonly Process[];
  /** The library, for example "Open MPI v4.1.4". */
  readonly library: string;
  readonly #parts: MpiParts;
  readonly #halves: HalfSum;

  /**
   * Describes the connection; `connectMpi()` makes it.
   *
   * @param parts What it is made of.
   */
  constructor(parts: MpiParts) {
    const { rank, processes, library } = parts;
    const { host } = processes[rank];
    const isHere = (process: Process) => process.host === host;
    this.rank = rank;
    this.size = processes.length;
    this.localRank = processes.slice(0, rank).filter(isHere).length;
    this.localSize = processes.filter(isHere).length;
    this.processes = processes;
    this.library = library.version;
    this.#parts = parts;
    this.#halves = new HalfSum(library, this);
  }

  async allReduce(values: Summable): Promise<void> {
    const { library: { call, abi }, queue } = this.#parts;
    if (values instanceof Float16Array) {
      const parts = pieces(values, values.length);
      await Promise.all(
        parts.map((piece) => queue.run(...this.#halves.stages(piece))),
      );
      return;
    }
    const type = values instanceof Float32Array ? abi.float : abi.int;
    await Promise.all(
      pieces(values, values.length).map((piece) =>
        queue.run((request) =>
          call(
            "MPI_Iallreduce",
            abi.inPlace,
            piece,
            piece.length,
            type,
            abi.sum,
            abi.commWorld,
            request,
          )
        )
      ),
    );
  }

  async broadcast(
    values: Float32Array | Int32Array | Uint8Array,
    root: number,
  ): Promise<void> {
    const { library: { call, abi }, queue } = this.#parts;
    const { buffer, byteOffset, byteLength } = values;
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    await Promise.all(
      pieces(bytes, byteLength).map((piece) =>
        queue.run((request) =>
          call(
            "MPI_Ibcast",
            piece,
            piece.length,
            abi.byte,
            root,
            abi.commWorld,
            request,
          )
        )
      ),
    );
  }

  /** Waits until all processes have come here. */
  async barrier(): Promise<void> {
    const { library: { call, abi }, queue } = this.#parts;
    await queue.run((request) => call("MPI_Ibarrier", abi.commWorld, request));
  }

  /**
   * Ends all processes at once, this one included.
   *
   * @param code The exit code.
   */
  abort(code: number): never {
    const { call, abi } = this.#parts.library;
    call("MPI_Abort", abi.commWorld, code);
    Deno.exit(code);
  }

  /** Waits for all processes, and disconnects; nothing else may be called afterwards. */
  async finalize(): Promise<void> {
    await this.barrier();
    const { watch, library } = this.#parts;
    await watch.leave();
    await this.barrier();
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
    library.call("MPI_Finalize");
  }
}

/** Cuts an array into pieces that are not too long. An empty array is one piece, so that all processes do the same. */
function pieces<T extends Summable | Uint8Array>(
  values: T,
  length: number,
): T[] {
  // Makes sure that the memory of a small array does not move.
  void values.buffer;
  const step = MAX_LENGTH * 4 / values.BYTES_PER_ELEMENT;
  const count = Math.max(1, Math.ceil(length / step));
  return Array.from(
    { length: count },
    (_, i) => values.subarray(i * step, (i + 1) * step) as T,
  );
}
