/**
 * Connects this process to those that `mpirun` started with it.
 *
 * @module
 */

import { DistributedError } from "../errors.ts";
import { requireNumber } from "../options.ts";
import {
  findLauncher,
  nameOf,
  type Process,
  PROCESS_LENGTH,
  readProcesses,
  shareMachine,
  writeProcess,
} from "./processes.ts";
import { MPI_VARIABLE, type MpiLibrary, openMpi } from "./library.ts";
import { MpiCommunicator } from "./mpi_communicator.ts";
import { Queue } from "./queue.ts";
import { SILENCE_MS, Watch } from "./watch.ts";

/** Longest name of a machine, in any library. */
const MAX_NAME = 256;

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
  const rank = ask(library, "MPI_Comm_rank");
  const size = ask(library, "MPI_Comm_size");
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
  const name = new Uint8Array(MAX_NAME);
  const length = new Int32Array(1);
  call("MPI_Get_processor_name", name, length);
  const host = new TextDecoder().decode(name.subarray(0, length[0]));
  const all = new Int32Array(size * PROCESS_LENGTH);
  const own = all.subarray(rank * PROCESS_LENGTH, (rank + 1) * PROCESS_LENGTH);
  writeProcess({ host, pid: Deno.pid }, own);
  await queue.run((request) =>
    call(
      "MPI_Iallreduce",
      abi.inPlace,
      all,
      all.length,
      abi.int,
      abi.sum,
      abi.commWorld,
      request,
    )
  );
  return readProcesses(all);
}

function ask(
  { call, abi }: MpiLibrary,
  name: "MPI_Comm_rank" | "MPI_Comm_size",
): number {
  const answer = new Int32Array(1);
  call(name, abi.commWorld, answer);
  return answer[0];
}
