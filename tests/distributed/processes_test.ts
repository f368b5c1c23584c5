/**
 * Tests of what tells that this process was started together with others, how they tell each other who they are, and how they
 * divide a machine.
 */

import {
  findLauncher,
  nameOf,
  PROCESS_BYTES,
  readProcesses,
  writeProcess,
} from "../../src/distributed/processes.ts";
import { run } from "../cli/program.ts";
import { makeFolder } from "../data/folder.ts";
import { assertEquals } from "@std/assert";

/** Looks among these variables only. */
function find(variables: Record<string, string>) {
  return findLauncher((name) => variables[name]);
}

Deno.test("findLauncher() knows the mpirun of Open MPI", () => {
  assertEquals(
    find({
      OMPI_COMM_WORLD_RANK: "3",
      OMPI_COMM_WORLD_SIZE: "4",
      PMIX_RANK: "3",
    }),
    { kind: "Open MPI", rank: 3, size: 4 },
  );
});

Deno.test("findLauncher() knows PMIx, of Slurm with the size and of others without", () => {
  const variables = { PMIX_RANK: "0", PMIX_NAMESPACE: "slurm.pmix.7.0" };
  assertEquals(
    find({ ...variables, SLURM_STEP_NUM_TASKS: "16" }),
    { kind: "Open MPI", rank: 0, size: 16 },
  );
  assertEquals(
    find(variables),
    { kind: "Open MPI", rank: 0, size: undefined },
  );
});

Deno.test("findLauncher() knows Hydra, the mpirun of MPICH, and its like", () => {
  const expected = { kind: "MPICH", rank: 1, size: 2 } as const;
  assertEquals(find({ PMI_RANK: "1", PMI_SIZE: "2", PMI_FD: "9" }), expected);
  assertEquals(find({ PMI_ID: "1", PMI_SIZE: "2" }), expected);
  assertEquals(find({ PMI_FD: "9" }), { kind: "MPICH" });
});

Deno.test("findLauncher() knows Slurm's PMI 2", () => {
  assertEquals(
    find({
      ...{ SLURM_PROCID: "5", SLURM_NTASKS: "8", SLURM_JOB_ID: "7" },
      ...{ PMI_RANK: "5", PMI_SIZE: "8", PMI_FD: "12", PMI_JOBID: "7.0" },
    }),
    { kind: "MPICH", rank: 5, size: 8 },
  );
});

Deno.test("findLauncher() finds none where a process was started alone, in a Slurm job as well", () => {
  assertEquals(find({}), undefined);
  assertEquals(find({ PATH: "/usr/bin", PMI_RANK: "", PMI_FD: "" }), undefined);
  assertEquals(find({ SLURM_JOB_ID: "7", SLURM_NTASKS: "8" }), undefined);
});

Deno.test("findLauncher() takes no notice of ranks that are no numbers", () => {
  assertEquals(find({ OMPI_COMM_WORLD_RANK: "first" }), undefined);
  assertEquals(
    find({ PMIX_RANK: "-1", PMI_RANK: "2", PMI_SIZE: "all" }),
    { kind: "MPICH", rank: 2, size: undefined },
  );
});

/** What comes back of processes that are written down by rank. */
function roundTrip(processes: readonly { host: string; pid: number }[]) {
  const all = new Uint8Array(processes.length * PROCESS_BYTES);
  for (const [rank, process] of processes.entries()) {
    const begin = rank * PROCESS_BYTES;
    writeProcess(process, all.subarray(begin, begin + PROCESS_BYTES));
  }
  return readProcesses(all);
}

Deno.test("readProcesses() reads several processes by rank", () => {
  const processes = [
    { host: "node1", pid: 4_194_304 },
    { host: "node12.cluster.example", pid: 1 },
    { host: "node1", pid: 77 },
  ];
  assertEquals(
    roundTrip(processes),
    processes.map((process, rank) => ({ rank, ...process })),
  );
});

Deno.test("writeProcess() cuts long names between characters, and nothing of them leaks into the next process", () => {
  const hosts = ["n".repeat(300), "計".repeat(100), "é".repeat(150), "b"];
  assertEquals(
    roundTrip(hosts.map((host, pid) => ({ host, pid }))),
    // The PID and a space are two of the 256 bytes.
    ["n".repeat(254), "計".repeat(84), "é".repeat(127), "b"]
      .map((host, rank) => ({ rank, host, pid: rank })),
  );
});

Deno.test("writeProcess() writes names that are not ASCII, or begin with digits", () => {
  for (const host of ["rechner-größe-計算機-🖥", "7.example", "7"]) {
    assertEquals(roundTrip([{ host, pid: 5 }]), [{ rank: 0, host, pid: 5 }]);
  }
});

Deno.test("nameOf() says rank, PID and machine", () => {
  assertEquals(
    nameOf({ rank: 1, host: "node7", pid: 1234 }),
    "rank 1 (PID 1234 on node7)",
  );
});

/** What Linux says of a device. */
interface Device {
  class: string;
  vendor: string;
  device: string;
}

const NVIDIA = { class: "0x030200", vendor: "0x10de", device: "0x2330" };
const OTHER_NVIDIA = { ...NVIDIA, class: "0x030000", device: "0x1eb8" };
const INTEL = { class: "0x030000", vendor: "0x8086", device: "0x4680" };
/** Shows the console of a server. */
const ASPEED = { class: "0x030000", vendor: "0x1a03", device: "0x2000" };
const NETWORK = { class: "0x020000", vendor: "0x8086", device: "0x1521" };

/** A server with two equal GPUs, and what is found beside them. */
const SERVER = {
  "0000:00:02.0": INTEL,
  "0000:03:00.0": ASPEED,
  "0000:04:00.0": ASPEED,
  "0000:05:00.0": ASPEED,
  "0000:06:00.0": NETWORK,
  "0000:07:00.0": NETWORK,
  "0000:08:00.0": NETWORK,
  "0000:c1:00.0": NVIDIA,
  "0000:41:00.0": NVIDIA,
  "0000:81:00.0": OTHER_NVIDIA,
};

const FOUND = ["pci-0000_41_00_0", "pci-0000_c1_00_0"];

/** A folder laid out like `/sys/bus/pci/devices`. */
async function makeDevices(devices: Record<string, Device>) {
  const folder = await makeFolder();
  for (const [address, device] of Object.entries(devices)) {
    await Deno.mkdir(`${folder.path}/${address}`);
    for (const [file, text] of Object.entries(device)) {
      await Deno.writeTextFile(
        `${folder.path}/${address}/${file}`,
        `${text}\n`,
      );
    }
  }
  return folder;
}

/** The variables that libraries read. */
const NAMES = ["OMP_NUM_THREADS", "DRI_PRIME", "MESA_VK_DEVICE_SELECT"];

/** Each given process takes its share, all in one process that is not this; what the variables are then. */
async function share(
  folder: string,
  places: readonly { localRank: number; localSize: number }[],
  env: Record<string, string> = {},
): Promise<{ taken: (string | null)[][]; cores: number }> {
  const { stdout, stderr, code } = await run(Deno.execPath(), {
    args: [
      "eval",
      `import { cpus } from "node:os";
      import { shareMachine } from "./src/distributed/processes.ts";
      const [names, places, env] = ${JSON.stringify([NAMES, places, env])};
      const taken = places.map((place) => {
        for (const name of names) Deno.env.delete(name);
        for (const name in env) Deno.env.set(name, env[name]);
        shareMachine(place, ${JSON.stringify(folder)});
        return names.map((name) => Deno.env.get(name) ?? null);
      });
      console.log(JSON.stringify({ taken, cores: cpus().length }));`,
    ],
  });
  assertEquals([code, stderr], [0, ""]);
  return JSON.parse(stdout);
}

Deno.test("shareMachine() gives each process its share of the cores and one of the GPUs of the most frequent kind in turn", async () => {
  await using folder = await makeDevices(SERVER);
  const { taken, cores } = await share(folder.path, [
    { localRank: 0, localSize: 1 },
    { localRank: 0, localSize: 2 },
    { localRank: 1, localSize: 2 },
    { localRank: 2, localSize: 1000 },
  ]);
  const allowed = navigator.hardwareConcurrency;
  const half = `${Math.max(1, Math.min(allowed, Math.floor(cores / 2)))}`;
  assertEquals(taken, [
    // One that is alone has all of it.
    [null, null, null],
    [half, FOUND[0], null],
    [half, FOUND[1], null],
    ["1", FOUND[0], null],
  ]);
});

Deno.test("shareMachine() chooses no GPU where none has its equal, there are none, or none are listed", async () => {
  const different = { "0000:41:00.0": NVIDIA, "0000:81:00.0": OTHER_NVIDIA };
  const others = { "0000:03:00.0": ASPEED, "0000:06:00.0": NETWORK };
  for (const devices of [{ "0000:00:02.0": INTEL, ...different }, others]) {
    await using folder = await makeDevices(devices);
    for (const path of [folder.path, `${folder.path}/missing`]) {
      const { taken } = await share(path, [{ localRank: 1, localSize: 2 }]);
      assertEquals(taken[0].slice(1), [null, null]);
    }
  }
});

Deno.test("shareMachine() keeps what the user has set", async () => {
  await using folder = await makeDevices(SERVER);
  const places = [{ localRank: 1, localSize: 2 }];
  const chosen = { OMP_NUM_THREADS: "7", DRI_PRIME: "1" };
  const { taken } = await share(folder.path, places, chosen);
  assertEquals(taken, [["7", "1", null]]);
  const device = "10de:2330";
  const other = await share(folder.path, places, {
    MESA_VK_DEVICE_SELECT: device,
  });
  assertEquals(other.taken[0].slice(1), [null, device]);
});
