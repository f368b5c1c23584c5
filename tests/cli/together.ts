/** Training runs of several processes, and what they wrote down. */

import { assertEquals } from "@std/assert";
import { join } from "node:path";
import {
  type JobOptions,
  type JobOutcome,
  type MpiLauncher,
  runRanks,
} from "../distributed/mpi.ts";
import { NO_NETWORK, runProgram } from "./program.ts";

/** Twenty steps of LeNet in a second or two. */
export const LENET = [
  ...["--model", "lenet", "--source", "sample", "--device", "cpu"],
  ...["--train-samples", "1000", "--test-samples", "200"],
  ...["--batch-size", "50", "--epochs", "1", "--seed", "3"],
] as const;

/** Five steps of AlexNet, with the smallest images. */
export const ALEXNET = [
  ...["--source", "sample", "--device", "cpu", "--resize", "67"],
  ...["--train-samples", "40", "--test-samples", "8"],
  ...["--batch-size", "8", "--epochs", "1", "--seed", "3", "--dropout", "0"],
] as const;

/** How long a process may be silent: on a machine that does other work as well, it may have no core for long. */
const PATIENT = ["--rank-timeout", "5m"] as const;

/** Runs `train --distributed`. */
export function trainTogether(
  launcher: MpiLauncher,
  args: readonly string[],
  options: Omit<JobOptions, "args">,
): Promise<JobOutcome> {
  return runRanks(launcher, {
    ...options,
    args: [
      ...["run", "-A", "mod.ts", "train", "--distributed"],
      ...[...PATIENT, ...args],
    ],
    env: { ...NO_NETWORK, ...options.env },
  });
}

/** Reads the loss of each step of a run. */
export async function lossesOf(path: string): Promise<number[]> {
  const text = await Deno.readTextFile(join(path, "metrics.jsonl"));
  const losses: number[] = [];
  for (const line of text.trim().split("\n")) {
    const { type, step, loss } = JSON.parse(line);
    if (type === "step") losses[step] = loss;
  }
  return losses;
}

/** Trains in one process that knows nothing of MPI. */
export async function trainAlone(
  args: readonly string[],
  path: string,
): Promise<number[]> {
  const { code, stderr } = await runProgram([
    ...["train", ...args, "--out", path],
  ]);
  assertEquals(code, 0, stderr);
  return await lossesOf(path);
}

/** The largest difference between the losses of two runs. */
export function relativeDifference(
  losses: readonly number[],
  expected: readonly number[],
): number {
  assertEquals(losses.length, expected.length);
  return Math.max(
    ...losses.map((loss, i) => Math.abs(loss - expected[i]) / expected[i]),
  );
}
