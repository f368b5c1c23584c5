/** Reads a run folder that may be damaged, unfinished, or somebody else's. */

import { DataError } from "../errors.ts";
import { host } from "../platform/host.ts";
import { reasonOf } from "../reason.ts";
import type {
  EpochRecord,
  MetricsRecord,
  RunConfig,
  StepRecord,
} from "./records.ts";

/** What a run folder says. */
export interface RunRecords {
  /** What the run depends on. */
  readonly config: RunConfig;
  /** Its steps so far, in ascending order; some may be missing. */
  readonly steps: readonly StepRecord[];
  /** Its epochs so far, in ascending order. */
  readonly epochs: readonly EpochRecord[];
}

/** Names of the files in a run folder that are read here. */
export const RECORD_FILES = { config: "config.json", metrics: "metrics.jsonl" };

/** Largest `config.json` that is read, in bytes. */
const MAX_CONFIG_BYTES = 2 ** 20;

/** Largest `metrics.jsonl` that is read, in bytes: about two million steps. */
const MAX_METRICS_BYTES = 2 ** 28;

/** Most epochs that are read. */
const MAX_EPOCHS = 10_000;

/** Most characters that an error quotes. */
const MAX_MESSAGE = 500;

/**
 * Reads the configuration and the metrics of a run. A last line that a kill has cut off is left out. If a resumed run
 * went back to an older checkpoint, it recorded some steps and epochs again: the later record counts.
 *
 * @param path The run folder.
 * @returns What it says, checked.
 * @throws {DataError} If a file is missing, too large or says what it must not.
 */
export async function readRun(path: string): Promise<RunRecords> {
  const config = await readConfig(path);
  const { checkRecord } = await import("./records.ts");
  const file = host.join(path, RECORD_FILES.metrics);
  const lines = (await readText(file, MAX_METRICS_BYTES)).split("\n");
  try {
    JSON.parse(lines.at(-1)!);
  } catch {
    // The last line is empty, or a kill has cut it off.
    lines.pop();
  }
  const steps: StepRecord[] = [];
  const epochs: EpochRecord[] = [];
  for (const [i, line] of lines.entries()) {
    const where = { path: file, line: i + 1 };
    append(parse(line, { ...where, check: checkRecord }), { steps, epochs });
    if (epochs.length > MAX_EPOCHS) {
      throw unusable(where, `at most ${MAX_EPOCHS} epochs are read`);
    }
  }
  return { config, steps, epochs };
}

/** Reads the configuration of a run. */
export async function readConfig(run: string): Promise<RunConfig> {
  const { checkConfig } = await import("./records.ts");
  const path = host.join(run, RECORD_FILES.config);
  const text = await readText(path, MAX_CONFIG_BYTES);
  return parse(text, { path, check: checkConfig });
}

async function readText(path: string, maxBytes: number): Promise<string> {
  try {
    const { isFile, size } = await host.stat(path);
    if (!isFile) throw unusable({ path }, "it is not a file");
    if (size > maxBytes) {
      throw unusable({ path }, `${size} bytes: at most ${maxBytes} are read`);
    }
    return await host.readText(path);
  } catch (error) {
    if (error instanceof DataError) throw error;
    const reason = host.isMissing(error)
      ? "there is no such file; `train --out RUN` writes a run folder"
      : reasonOf(error);
    throw unusable({ path }, reason);
  }
}

function parse<T>(
  text: string,
  { check, ...where }: Source & { check: (value: unknown) => T },
): T {
  try {
    return check(JSON.parse(text));
  } catch (error) {
    throw unusable(where, reasonOf(error));
  }
}

/** Adds a record, which replaces those of its step or epoch and of later ones. */
function append(
  record: MetricsRecord,
  { steps, epochs }: { steps: StepRecord[]; epochs: EpochRecord[] },
): void {
  while ((epochs.at(-1)?.epoch ?? 0) >= record.epoch) epochs.pop();
  if (record.type === "epoch") {
    epochs.push(record);
    return;
  }
  while ((steps.at(-1)?.step ?? -1) >= record.step) steps.pop();
  steps.push(record);
}

/** A file, and which line of it, from 1. */
interface Source {
  readonly path: string;
  readonly line?: number;
}

function unusable({ path, line }: Source, reason: string): DataError {
  const where = line === undefined ? path : `${path} line ${line}`;
  return new DataError(
    path,
    `Cannot use ${oneLine(where)}: ${oneLine(reason)}`,
  );
}

/** Shortens text and removes line breaks and control characters, which names and contents of files may have. */
function oneLine(text: string): string {
  const line = text.replace(/[\s\p{Cc}]+/gu, " ");
  return line.length > MAX_MESSAGE ? `${line.slice(0, MAX_MESSAGE)}...` : line;
}
