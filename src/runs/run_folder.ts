/**
 * A folder that remembers a training run: what it depends on, what happened, and where it goes on.
 *
 * @module
 */

import { DataError } from "../errors.ts";
import { writeAtomically } from "../io/files.ts";
import { host } from "../platform/host.ts";
import type { Callbacks } from "../train/callbacks.ts";
import type { Checkpoints, TrainingState } from "../train/state.ts";
import { readConfig } from "./read_run.ts";
import { EventLog, MetricsFile, Recorder } from "./recorder.ts";
import type { RunConfig } from "./records.ts";
import { RunCheckpoints } from "./run_checkpoints.ts";
import {
  hasRun,
  lockRun,
  makeFolder,
  removeParts,
  RUN_FILES,
  takeAway,
} from "./run_files.ts";

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
  readonly lock: Disposable;
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
  /** Write down what happens. */
  readonly callbacks: Callbacks;
  /** Keep states of the run. */
  readonly checkpoints: Checkpoints;
  readonly #parts: Disposable[];
  /** Path of the event file of this process. */
  readonly #events: string;

  private constructor(
    path: string,
    parts: {
      opening: Opening;
      state?: TrainingState;
      metrics: MetricsFile;
      events: EventLog;
      checkpoints: RunCheckpoints;
    },
  ) {
    const { opening, metrics, events, checkpoints } = parts;
    const recorder = new Recorder(parts);
    this.path = path;
    this.config = opening.config;
    this.state = parts.state;
    this.callbacks = recorder;
    this.checkpoints = {
      everySteps: opening.checkpointEvery,
      async save(state) {
        // A run that goes on begins at the state. So what happened before it must be on the disk first.
        await recorder.flush();
        await metrics.sync();
        await checkpoints.save(state);
      },
    };
    this.#parts = [recorder, metrics, opening.lock];
    this.#events = events.path;
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
    await makeFolder(host.join(path, RUN_FILES.checkpoints));
    const lock = lockRun(path);
    try {
      if (await hasRun(path)) {
        throw new DataError(
          path,
          `Cannot begin a run in ${path} as there is one: go on with it by \`train --resume ${path}\`, or choose another folder`,
        );
      }
      await writeConfig(path, config);
    } catch (error) {
      lock[Symbol.dispose]();
      throw error;
    }
    try {
      return await RunFolder.#open(path, { ...options, config, lock });
    } catch (error) {
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
    const lock = lockRun(path);
    try {
      await makeFolder(host.join(path, RUN_FILES.checkpoints));
      await removeParts(path);
      if (JSON.stringify(config) !== JSON.stringify(old)) {
        await writeConfig(path, config);
      }
    } catch (error) {
      lock[Symbol.dispose]();
      throw error;
    }
    return await RunFolder.#open(path, { ...options, config, lock });
  }

  static async #open(path: string, opening: Opening): Promise<RunFolder> {
    const { config: { model }, keepCheckpoints, lock } = opening;
    let metrics: MetricsFile | undefined;
    try {
      const checkpoints = new RunCheckpoints(
        host.join(path, RUN_FILES.checkpoints),
        { model, keep: keepCheckpoints },
      );
      const state = await checkpoints.load();
      const from = state?.progress ?? { epoch: 1, step: 0 };
      metrics = await MetricsFile.open(
        host.join(path, RUN_FILES.metrics),
        from,
      );
      const events = await EventLog.open(path, from.step);
      const parts = { opening, state, metrics, events, checkpoints };
      return new RunFolder(path, parts);
    } catch (error) {
      metrics?.[Symbol.dispose]();
      lock[Symbol.dispose]();
      throw error;
    }
  }

  /** Removes a new run, as if it had never been begun. If something else is in its folder, that and the folder stay. */
  async remove(): Promise<void> {
    this[Symbol.dispose]();
    await takeAway(this.path, [this.#events]);
  }

  /** Closes the files and unlocks the folder. A second call does nothing. */
  [Symbol.dispose](): void {
    for (const part of this.#parts.splice(0)) part[Symbol.dispose]();
  }
}

async function writeConfig(path: string, config: RunConfig): Promise<void> {
  const text = `${JSON.stringify(config, null, 2)}\n`;
  const file = host.join(path, RUN_FILES.config);
  await writeAtomically(file, [new TextEncoder().encode(text)]);
}
