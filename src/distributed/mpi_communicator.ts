/**
 * Processes connected by MPI.
 *
 * @module
 */

import { divide } from "../data/shard.ts";
import type { Communicator, Summable } from "../train/communicator.ts";
import type { MpiLibrary } from "./library.ts";
import type { Queue } from "./queue.ts";
import type { Process } from "./processes.ts";
import type { Watch } from "./watch.ts";

/**
 * Most elements of an operation: libraries take memory of that size for each, and the system is slow to give more than
 * this at a time.
 */
const MAX_LENGTH = 2 ** 22;

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
  }

  async allReduce(values: Summable): Promise<void> {
    if (values instanceof Float16Array) {
      await this.#allReduceHalf(values);
      return;
    }
    const { library: { call, abi }, queue } = this.#parts;
    const type = values instanceof Float32Array ? abi.float : abi.int;
    await Promise.all(
      _pieces(values, values.length).map((piece) =>
        queue.run((request) =>
          call(
            ...["MPI_Iallreduce", abi.inPlace, piece, piece.length] as const,
            ...[type, abi.sum, abi.commWorld, request],
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
      _pieces(bytes, byteLength).map((piece) =>
        queue.run((request) =>
          call(
            ...["MPI_Ibcast", piece, piece.length, abi.byte] as const,
            ...[root, abi.commWorld, request],
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
    await this.#parts.watch.leave();
    this.#parts.library.call("MPI_Finalize");
  }

  /**
   * MPI has no float16: each process adds up one part of the array, in float32, and sends the sums to all. Both ways each
   * element crosses the network as two bytes.
   */
  async #allReduceHalf(values: Float16Array): Promise<void> {
    // Makes sure that the memory of a small array does not move.
    void values.buffer;
    const { library: { call, abi }, queue, rank } = this.#parts;
    const { size } = this;
    const parts = Array.from(
      { length: size },
      (_, index) => divide(values.length, { index, count: size }),
    );
    const bytes = Float16Array.BYTES_PER_ELEMENT;
    const counts = _ints(parts.map(({ begin, end }) => bytes * (end - begin)));
    const places = _ints(parts.map(({ begin }) => bytes * begin));
    const { begin, end } = parts[rank];
    const length = end - begin;
    const received = new Float16Array(new ArrayBuffer(bytes * size * length));
    const ownCounts = _ints(parts.map(() => bytes * length));
    const ownPlaces = _ints(parts.map((_, i) => bytes * i * length));
    await queue.run((request) =>
      call(
        ...["MPI_Ialltoallv", values, counts, places, abi.byte] as const,
        ...[received, ownCounts, ownPlaces, abi.byte, abi.commWorld, request],
      ), (request) => {
      const sums = Float32Array.from(received.subarray(0, length));
      for (let process = 1; process < size; process++) {
        const own = received.subarray(process * length, (process + 1) * length);
        for (let i = 0; i < length; i++) sums[i] += own[i];
      }
      values.set(sums, begin);
      call(
        ...["MPI_Iallgatherv", abi.inPlace, 0, abi.byte] as const,
        ...[values, counts, places, abi.byte, abi.commWorld, request],
      );
    });
  }
}

/** Cuts an array into pieces that are not too long; an empty one has one, so that all processes do the same. */
function _pieces<T extends Float32Array | Int32Array | Uint8Array>(
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

/** As the library reads them, in memory that does not move. */
function _ints(numbers: readonly number[]): Int32Array<ArrayBuffer> {
  const ints = new Int32Array(new ArrayBuffer(4 * numbers.length));
  ints.set(numbers);
  return ints;
}
