/**
 * A folder that remembers a training run: what it depends on, what happened, and where it goes on. A lock keeps two
 * processes from training in one folder.
 */

import { DataError } from "../errors.ts";
import { writeAtomically } from "../io/files.ts";
import { EventWriter } from "../io/tensorboard.ts";
import { host } from "../platform/host.ts";
import { reasonOf } from "../reason.ts";
import type { Callbacks } from "../train/callbacks.ts";
import type { Checkpoints, TrainingState } from "../train/state.ts";
import { readConfig, RECORD_FILES } from "./read_run.ts";
import { MetricsFile, type RecorderFiles, RunRecorder } from "./recorder.ts";
import type { RunConfig } from "./records.ts";
import { CHECKPOINTS, RunCheckpoints } from "./run_checkpoints.ts";

/** Options of a run folder. */
export interface RunFolderOptions {
  /** How often to keep the state, in steps, besides at the end of each epoch. Default: then only. */
  checkpointEvery?: number;
  /** How many states to keep, the newest included. Default 1. */
  keepCheckpoints?: number;
}

/** Options of {@linkcode RunFolder.resume}. */
export interface ResumeOptions extends RunFolderOptions {
  /** What is changed in the recipe. Default: nothing. */
  recipe?: RunConfig["recipe"];
}

/** What a run folder is opened with. */
interface Opening extends RunFolderOptions {
  readonly config: RunConfig;
  /** The lock, and what else is disposed with the folder. */
  readonly parts: DisposableStack;
}

/**
 * A run folder in use. Pass its `callbacks`, `checkpoints` and `state` to `fit`. Every file in it is replaced whole or added
 * to by whole records, so that a process that is killed at any instant leaves a folder to go on from.
 *
 * @example
 * ```ts
 * import { fit, initBackend, lenet, loadFashionMnist, RunFolder, sgd } from "@x/alexnet";
 * import type { RunConfig } from "@x/alexnet";
 *
 * async function go(path: string, config: RunConfig, isNew: boolean) {
 *   await initBackend();
 *   const { train, test } = await loadFashionMnist({ source: "sample" });
 *   using run = isNew
 *     ? await RunFolder.create(path, config)
 *     : await RunFolder.resume(path);
 *   await fit(lenet(), train, {
 *     epochs: 5,
 *     optimizer: sgd(),
 *     validation: test,
 *     callbacks: [run.callbacks],
 *     checkpoints: run.checkpoints,
 *     resume: run.state,
 *   });
 * }
 * ```
 */
export class RunFolder implements Disposable {
  /** The folder. */
  readonly path: string;
  /** What the run depends on. */
  readonly config: RunConfig;
  /** Where the run goes on; undefined at its beginning. */
  readonly state?: TrainingState;
  /** Callbacks that write down what happens. */
  readonly callbacks: Callbacks;
  /** Keeps states of the run. */
  readonly checkpoints: Checkpoints;
  readonly #parts: DisposableStack;
  /** Path of the event file of this process. */
  readonly #events: string;

  private constructor(
    path: string,
    { opening, state, ...files }: RecorderFiles & {
      readonly opening: Opening;
      readonly state?: TrainingState;
    },
  ) {
    const { config, checkpointEvery, parts } = opening;
    const recorder = parts.use(new RunRecorder(files));
    this.path = path;
    this.config = config;
    this.state = state;
    this.callbacks = recorder;
    this.checkpoints = {
      everySteps: checkpointEvery,
      begin: (net, data) => files.checkpoints.begin(net, data),
      async save(state) {
        // A run that goes on begins at the state. So what happened before it must be on the disk first.
        await recorder.flush();
        await files.metrics.sync();
        await files.checkpoints.save(state);
      },
    };
    this.#parts = parts.move();
    this.#events = files.events.path;
  }

  /**
   * Makes a folder for a new run.
   *
   * @param path The folder; it is made, and those that it lies in, if it is not there.
   * @param config What the run depends on.
   * @param options How often to keep states, and how many.
   * @returns The folder.
   * @throws {DataError} If there is a run in it, or it cannot be written.
   */
  static async create(
    path: string,
    config: RunConfig,
    options: RunFolderOptions = {},
  ): Promise<RunFolder> {
    await makeFolder(host.join(path, CHECKPOINTS));
    using parts = new DisposableStack();
    parts.use(lockRun(path));
    if (await hasRun(path)) {
      throw new DataError(
        path,
        `Cannot begin a run in ${path} as there is one: go on with it by \`train --resume ${path}\`, or choose another folder`,
      );
    }
    await writeConfig(path, config);
    try {
      return await RunFolder.#open(path, { ...options, config, parts });
    } catch (error) {
      parts.dispose();
      await takeAway(path, []);
      throw error;
    }
  }

  /**
   * Opens the folder of a run to go on with it.
   *
   * @param path The folder.
   * @param options How often to keep states, how many, and what of the recipe is new.
   * @returns The folder.
   * @throws {DataError} If there is no run in it, a file of it is damaged, or another process is training in it.
   */
  static async resume(
    path: string,
    options: ResumeOptions = {},
  ): Promise<RunFolder> {
    const old = await readConfig(path);
    const config = { ...old, recipe: { ...old.recipe, ...options.recipe } };
    using parts = new DisposableStack();
    parts.use(lockRun(path));
    await makeFolder(host.join(path, CHECKPOINTS));
    await removeParts(path);
    if (JSON.stringify(config) !== JSON.stringify(old)) {
      await writeConfig(path, config);
    }
    return await RunFolder.#open(path, { ...options, config, parts });
  }

  /** Opens the files and takes over `parts`. If it throws, `parts` are still the caller's to dispose. */
  static async #open(path: string, opening: Opening): Promise<RunFolder> {
    const { config, keepCheckpoints: keep, parts } = opening;
    const checkpoints = new RunCheckpoints(path, { config, keep });
    const state = await checkpoints.load();
    const from = state?.progress ?? { epoch: 1, step: 0 };
    const metricsPath = host.join(path, RECORD_FILES.metrics);
    const metrics = parts.use(await MetricsFile.open(metricsPath, from));
    const events = await EventWriter.open(path, from.step);
    const files = { metrics, events, checkpoints };
    return new RunFolder(path, { opening, state, ...files });
  }

  /** Removes a new run, as if it had never been begun. If something else is in its folder, that and the folder stay. */
  async remove(): Promise<void> {
    this[Symbol.dispose]();
    await takeAway(this.path, [this.#events]);
  }

  /** Closes the files and unlocks the folder. A second call does nothing. */
  [Symbol.dispose](): void {
    this.#parts.dispose();
  }
}

async function makeFolder(path: string): Promise<void> {
  try {
    await host.makeFolder(path, { recursive: true });
  } catch (error) {
    throw new DataError(
      path,
      `Cannot make the folder ${path}: ${reasonOf(error)}`,
    );
  }
}

/** The file that is locked. While a run is there, it is not removed: another process might hold its lock by then. */
const LOCK = ".lock";

/** Locks a run folder until the lock is disposed or the process ends, however it ends. */
function lockRun(path: string): Disposable {
  let lock: Disposable | undefined;
  try {
    lock = host.lock(host.join(path, LOCK));
  } catch (error) {
    throw new DataError(path, `Cannot use ${path}: ${reasonOf(error)}`);
  }
  if (lock !== undefined) return lock;
  throw new DataError(
    path,
    `Cannot use ${path} as another process is training in it: wait for it, or choose another folder`,
  );
}

/** Whether there is something of a run in a folder. An empty folder of checkpoints does not count. */
async function hasRun(path: string): Promise<boolean> {
  const records: string[] = Object.values(RECORD_FILES);
  const entries = await host.list(path);
  if (entries.some(({ name }) => records.includes(name))) return true;
  return (await host.list(host.join(path, CHECKPOINTS))).length > 0;
}

async function writeConfig(path: string, config: RunConfig): Promise<void> {
  const text = `${JSON.stringify(config, null, 2)}\n`;
  const file = host.join(path, RECORD_FILES.config);
  await writeAtomically(file, text);
}

/** What a process that was killed may have left half-written in a run folder. */
const PART_NAME = /^(config\.json|metrics\.jsonl|report\.html)\..+\.part$/;

async function removeParts(path: string): Promise<void> {
  for (const { name } of await host.list(path)) {
    if (PART_NAME.test(name)) await host.remove(host.join(path, name));
  }
}

/** Removes the files of a run that has just begun, and `others`. Then it removes the folder, if nothing else is in it. */
async function takeAway(path: string, others: string[]): Promise<void> {
  const names = [...Object.values(RECORD_FILES), CHECKPOINTS, LOCK];
  const own = names.map((name) => host.join(path, name));
  for (const file of [...own, ...others, path]) {
    await host.remove(file).catch(() => {});
  }
}
