/** The processes that train together: who started them, which machine each is on, and its share of that machine. */

import { cpus } from "node:os";

/** Who started this process. */
export interface Launcher {
  /** Which library it belongs to, as far as can be told. */
  readonly kind: "Open MPI" | "MPICH";
  /** How many processes it started, where it says so. */
  readonly size?: number;
  /** Which of them this is, where it says so. */
  readonly rank?: number;
}

/** Finds the launcher of MPI programs by the variables that it sets; `undefined` if this process was started alone. */
export function findLauncher(
  get: (name: string) => string | undefined,
): Launcher | undefined {
  const number = (name: string) => {
    const text = get(name);
    return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
  };
  // Open MPI's mpirun; then PMIx, which Slurm and Open MPI 5 have; then MPICH's mpirun, Slurm's PMI 2, Cray's PALS.
  for (
    const [kind, rank, size] of [
      ["Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"],
      ["Open MPI", "PMIX_RANK", "SLURM_STEP_NUM_TASKS"],
      ["MPICH", "PMI_RANK", "PMI_SIZE"],
      ["MPICH", "PMI_ID", "PMI_SIZE"],
    ] as const
  ) {
    if (number(rank) === undefined) continue;
    return { kind, rank: number(rank), size: number(size) };
  }
  return get("PMI_FD") ? { kind: "MPICH" } : undefined;
}

/** A process. */
export interface Process {
  /** Which of the processes it is, from 0. */
  readonly rank: number;
  /** Its machine, as MPI names it. */
  readonly host: string;
  /** Its number on that machine. */
  readonly pid: number;
}

/** Bytes of the text that a process is written as; what is longer is cut. */
export const PROCESS_BYTES = 256;

/** Writes a process to `[PROCESS_BYTES]`, which has zeros before. */
export function writeProcess(
  { host, pid }: Omit<Process, "rank">,
  out: Uint8Array<ArrayBuffer>,
): void {
  new TextEncoder().encodeInto(`${pid} ${host}`, out);
}

/** Reads what each process wrote, by rank: `[size * PROCESS_BYTES]`. */
export function readProcesses(all: Uint8Array): Process[] {
  const size = all.length / PROCESS_BYTES;
  return Array.from({ length: size }, (_, rank) => {
    const bytes = all.subarray(rank * PROCESS_BYTES).subarray(0, PROCESS_BYTES);
    const text = new TextDecoder().decode(bytes.filter((byte) => byte !== 0));
    const pid = parseInt(text);
    return { rank, host: text.slice(`${pid} `.length), pid };
  });
}

/** Names a process for people, for example "rank 1 (PID 1234 on node7)". */
export function nameOf({ rank, host, pid }: Process): string {
  return `rank ${rank} (PID ${pid} on ${host})`;
}

/** Threads of OpenMP, which oneDNN computes with. */
const THREADS = "OMP_NUM_THREADS";

/** Either of these tells Mesa's Vulkan layer which GPU to list first, whatever its vendor. */
const GPU = "DRI_PRIME";
const OTHER_GPU = "MESA_VK_DEVICE_SELECT";

/** Where Linux lists devices. */
const DEVICES = "/sys/bus/pci/devices";

/** How the PCI classes of GPUs begin, with a display or without one. */
const DISPLAY = /^0x03/;

/** NVIDIA, AMD, Intel. Displays of other vendors only show consoles. */
const VENDORS = ["0x10de", "0x1002", "0x8086"];

/**
 * Gives a process its share of the machine's cores and one of several equal GPUs, by environment variables. Libraries read these
 * when they are loaded, so call it before `initBackend()`. Variables that the user has set stay.
 */
export function shareMachine(
  { localRank, localSize }: { localRank: number; localSize: number },
  folder: string = DEVICES,
): void {
  if (localSize === 1) return;
  if (Deno.env.get(THREADS) === undefined) {
    const share = Math.floor(numCores() / localSize);
    const allowed = navigator.hardwareConcurrency;
    Deno.env.set(THREADS, `${Math.max(1, Math.min(allowed, share))}`);
  }
  if (Deno.env.get(GPU) ?? Deno.env.get(OTHER_GPU)) return;
  const gpus = equalGpus(folder);
  if (gpus.length < 2) return;
  Deno.env.set(GPU, gpus[localRank % gpus.length]);
}

/** The GPUs of the kind that the machine has most of, such as "pci-0000_01_00_0"; none where that cannot be found out. */
function equalGpus(folder: string): string[] {
  const read = (address: string, file: string) =>
    Deno.readTextFileSync(`${folder}/${address}/${file}`).trim();
  try {
    const gpus = Array.from(Deno.readDirSync(folder), ({ name }) => name)
      .filter((address) =>
        DISPLAY.test(read(address, "class")) &&
        VENDORS.includes(read(address, "vendor"))
      ).toSorted();
    const kinds = Map.groupBy(
      gpus,
      (gpu) => `${read(gpu, "vendor")} ${read(gpu, "device")}`,
    );
    const [most = []] = [...kinds.values()]
      .toSorted((a, b) => b.length - a.length);
    return most.map((address) => `pci-${address.replaceAll(/[:.]/g, "_")}`);
  } catch {
    // Not on Linux, or not allowed.
    return [];
  }
}

/** Cores of the machine; this process may be allowed fewer. */
function numCores(): number {
  try {
    return cpus().length;
  } catch {
    // Not allowed.
    return navigator.hardwareConcurrency;
  }
}
