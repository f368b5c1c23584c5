/** The processes that a command runs in: one, or those that `mpirun` started. */

import type { MpiCommunicator } from "../distributed/mpi_communicator.ts";
import { nameOf } from "../distributed/processes.ts";
import { anywhere, shareJson } from "../train/communicator.ts";
import { explain } from "./command_line.ts";

/** How long a process that is not the first waits before it says what went wrong. */
const WAIT_FOR_FIRST_MS = 1000;

/** Exit code of a process that ends because another one failed. */
const FAILED = 1;

/** Another process has said what went wrong. */
class FailedElsewhere extends Error {}

/** The processes that a command runs in, and which of them this is. */
export class Group {
  /** Connects them, if there are several. */
  readonly communicator?: MpiCommunicator;
  /** Whether this is the one that prints and writes. */
  readonly isFirst: boolean;
  /** Whether every process knows of the failure, or none has failed. */
  isSettled = false;
  #hasLeft = false;

  constructor(communicator?: MpiCommunicator) {
    this.communicator = communicator;
    this.isFirst = communicator === undefined || communicator.rank === 0;
  }

  /** Does something in each process and returns its result there. If it fails in one, it fails in all, and one says why. */
  async together<T>(action: () => T | Promise<T>): Promise<T> {
    const { communicator } = this;
    if (communicator === undefined) return await action();
    const { rank, size } = communicator;
    const [own] = await Promise.allSettled([Promise.try(action)]);
    const hasFailed = own.status === "rejected";
    const failed = await anywhere(
      communicator,
      Array.from({ length: size }, (_, i) => i === rank && hasFailed),
    );
    const first = failed.indexOf(true);
    if (first < 0 && !hasFailed) return own.value;
    this.isSettled = true;
    throw hasFailed && first === rank ? own.reason : new FailedElsewhere();
  }

  /** Does something in the first process only and returns its result, which JSON can say, in all. */
  async byFirst<T>(action: () => Promise<T>): Promise<T> {
    const { communicator } = this;
    if (communicator === undefined) return await action();
    const result = await this.together(() =>
      this.isFirst ? action() : undefined
    );
    return await shareJson(communicator, result) as T;
  }

  /**
   * Does what writes to folders that processes may share: first in the first process, then in one on each machine, then in the
   * others, who find what those have written. If it fails in one, it fails in all.
   */
  async inTurn<T>(action: () => Promise<T>): Promise<T> {
    const isOfMachine = this.communicator?.localRank === 0;
    const own = [this.isFirst, isOfMachine, true].indexOf(true);
    let result: T | undefined;
    for (const turn of [0, 1, 2]) {
      await this.together(async () => {
        if (turn === own) result = await action();
      });
    }
    return result!;
  }

  /** Goes on alone. */
  async leave(): Promise<void> {
    if (this.#hasLeft) return;
    this.#hasLeft = this.isSettled = true;
    await this.communicator?.finalize();
  }
}

/** Runs a command in all processes that `mpirun` started; if it fails in one, all end. Returns the exit code. */
export async function runTogether(
  run: (group: Group) => Promise<number>,
  options: { silenceMs?: number; verbose?: boolean },
): Promise<number> {
  const { connectMpi } = await import("../distributed/mpi_communicator.ts");
  const communicator = await connectMpi(options);
  const { rank, processes } = communicator;
  const group = new Group(communicator);
  try {
    const code = await run(group);
    await group.leave();
    return code;
  } catch (error) {
    if (!group.isSettled) {
      // If all have the same error, the first one says it and ends them.
      await new Promise((r) => setTimeout(r, rank > 0 ? WAIT_FOR_FIRST_MS : 0));
      const where = nameOf(processes[rank]);
      console.error(`error: ${where}: ${explain(error, "train")}`);
      if (options.verbose) console.error(error);
      communicator.abort(FAILED);
    }
    await group.leave();
    if (error instanceof FailedElsewhere) return FAILED;
    throw error;
  }
}
