/**
 * Tests of how processes tell each other who they are.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import {
  nameOf,
  PROCESS_LENGTH,
  readProcesses,
  writeProcess,
} from "../../src/distributed/processes.ts";

/** What comes back of processes that are written down by rank. */
function roundTrip(processes: readonly { host: string; pid: number }[]) {
  const all = new Int32Array(processes.length * PROCESS_LENGTH);
  for (const [rank, process] of processes.entries()) {
    const begin = rank * PROCESS_LENGTH;
    writeProcess(process, all.subarray(begin, begin + PROCESS_LENGTH));
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

Deno.test("writeProcess() keeps names of 128 bytes, and nothing of them leaks into the next process", () => {
  const host = "n".repeat(128);
  const [first, second] = roundTrip([{ host, pid: 1 }, { host: "b", pid: 2 }]);
  assertEquals(first, { rank: 0, host, pid: 1 });
  assertEquals(second, { rank: 1, host: "b", pid: 2 });
});

Deno.test("writeProcess() cuts longer names between characters", () => {
  const hosts = ["n".repeat(300), "計".repeat(43), "é".repeat(65)];
  const processes = roundTrip(hosts.map((host, pid) => ({ host, pid })));
  assertEquals(
    processes.map(({ host }) => host),
    ["n".repeat(128), "計".repeat(42), "é".repeat(64)],
  );
  assertEquals(processes.map(({ pid }) => pid), [0, 1, 2]);
});

Deno.test("writeProcess() writes names that are not ASCII", () => {
  const host = "rechner-größe-計算機-🖥";
  assertEquals(roundTrip([{ host, pid: 5 }]), [{ rank: 0, host, pid: 5 }]);
});

Deno.test("nameOf() says rank, PID and machine", () => {
  assertEquals(
    nameOf({ rank: 1, host: "node7", pid: 1234 }),
    "rank 1 (PID 1234 on node7)",
  );
});
