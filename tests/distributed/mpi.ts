/** Runs Deno as several processes, started by the `mpirun` of each MPI library that is installed. */

import { type Outcome, ROOT, run } from "../cli/program.ts";

/** What starts the processes. */
export interface MpiLauncher {
  /** Its library. */
  readonly name: "Open MPI" | "MPICH";
  /** The program, as Debian names it. */
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** File of its library. */
  readonly library: string;
  /** Whether the program is there. */
  readonly isInstalled: boolean;
}

/** The launchers of both libraries. */
export const LAUNCHERS: readonly MpiLauncher[] = [
  {
    name: "Open MPI",
    command: "mpirun.openmpi",
    args: ["--oversubscribe", "--bind-to", "none"],
    env: { OMPI_ALLOW_RUN_AS_ROOT: "1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: "1" },
    library: "libmpi.so.40",
    isInstalled: isInstalled("mpirun.openmpi"),
  },
  {
    name: "MPICH",
    command: "mpirun.mpich",
    args: [],
    env: {},
    library: "libmpich.so.12",
    isInstalled: isInstalled("mpirun.mpich"),
  },
];

/** Variable that all processes of a job are found by. */
const MARK = "MPI_TEST_JOB";

/** How long `mpirun` may take to end its processes, and those to be gone after it, in milliseconds: usually an instant. */
const GRACE_MS = 10_000;

/** How long all may take, in milliseconds: many times what they do. */
const LIMIT_MS = 600_000;

/** How to start the processes. */
export interface JobOptions {
  readonly numRanks: number;
  /** Arguments of `deno`, for example `["run", "-A", "mod.ts"]`; it runs in the root of the repository. */
  readonly args: readonly string[];
  /** Variables besides those of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Told whatever the processes print on standard output: all so far. */
  readonly onOutput?: (stdout: string) => void;
}

/** How all the processes ended. */
export interface JobOutcome extends Outcome {
  /** Processes that did not end with `mpirun`, nor soon after; they have by now. */
  numLeft: number;
}

/** Registers a test for each library; where one is not installed it is ignored, and its name says why. */
export function mpiTest(
  name: string,
  fn: (launcher: MpiLauncher) => Promise<void>,
  { ignore = false, only }: { ignore?: boolean; only?: MpiLauncher["name"] } =
    {},
): void {
  for (const launcher of LAUNCHERS) {
    const { name: library, command, isInstalled } = launcher;
    if (only !== undefined && only !== library) continue;
    const missing = `ignored, ${command} is not installed`;
    Deno.test({
      name: `${name}, by ${library}${isInstalled ? "" : ` (${missing})`}`,
      ignore: ignore || !isInstalled,
      fn: () => fn(launcher),
    });
  }
}

/** Runs Deno as several processes; if they take too long, it kills all of them and throws. */
export async function runRanks(
  launcher: MpiLauncher,
  { numRanks, args, env, onOutput }: JobOptions,
): Promise<JobOutcome> {
  const job = crypto.randomUUID();
  const { FORCE_COLOR: _, ...inherited } = Deno.env.toObject();
  const child = new Deno.Command(launcher.command, {
    args: [...launcher.args, "-n", `${numRanks}`, Deno.execPath(), ...args],
    cwd: ROOT,
    env: { ...inherited, NO_COLOR: "1", ...launcher.env, ...env, [MARK]: job },
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let ending: Promise<void> | undefined;
  const end = async () => {
    try {
      child.kill("SIGTERM");
    } catch {
      // It has ended, and left processes that hold its output open.
    }
    await new Promise((resolve) => setTimeout(resolve, GRACE_MS));
    await killAll(job);
  };
  const timer = setTimeout(() => ending = end(), LIMIT_MS);
  const [stdout, stderr, { code }] = await Promise.all([
    read(child.stdout, onOutput),
    read(child.stderr),
    child.status,
  ]);
  clearTimeout(timer);
  await ending;
  const numLeft = await killLeft(job);
  if (ending) {
    throw new Error(
      `${numRanks} processes of ${launcher.command} did not end within ${LIMIT_MS} ms: ${stdout}${stderr}`,
    );
  }
  return { code, stdout, stderr, numLeft };
}

/** Waits for what is left of a job to end, and kills what does not; how many processes those were. */
async function killLeft(job: string): Promise<number> {
  const since = performance.now();
  while ((await pidsOf(job)).length > 0) {
    if (performance.now() - since > GRACE_MS) return await killAll(job);
  }
  return 0;
}

/** Kills all of a job; how many processes those were. */
async function killAll(job: string): Promise<number> {
  const pids = await pidsOf(job);
  for (const pid of pids) {
    try {
      Deno.kill(pid, "SIGKILL");
    } catch (error) {
      // It has ended by itself.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return pids.length;
}

/** The processes of a job. Deno itself may not read the variables of others. */
async function pidsOf(job: string): Promise<number[]> {
  const { stdout } = await run("sh", {
    args: ["-c", 'grep -las "$1" /proc/[0-9]*/environ', "sh", `${MARK}=${job}`],
  });
  const files = stdout.matchAll(/^\/proc\/(\d+)\//gm);
  return Array.from(files, ([, pid]) => Number(pid));
}

async function read(
  stream: ReadableStream<Uint8Array>,
  onText?: (all: string) => void,
): Promise<string> {
  let all = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    all += text;
    onText?.(all);
  }
  return all;
}

function isInstalled(command: string): boolean {
  return (Deno.env.get("PATH") ?? "").split(":").some((folder) => {
    try {
      return Deno.statSync(`${folder}/${command}`).isFile;
    } catch {
      return false;
    }
  });
}
