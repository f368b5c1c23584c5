/**
 * Shows that a run can be killed at any moment. It trains once undisturbed, and once with `kill -9` after random numbers of
 * changes to its files, going on each time. Then it compares the weights, the state of the optimizer, and the records of every
 * step and epoch. Between two changes it does not matter when the kill comes, as what is not in a file is lost.
 *
 * `deno run -A scripts/kill_and_resume.ts [kills] [options of train]`, for example
 * `deno run -A scripts/kill_and_resume.ts 20 --model=lenet --epochs=8 --checkpoint-every=20`.
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { uniforms } from "../src/random.ts";
import { loadCheckpoint } from "../src/io/checkpoint.ts";
import { readRun } from "../src/runs/read_run.ts";
import type { EpochRecord } from "../src/runs/records.ts";

const PROGRAM = fileURLToPath(new URL("../mod.ts", import.meta.url));

interface KillOptions {
  /** How often to kill: each time after at most a share of 1 / `kills` of the changes that an undisturbed run makes to files. */
  readonly kills: number;
  /** Options of `train` besides --out and --resume. */
  readonly train: readonly string[];
  /** An empty folder to work in. */
  readonly folder: string;
  /** Chooses the numbers of changes. Default 0. */
  readonly seed?: number;
  /** Told of each kill. */
  readonly say?: (line: string) => void;
}

/** How the runs compare. */
interface KillOutcome {
  /** Kills that found a process to kill: all, unless a run that goes on changes its files less often. */
  readonly kills: number;
  /** Steps of each run. */
  readonly steps: number;
  /** Number of weights and other values that were compared. */
  readonly numValues: number;
  /** What differs, in words. */
  readonly differences: readonly string[];
}

/** Trains twice and compares the runs. */
export async function killAndResume(
  options: KillOptions,
): Promise<KillOutcome> {
  const { kills, folder, seed = 0, say = () => {} } = options;
  const [whole, killed] = ["whole", "killed"].map((name) => join(folder, name));
  const { changes } = await train(["--out", whole, ...options.train], {
    folder,
  });
  let done = 0;
  for (const part of uniforms(kills, { seed, stream: 0 })) {
    const killAfter = 1 + Math.floor(part * changes / kills);
    const args = await startOf(killed, options);
    const { isKilled } = await train(args, { folder, killAfter });
    done += isKilled ? 1 : 0;
    const found = await read(killed);
    const how = isKilled ? "killed" : "it had ended";
    say(`after ${killAfter} changes: ${how}; ${found}`);
  }
  await train(await startOf(killed, options), { folder });
  return { kills: done, ...await compare(whole, killed) };
}

/** The arguments that begin the run, or go on with it. */
async function startOf(
  path: string,
  { train }: KillOptions,
): Promise<string[]> {
  return await exists(join(path, "config.json"))
    ? ["--resume", path]
    : ["--out", path, ...train];
}

/** Trains to the end, or until files have changed so often. */
async function train(
  args: readonly string[],
  { folder, killAfter = Infinity }: { folder: string; killAfter?: number },
): Promise<{ isKilled: boolean; changes: number }> {
  const watcher = Deno.watchFs(folder);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", PROGRAM, "train", "--quiet", ...args],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const ended = child.output().finally(() => watcher[Symbol.dispose]());
  let changes = 0;
  for await (const { kind } of watcher) {
    if (kind !== "access" && ++changes === killAfter) kill(child);
  }
  const { code, signal, stderr } = await ended;
  const isKilled = signal === "SIGKILL";
  if (isKilled || code === 0) return { isKilled, changes };
  throw new Error(
    `train ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`,
  );
}

function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/** Reads every file of a run folder that was left by a kill, which throws if one cannot be read. */
async function read(path: string): Promise<string> {
  if (!await exists(join(path, "metrics.jsonl"))) return "nothing yet";
  const { steps, epochs } = await readRun(path);
  const names: string[] = [];
  for await (const { name } of Deno.readDir(join(path, "checkpoints"))) {
    if (name.endsWith(".part")) continue;
    await loadCheckpoint(join(path, "checkpoints", name), { tensors: "all" });
    names.push(name);
  }
  return `${steps.length} steps, ${epochs.length} epochs, checkpoints: ${
    names.toSorted().join(", ") || "none"
  }`;
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

async function compare(
  whole: string,
  killed: string,
): Promise<Omit<KillOutcome, "kills">> {
  const differences: string[] = [];
  let numValues = 0;
  for (const name of ["last", "best"]) {
    const [a, b] = await Promise.all([whole, killed].map(async (path) => {
      const file = join(path, "checkpoints", name);
      return (await loadCheckpoint(file, { tensors: "all" })).tensors;
    }));
    if (a.size !== b.size) {
      differences.push(`${name}: other tensors`);
    }
    for (const [tensor, { values }] of a) {
      numValues += values.length;
      const others = b.get(tensor)?.values;
      const count = values.filter((x, i) => !Object.is(x, others?.[i])).length;
      if (count > 0) differences.push(`${name}: ${tensor}: ${count} values`);
    }
  }
  const [a, b] = [await readRun(whole), await readRun(killed)];
  if (JSON.stringify(a.steps) !== JSON.stringify(b.steps)) {
    differences.push("records of steps");
  }
  if (timeless(a.epochs) !== timeless(b.epochs)) {
    differences.push("records of epochs");
  }
  return { steps: a.steps.length, numValues, differences };
}

/** Records of epochs without what depends on the clock. */
function timeless(epochs: readonly EpochRecord[]): string {
  const clock = { seconds: 0, waitSeconds: 0, imagesPerSecond: 0 };
  return JSON.stringify(epochs.map((epoch) => ({ ...epoch, ...clock })));
}

if (import.meta.main) {
  const [kills = "20", ...train] = Deno.args;
  const folder = await Deno.makeTempDir({ prefix: "kill_and_resume_" });
  const outcome = await killAndResume({
    kills: Number(kills),
    train: train.length > 0
      ? train
      : ["--model=lenet", "--epochs=8", "--checkpoint-every=20"],
    folder,
    seed: Date.now() % 2 ** 32,
    say: (line) => console.log(line),
  });
  console.log(JSON.stringify(outcome));
  await Deno.remove(folder, { recursive: true });
  Deno.exit(outcome.differences.length > 0 ? 1 : 0);
}
