/**
 * Why a run ends before all its epochs are done.
 *
 * @module
 */

import { anywhere } from "./communicator.ts";
import type { RunParts } from "./run_parts.ts";

/** Why a run ended before all its epochs were done. */
export type Interruption = "max-time" | "stopped" | "aborted";

/** What can end a run. */
type Parts = Pick<RunParts, "signal" | "deadline" | "replicas">;

/**
 * Finds out whether a run has to end, in this process or in one that trains together with it.
 *
 * @param parts What can end it.
 * @param state Why it has to end as far as is known, and whether it may go on although the time is up.
 * @returns Why it has to, if it has to: the same in all processes.
 */
export async function whyEnd(
  { signal, deadline, replicas }: Parts,
  { known, exceptLate }: { known?: Interruption; exceptLate: boolean },
): Promise<Interruption | undefined> {
  const isLate = performance.now() >= deadline && !exceptLate;
  let reasons = [
    known === "aborted" || (signal?.aborted ?? false),
    known === "stopped",
    known === "max-time" || isLate,
  ];
  if (replicas) reasons = await anywhere(replicas.communicator, reasons);
  const [isAborted, isStopped, isOver] = reasons;
  if (isAborted) return "aborted";
  if (known !== undefined) return known;
  return isStopped ? "stopped" : isOver ? "max-time" : undefined;
}

/**
 * Finds out whether a run has to end at once, in this process or in one that trains together with it.
 *
 * @param parts What can end it.
 * @returns Whether it has to: the same in all processes.
 */
export async function isAborted(
  { signal, replicas }: Parts,
): Promise<boolean> {
  const isHere = signal?.aborted ?? false;
  if (replicas === undefined) return isHere;
  const [isAnywhere] = await anywhere(replicas.communicator, [isHere]);
  return isAnywhere;
}
