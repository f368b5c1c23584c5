/**
 * The checkpoints of a run: `last`, from which it goes on, older ones if they are to be kept, and `best`, all in the
 * safetensors format.
 */

import { DataLoader } from "../data/loader/data_loader.ts";
import { DataError } from "../errors.ts";
import {
  type Checkpoint,
  loadCheckpoint,
  type ModelConfig,
  readWeights,
  writeCheckpoint,
} from "../io/checkpoint.ts";
import { orCannotRead } from "../io/files.ts";
import {
  computeSame,
  contradiction,
  modelOf,
  networkOf,
} from "../io/network.ts";
import type { Sequential } from "../nn/sequential.ts";
import { host } from "../platform/host.ts";
import type { BatchSource } from "../train/batch_source.ts";
import type { TrainingProgress, TrainingState } from "../train/state.ts";
import type { RunConfig } from "./records.ts";

/** The folder of checkpoints in a run folder. */
export const CHECKPOINTS = "checkpoints";

/** The checkpoint from which a run goes on. */
export const LAST = "last";

/** The weights with the best result after a whole epoch. */
const BEST = "best";

/** Names of older checkpoints, by the number of steps done. */
const STEP_NAME = /^step-(\d{8,})$/;

/** The checkpoints in a run folder. */
export class RunCheckpoints {
  readonly #folder: string;
  readonly #config: RunConfig;
  readonly #keep: number;
  /** The network: as `config.json` names it, as the newest state has it, and then the one that is trained. */
  #which: Pick<Checkpoint, "config" | "network">;
  /** Steps done in `last`, if this process wrote or read it. */
  #lastStep: number | undefined;

  /** Names the run folder, and says what its `config.json` says and how many states to keep, the last included. */
  constructor(
    run: string,
    { config, keep = 1 }: { config: RunConfig; keep?: number },
  ) {
    this.#folder = host.join(run, CHECKPOINTS);
    this.#config = config;
    this.#which = { config: config.model };
    this.#keep = keep;
  }

  /** Reads the newest state, if there is one, and removes what a process that was killed has left half-written. */
  async load(): Promise<TrainingState | undefined> {
    const names = await this.#list();
    for (const name of names.filter((name) => name.endsWith(".part"))) {
      await host.remove(this.#pathOf(name));
    }
    const newest = names.includes(LAST) ? LAST : newestFirst(names).at(0);
    if (newest === undefined) return;
    const path = this.#pathOf(newest);
    const checkpoint = await loadCheckpoint(path, { tensors: "all" });
    requireSameNetwork(checkpoint, this.#config.model);
    const { config, network } = checkpoint;
    this.#which = { config, network };
    const state = await stateOf(checkpoint);
    if (newest === LAST) this.#lastStep = state.progress.step;
    return state;
  }

  /** Refuses a network that could not be loaded again, or is not the run's. */
  begin(net: Sequential, data?: BatchSource): void {
    const { model, data: { classNames } } = this.#config;
    const path = this.#folder;
    const network = networkOf(net, {
      data: data instanceof DataLoader ? data : undefined,
      classNames,
    });
    const config = modelOf(network);
    requireSameNetwork({ path, config }, model);
    const { network: before = network } = this.#which;
    if (!computeSame(before, network)) {
      throw new DataError(
        path,
        `Cannot go on in ${path}: the run began with other layers than this network has`,
      );
    }
    this.#which = { config, network };
  }

  /** Writes a state as `last`, whole or not at all. What was `last` becomes the newest of the older ones. */
  async save({ weights, others, progress }: TrainingState): Promise<void> {
    // The end of an epoch may save two states of one step. The second has all that callbacks did, and replaces the first.
    const isOlder = this.#lastStep !== undefined &&
      this.#lastStep < progress.step;
    if (this.#keep > 1 && isOlder) await this.#keepLast();
    await writeCheckpoint(this.#pathOf(LAST), {
      ...this.#which,
      tensors: new Map([...weights, ...others]),
      training: JSON.stringify(progress),
    });
    this.#lastStep = progress.step;
    const older = newestFirst(await this.#list());
    for (const name of older.slice(this.#keep - 1)) {
      await host.remove(this.#pathOf(name));
    }
  }

  /** Writes weights as `best`, whole or not at all. */
  async saveBest(net: Sequential): Promise<void> {
    if (this.#which.network === undefined) this.begin(net);
    const tensors = await readWeights(net);
    await writeCheckpoint(this.#pathOf(BEST), { ...this.#which, tensors });
  }

  /** Gives `last` a second name, under which it stays when the next state is written. Where no link can be, it is copied. */
  async #keepLast(): Promise<void> {
    const last = this.#pathOf(LAST);
    const steps = String(this.#lastStep).padStart(8, "0");
    const older = this.#pathOf(`step-${steps}`);
    try {
      await host.remove(older).catch(() => {});
      await host.link(last, older);
    } catch {
      await host.copy(last, `${older}.part`);
      await host.rename(`${older}.part`, older);
    }
  }

  async #list(): Promise<string[]> {
    const entries = await orCannotRead(
      this.#folder,
      () => host.list(this.#folder),
    );
    return entries.map(({ name }) => name);
  }

  #pathOf(name: string): string {
    return host.join(this.#folder, name);
  }
}

/** The older checkpoints among the names in the folder, the one of most steps first. */
function newestFirst(names: readonly string[]): string[] {
  const step = (name: string) => Number(STEP_NAME.exec(name)?.[1]);
  return names.filter((name) => STEP_NAME.test(name))
    .toSorted((a, b) => step(b) - step(a));
}

/** Throws a `DataError` if a checkpoint is not of the network that the run's `config.json` names. */
export function requireSameNetwork(
  { path, config }: Pick<Checkpoint, "path" | "config">,
  expected: ModelConfig,
): void {
  const reason = contradiction(config, { expected, where: "config.json" });
  if (reason === undefined) return;
  throw new DataError(path, `Cannot use ${path}: ${reason}`);
}

async function stateOf(
  { path, tensors, training = "" }: Checkpoint,
): Promise<TrainingState> {
  const { checkProgress } = await import("./records.ts");
  let progress: TrainingProgress;
  try {
    progress = checkProgress(JSON.parse(training));
  } catch {
    throw new DataError(
      path,
      `Cannot go on from ${path}: its header does not say how far the run was; delete it to go on from an older one`,
    );
  }
  const { weights = [], others = [] } = Object.groupBy(
    tensors,
    ([name]) => /^(optimizer\.|lossScale$)/.test(name) ? "others" : "weights",
  );
  return { progress, weights: new Map(weights), others: new Map(others) };
}

/**
 * Finds the checkpoint of a run.
 *
 * @param path A run folder or a checkpoint.
 * @returns The best checkpoint of the folder, or its last one if there is no best. A path that is no folder is returned as it is.
 * @throws {DataError} If it is a folder without a checkpoint.
 */
export async function findCheckpoint(path: string): Promise<string> {
  // If it cannot be known what is there, whoever reads the file says why.
  const info = await host.stat(path).catch(() => undefined);
  if (!info?.isFolder) return path;
  const found = await findBestOrLast(path);
  if (found !== undefined) return found;
  throw new DataError(
    path,
    `Cannot use ${path} as a run: it has neither ${CHECKPOINTS}/${BEST} nor ${CHECKPOINTS}/${LAST}; name a folder that \`train --out DIR\` wrote, or a checkpoint`,
  );
}

/** Finds the best checkpoint in a run folder, or the last one if there is no best. */
export async function findBestOrLast(
  run: string,
): Promise<string | undefined> {
  for (const name of [BEST, LAST]) {
    const path = host.join(run, CHECKPOINTS, name);
    const info = await host.stat(path).catch(() => undefined);
    if (info?.isFile) return path;
  }
}

/** Says what the test images decided in a run, as accuracy on them is then no measure of that on others. */
export function describeChoice(
  recipe: Readonly<Record<string, unknown>>,
  { hasBest }: { hasBest: boolean },
): string | undefined {
  const decided = [
    ...recipe["early-stopping"] !== undefined ? ["when training ends"] : [],
    ...recipe.schedule === "plateau" ? ["the learning rate"] : [],
    ...hasBest ? ["which checkpoint is best"] : [],
  ];
  if (decided.length === 0) return undefined;
  const all = new Intl.ListFormat("en").format(decided);
  return `the test images decided ${all}: accuracy on other images may be lower than on them`;
}
