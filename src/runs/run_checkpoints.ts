/**
 * The checkpoints of a run: `last`, from which it goes on, older ones if they are to be kept, and `best`, all in the
 * safetensors format.
 *
 * @module
 */

import { DataError } from "../errors.ts";
import {
  type Checkpoint,
  loadCheckpoint,
  type ModelConfig,
  writeCheckpoint,
} from "../io/checkpoint.ts";
import type { NamedTensor } from "../io/safetensors.ts";
import { host } from "../platform/host.ts";
import { reasonOf } from "../reason.ts";
import type { TrainingState } from "../train/state.ts";

/** The checkpoint from which a run goes on. */
export const LAST = "last";

/** The weights with the best result after a whole epoch. */
export const BEST = "best";

/** Names of older checkpoints, by the number of steps done. */
const STEP_NAME = /^step-(\d{8,})$/;

/** The names of files that a process that was killed may have left. */
const PART_NAME = /\.part$/;

/** Options of {@linkcode RunCheckpoints}. */
export interface RunCheckpointsOptions {
  /** Which network. */
  readonly model: ModelConfig;
  /** How many states to keep, the last included. Default 1. */
  readonly keep?: number;
}

/** A folder of checkpoints. */
export class RunCheckpoints {
  readonly #folder: string;
  readonly #options: RunCheckpointsOptions;
  /** Steps done in `last`, where this process wrote or read it. */
  #lastStep: number | undefined;

  /** Names the folder; nothing is read or written yet. */
  constructor(folder: string, options: RunCheckpointsOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  /** Reads the newest state, if there is one, and removes what a process that was killed has left half-written. */
  async load(): Promise<TrainingState | undefined> {
    const names = await this.#list();
    for (const name of names.filter((name) => PART_NAME.test(name))) {
      await host.remove(host.join(this.#folder, name));
    }
    const newest = names.includes(LAST) ? LAST : olderFirst(names).at(-1);
    if (newest === undefined) return;
    const path = host.join(this.#folder, newest);
    const checkpoint = await loadCheckpoint(path, { tensors: "all" });
    const state = await stateOf(checkpoint, this.#options.model);
    if (newest === LAST) this.#lastStep = state.progress.step;
    return state;
  }

  /**
   * Writes a state as `last`, whole or not at all. What was `last` becomes one of the older ones, of which as many are
   * kept as was asked for.
   */
  async save({ weights, others, progress }: TrainingState): Promise<void> {
    const { model, keep = 1 } = this.#options;
    // The end of an epoch may save two states of one step. The second has all that callbacks did, and replaces the first.
    const isOlder = this.#lastStep !== undefined &&
      this.#lastStep < progress.step;
    if (keep > 1 && isOlder) await this.#keepLast();
    await writeCheckpoint(host.join(this.#folder, LAST), {
      config: model,
      tensors: new Map([...weights, ...others]),
      training: JSON.stringify(progress),
    });
    this.#lastStep = progress.step;
    const older = olderFirst(await this.#list());
    for (const name of older.slice(0, Math.max(0, older.length - keep + 1))) {
      await host.remove(host.join(this.#folder, name));
    }
  }

  /** Writes weights as `best`, whole or not at all. */
  async saveBest(weights: ReadonlyMap<string, NamedTensor>): Promise<void> {
    const { model } = this.#options;
    const path = host.join(this.#folder, BEST);
    await writeCheckpoint(path, { config: model, tensors: weights });
  }

  /** Gives `last` a second name, under which it stays when the next state is written; or copies it where that cannot be. */
  async #keepLast(): Promise<void> {
    const last = host.join(this.#folder, LAST);
    const name = `step-${String(this.#lastStep).padStart(8, "0")}`;
    const path = host.join(this.#folder, name);
    try {
      await host.remove(path).catch(() => {});
      await host.link(last, path);
    } catch {
      await host.copy(last, `${path}.part`);
      await host.rename(`${path}.part`, path);
    }
  }

  async #list(): Promise<string[]> {
    try {
      return (await host.list(this.#folder)).map(({ name }) => name);
    } catch (error) {
      throw new DataError(
        this.#folder,
        `Cannot read the folder ${this.#folder}: ${reasonOf(error)}`,
      );
    }
  }
}

/** The older checkpoints among the names in the folder. */
function olderFirst(names: readonly string[]): string[] {
  const step = (name: string) => Number(STEP_NAME.exec(name)?.[1]);
  return names.filter((name) => STEP_NAME.test(name))
    .toSorted((a, b) => step(a) - step(b));
}

async function stateOf(
  { path, config, tensors, training }: Checkpoint,
  model: ModelConfig,
): Promise<TrainingState> {
  const { PROGRESS_SCHEMA } = await import("./record_schemas.ts");
  const { safeParse } = await import("valibot");
  if (
    config.model !== model.model || config.classes !== model.classes ||
    config.imageSize !== model.imageSize
  ) {
    throw new DataError(
      path,
      `Cannot go on from ${path}: it is of another network than the run`,
    );
  }
  const { success, output } = safeParse(PROGRESS_SCHEMA, parse(training));
  if (!success) {
    throw new DataError(
      path,
      `Cannot go on from ${path}: its header does not say how far the run was; delete it to go on from an older one`,
    );
  }
  const { weights = [], others = [] } = Object.groupBy(
    tensors,
    ([name]) => /^(optimizer\.|lossScale$)/.test(name) ? "others" : "weights",
  );
  return {
    progress: output,
    weights: new Map(weights),
    others: new Map(others),
  };
}

function parse(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return undefined;
  }
}
