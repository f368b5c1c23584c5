/** Two machines, as far as the network is concerned: namespaces that a cable connects. */

import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { makeFolder } from "../data/folder.ts";
import { type MpiLauncher, mpiTest } from "../distributed/mpi.ts";
import { run } from "./program.ts";

/** Why there can be none here; undefined where there can. */
const MISSING = await whyNot();

/** Stands for `ssh`, as both libraries call it: options, a host, and a command for its shell. */
const AGENT = `#!/bin/sh
while :; do
  case $1 in -l|-p) shift 2 ;; -*) shift ;; *) break ;; esac
done
host=$1
shift
case $host in
HOSTS
*) echo "there is no host $host" >&2; exit 1 ;;
esac
exec ip netns exec $name sh -c "$*"
`;

/** Two namespaces and their cable. */
export interface Network {
  /** Starts one process in each, which can talk by TCP only. */
  launcherOf(launcher: MpiLauncher): MpiLauncher;
  /** Bytes that have come to the second one over the cable. */
  receivedBytes(): Promise<number>;
  /** Takes everything away. */
  remove(): Promise<void>;
}

/**
 * Registers a test of two processes that talk by TCP, with Open MPI; where that cannot be, it is ignored, and its name says
 * why.
 */
export function networkTest(
  name: string,
  fn: (launcher: MpiLauncher, network: Network) => Promise<void>,
): void {
  const ownName = MISSING ? `${name} (ignored, ${MISSING})` : name;
  mpiTest(ownName, async (launcher) => {
    await using folder = await makeFolder();
    const network = await layCable(folder.path);
    try {
      await fn(network.launcherOf(launcher), network);
    } finally {
      await network.remove();
    }
  }, { ignore: MISSING !== undefined, only: "Open MPI" });
}

/** Lays a cable between two new namespaces; what stands for `ssh` is written to a folder. */
async function layCable(folder: string): Promise<Network> {
  const id = crypto.randomUUID().slice(0, 6);
  const names = [`ax${id}a`, `ax${id}b`];
  const addresses = ["10.77.0.1", "10.77.0.2"];
  const remove = async () => {
    // The cable goes with its ends.
    for (const name of names) await run("ip", { args: ["netns", "del", name] });
  };
  try {
    for (const name of names) await ip("netns", "add", name);
    await ip(
      ...["link", "add", names[0], "netns", names[0], "type", "veth"],
      ...["peer", "name", names[1], "netns", names[1]],
    );
    for (const [i, name] of names.entries()) {
      const address = `${addresses[i]}/24`;
      await ip("-n", name, "addr", "add", address, "dev", name);
      await ip("-n", name, "link", "set", name, "up");
      await ip("-n", name, "link", "set", "lo", "up");
    }
  } catch (error) {
    await remove();
    throw error;
  }
  const agent = join(folder, "agent");
  const cases = names.map((name, i) => `${addresses[i]}) name=${name} ;;`);
  const script = AGENT.replace("HOSTS", cases.join("\n"));
  await Deno.writeTextFile(agent, script, { mode: 0o755 });
  return {
    launcherOf(launcher) {
      const hosts = addresses.join(",");
      const options = launcher.name === "Open MPI"
        ? [
          ...["--mca", "plm_rsh_agent", agent, "--host", hosts],
          ...["--mca", "pml", "ob1", "--mca", "btl", "tcp,self"],
        ]
        : [
          ...["-launcher", "ssh", "-launcher-exec", agent],
          ...["-hosts", hosts, "-ppn", "1"],
        ];
      const { command, args } = launcher;
      return {
        ...launcher,
        // Else MPICH finds that both are on one machine.
        env: { ...launcher.env, UCX_TLS: "tcp,self" },
        command: "ip",
        args: ["netns", "exec", names[0], command, ...args, ...options],
      };
    },
    async receivedBytes() {
      const file = `/sys/class/net/${names[1]}/statistics/rx_bytes`;
      return Number(await ip("netns", "exec", names[1], "cat", file));
    },
    remove,
  };
}

async function ip(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run("ip", { args });
  assertEquals(code, 0, `ip ${args.join(" ")}: ${stderr}`);
  return stdout;
}

async function whyNot(): Promise<string | undefined> {
  const name = `ax${crypto.randomUUID().slice(0, 6)}`;
  try {
    const { code } = await run("ip", { args: ["netns", "add", name] });
    if (code !== 0) return "no network namespace can be made";
    await run("ip", { args: ["netns", "del", name] });
  } catch {
    return "ip is not installed";
  }
}
