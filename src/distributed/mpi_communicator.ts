/** Connects this process to those that `mpirun` started with it, by MPI. */

import { DistributedError } from "../errors.ts";
import { requireNumber } from "../options.ts";
import type { Communicator, Summable } from "../train/communicator.ts";
import { MPI_VARIABLE, type MpiLibrary, openMpi, readText } from "./library.ts";
import {
  findLauncher,
  nameOf,
  type Process,
  PROCESS_BYTES,
  readProcesses,
  shareMachine,
  writeProcess,
} from "./processes.ts";
import { collective, HalfSum, Queue, type Start } from "./queue.ts";
import { SILENCE_MS, Watch } from "./watch.ts";

/** Options of {@linkcode connectMpi}. */
export interface ConnectOptions {
  /**
   * How long this process waits for another one that gives no sign of life, in milliseconds; then all end. A process gives none
   * while its JavaScript is busy, as in a step that the CPU computes: slow devices need more time. Default 30,000.
   */
  silenceMs?: number;
}

/**
 * Connects this process to those that `mpirun` (or `srun`) started with it, by the MPI library of the system: Open MPI,
 * MPICH and those with its interface, or one with the standard interface of MPI 5. The variable `MPI_LIBRARY` names the library
 * where it is not found by itself. Where several processes are on one machine, each takes its share of the cores and one of
 * several equal GPUs: so connect before `initBackend()`. Once per process. Needs the permissions `--allow-ffi` and `--allow-env`.
 *
 * @example
 * ```ts
 * import { alexnet, connectMpi, fit, initBackend, loadFashionMnist } from "@x/alexnet";
 *
 * // mpirun -n 4 deno run -A this_file.ts
 * async function trainTogether() {
 *   const communicator = await connectMpi();
 *   await initBackend();
 *   const { train, test } = await loadFashionMnist({ resize: 224 });
 *   const history = await fit(alexnet(), train, { communicator, validation: test });
 *   if (communicator.rank === 0) console.log(history.epochs);
 *   await communicator.finalize();
 * }
 * ```
 *
 * @param options How long to wait for others.
 * @returns The connection.
 * @throws {DistributedError} If this process was not started by a launcher of MPI programs, or there is no library.
 * @throws {OptionError} If an option is out of its range.
 */
export async function connectMpi(
  options: ConnectOptions = {},
): Promise<MpiCommunicator> {
  const { silenceMs = SILENCE_MS } = options;
  requireNumber("silenceMs", silenceMs, { above: 0 });
  const get = (name: string) => Deno.env.get(name);
  const launcher = findLauncher(get);
  if (launcher === undefined) {
    throw new DistributedError(
      "Cannot train together with other processes as nobody started them: use `mpirun -n 4 deno run -A ...`, or `srun` in a Slurm job",
    );
  }
  const library = openMpi(launcher.kind, get(MPI_VARIABLE));
  const { call, abi } = library;
  const level = new Int32Array(1);
  call("MPI_Init_thread", null, null, abi.funneled, level);
  if (level[0] < abi.funneled) {
    throw new DistributedError(
      `Cannot use ${library.version} as it was built for programs without threads: install one that was built with them`,
    );
  }
  // Errors are then returned to us; otherwise the library would end the process.
  call("MPI_Comm_set_errhandler", abi.commWorld, abi.errorsReturn);
  const [rank, size] = (["MPI_Comm_rank", "MPI_Comm_size"] as const).map(
    (name) => {
      const answer = new Int32Array(1);
      call(name, abi.commWorld, answer);
      return answer[0];
    },
  );
  if (launcher.size !== undefined && launcher.size !== size) {
    throw new DistributedError(
      `Cannot train together as ${launcher.size} processes were started, and ${library.version} (${library.path}) finds ${size}: name the library that belongs to the mpirun in use in ${MPI_VARIABLE}`,
    );
  }
  const comm = new BigUint64Array(1);
  call("MPI_Comm_dup", abi.commWorld, comm);
  let processes: readonly Process[] = [];
  const watch = new Watch(library, {
    comm: abi.handle === "i32" ? new Int32Array(comm.buffer)[0] : comm[0],
    rank,
    size,
    silenceMs,
    nameOf: (rank) => nameOf(processes[rank] ?? { rank, host: "?", pid: 0 }),
  });
  const queue = new Queue(library, watch);
  processes = await introduce(library, { queue, rank, size });
  const parts = { library, watch, queue, rank, processes };
  const communicator = new MpiCommunicator(parts);
  shareMachine(communicator);
  return communicator;
}

/** Tells the other processes who this one is, and hears who they are. */
async function introduce(
  library: MpiLibrary,
  { queue, rank, size }: { queue: Queue; rank: number; size: number },
): Promise<Process[]> {
  const { call, abi } = library;
  const host = readText((text, length) =>
    call("MPI_Get_processor_name", text, length)
  );
  const bytes = new Uint8Array(size * PROCESS_BYTES);
  const own = bytes.subarray(rank * PROCESS_BYTES, (rank + 1) * PROCESS_BYTES);
  writeProcess({ host, pid: Deno.pid }, own);
  // The other processes' parts are 0, so that the sum has all parts.
  const all = new Int32Array(bytes.buffer);
  const { inPlace, int, sum } = abi;
  const values = [inPlace, all, all.length, int, sum];
  await queue.run(collective(library, "MPI_Iallreduce", ...values));
  return readProcesses(bytes);
}

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
interface MpiParts {
  readonly library: MpiLibrary;
  readonly watch: Watch;
  readonly queue: Queue;
  readonly rank: number;
  readonly processes: readonly Process[];
}

/**
 * Processes that were started by `mpirun`, connected by the MPI library of the system: see {@linkcode connectMpi}. Only the main
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
   * Describes the connection; {@linkcode connectMpi} makes it.
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
    if (values instanceof Float16Array) {
      return await this.#run(values, (piece) => this.#halves.stages(piece));
    }
    const { library } = this.#parts;
    const { inPlace, float, int, sum } = library.abi;
    const type = values instanceof Float32Array ? float : int;
    await this.#run(values, (piece) => {
      const all = [inPlace, piece, piece.length, type, sum];
      return [collective(library, "MPI_Iallreduce", ...all)];
    });
  }

  async broadcast(
    values: Float32Array | Int32Array | Uint8Array,
    root: number,
  ): Promise<void> {
    const { library } = this.#parts;
    const { buffer, byteOffset, byteLength } = values;
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    await this.#run(bytes, (piece) => {
      const all = [piece, piece.length, library.abi.byte, root];
      return [collective(library, "MPI_Ibcast", ...all)];
    });
  }

  /** Waits until all processes have come here. */
  async barrier(): Promise<void> {
    const { library, queue } = this.#parts;
    await queue.run(collective(library, "MPI_Ibarrier"));
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

  /** Cuts an array into pieces that are not too long, and runs an operation on each. */
  async #run<T extends Summable | Uint8Array>(
    values: T,
    stagesOf: (piece: T) => Start[],
  ): Promise<void> {
    // Makes sure that the memory of a small array does not move.
    void values.buffer;
    const length = MAX_LENGTH * 4 / values.BYTES_PER_ELEMENT;
    // An empty array is one piece, so that all processes do the same.
    const count = Math.max(1, Math.ceil(values.length / length));
    const pieces = Array.from(
      { length: count },
      (_, i) => values.subarray(i * length, (i + 1) * length) as T,
    );
    const { queue } = this.#parts;
    await Promise.all(pieces.map((piece) => queue.run(...stagesOf(piece))));
  }
}
