/**
 * Divides a machine between the processes that train on it.
 *
 * @module
 */

import { cpus } from "node:os";

/** Threads of OpenMP, which oneDNN computes with. */
const THREADS = "OMP_NUM_THREADS";

/** By either of these, Mesa's Vulkan layer puts a GPU first, of whatever vendor. */
const GPU = "DRI_PRIME";
const OTHER_GPU = "MESA_VK_DEVICE_SELECT";

/** Where Linux lists devices. */
const DEVICES = "/sys/bus/pci/devices";

/** PCI class of displays, of which GPUs without one are a kind. */
const DISPLAY = /^0x03/;

/** NVIDIA, AMD, Intel: others make chips that show consoles. */
const VENDORS = ["0x10de", "0x1002", "0x8086"];

/** The place of a process among those on its machine. */
export interface Place {
  /** Which of them, from 0. */
  readonly localRank: number;
  /** How many they are. */
  readonly localSize: number;
}

/**
 * Chooses, for a process, its share of the cores and one of several equal GPUs, by variables that libraries read when they are
 * loaded: so it must come before `initBackend()`. What the user has set stays.
 *
 * @param place Which of the processes on the machine it is.
 * @param folder Where the machine's GPUs are listed.
 */
export function shareMachine(place: Place, folder: string = DEVICES): void {
  if (place.localSize === 1) return;
  if (Deno.env.get(THREADS) === undefined) {
    const share = Math.floor(_numCores() / place.localSize);
    const allowed = navigator.hardwareConcurrency;
    Deno.env.set(THREADS, `${Math.max(1, Math.min(allowed, share))}`);
  }
  if (Deno.env.get(GPU) ?? Deno.env.get(OTHER_GPU)) return;
  const gpus = equalGpus(folder);
  if (gpus.length < 2) return;
  Deno.env.set(GPU, gpus[place.localRank % gpus.length]);
}

/**
 * Lists the GPUs of the kind that the machine has most of.
 *
 * @param folder Where they are listed.
 * @returns For example "pci-0000_01_00_0", by address; none where that cannot be found out.
 */
export function equalGpus(folder: string = DEVICES): string[] {
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

/** Cores of the machine, of which this process may be kept to some. */
function _numCores(): number {
  try {
    return cpus().length;
  } catch {
    // Not allowed.
    return navigator.hardwareConcurrency;
  }
}
