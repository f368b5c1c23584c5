/**
 * Reads a run folder that may be damaged, unfinished, or somebody else's.
 *
 * @module
 */

import type { GenericSchema } from "valibot";
import { DataError } from "../errors.ts";
import { host } from "../platform/host.ts";
import { reasonOf } from "../reason.ts";
import type {
  EpochRecord,
  MetricsRecord,
  RunConfig,
  StepRecord,
} from "./records.ts";

/** Most characters that an error quotes. */
const MAX_MESSAGE = 500;

/** What a run folder says. */
export interface RunRecords {
  /** What the run depends on. */
  readonly config: RunConfig;
  /** Its steps so far, in ascending order; some may be missing. */
  readonly steps: readonly StepRecord[];
  /** Its epochs so far, in ascending order. */
  readonly epochs: readonly EpochRecord[];
}

/** Largest `config.json` that is read, in bytes. */
const MAX_CONFIG_BYTES = 2 ** 20;

/** Largest `metrics.jsonl` that is read, in bytes: about two million steps. */
const MAX_METRICS_BYTES = 2 ** 28;

/** Most epochs that are read. */
const MAX_EPOCHS = 10_000;

/**
 * Reads the configuration and the metrics of a run. A last line that a kill has cut off is left out. Where a resumed run
 * went back to an older checkpoint, what it said last of a step or an epoch counts.
 *
 * @param path The run folder.
 * @returns What it says, checked.
 * @throws {DataError} If a file is missing, too large or says what it must not.
 */
export async function readRun(path: string): Promise<RunRecords> {
  const { RECORD_SCHEMA } = await import("./record_schemas.ts");
  const check = await loadCheck();
  const config = await readConfig(path);
  const metricsPath = host.join(path, "metrics.jsonl");
  const lines = (await readText(metricsPath, MAX_METRICS_BYTES)).split("\n");
  const records: { steps: StepRecord[]; epochs: EpochRecord[] } = {
    steps: [],
    epochs: [],
  };
  lines.forEach((line, i) => {
    const where = { path: metricsPath, line: i + 1 };
    const isCutOff = i === lines.length - 1 && !isJson(line);
    if (isCutOff) return;
    append(records, check(RECORD_SCHEMA, parse(line, where), where));
    if (records.epochs.length > MAX_EPOCHS) {
      throw unusable(where, `more epochs than ${MAX_EPOCHS}, the most`);
    }
  });
  return { config, ...records };
}

/** Reads the configuration of a run. */
export async function readConfig(path: string): Promise<RunConfig> {
  const { CONFIG_SCHEMA } = await import("./record_schemas.ts");
  const check = await loadCheck();
  const where = { path: host.join(path, "config.json") };
  const text = await readText(where.path, MAX_CONFIG_BYTES);
  return check(CONFIG_SCHEMA, parse(text, where), where);
}

/** A file, and a line of it, from 1. */
interface Place {
  readonly path: string;
  readonly line?: number;
}

type Check = <T>(
  schema: GenericSchema<unknown, T>,
  value: unknown,
  where: Place,
) => T;

async function loadCheck(): Promise<Check> {
  const { safeParse } = await import("valibot");
  return (schema, value, where) => {
    const { success, output, issues } = safeParse(schema, value, {
      abortEarly: true,
    });
    if (success) return output;
    const field = issues[0].path?.map(({ key }) => key).join(".");
    const reason = `${field ? `${field}: ` : ""}${issues[0].message}`;
    throw unusable(where, reason);
  };
}

async function readText(path: string, maxBytes: number): Promise<string> {
  try {
    const { isFile, size } = await host.stat(path);
    if (!isFile) throw unusable({ path }, "it is not a file");
    if (size > maxBytes) {
      throw unusable({ path }, `${size} bytes, and ${maxBytes} are the most`);
    }
    return await host.readText(path);
  } catch (error) {
    if (error instanceof DataError) throw error;
    const reason = host.isMissing(error)
      ? "there is no such file; `train --out RUN` writes a run folder"
      : shortReason(error);
    throw new DataError(path, `Cannot read ${oneLine(path)}: ${reason}`);
  }
}

function parse(text: string, where: Place): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw unusable(where, shortReason(error));
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Adds a record, which replaces those of its step or epoch and of later ones. */
function append(
  { steps, epochs }: { steps: StepRecord[]; epochs: EpochRecord[] },
  record: MetricsRecord,
): void {
  while ((epochs.at(-1)?.epoch ?? 0) >= record.epoch) epochs.pop();
  if (record.type === "epoch") {
    epochs.push(record);
    return;
  }
  while ((steps.at(-1)?.step ?? -1) >= record.step) steps.pop();
  steps.push(record);
}

function unusable({ path, line }: Place, reason: string): DataError {
  const place = line === undefined ? "" : ` line ${line}`;
  return new DataError(
    path,
    `Cannot use ${oneLine(path)}${place}: ${oneLine(reason)}`,
  );
}

function shortReason(error: unknown): string {
  return oneLine(reasonOf(error));
}

/** Shortens text and removes line breaks and control characters, which names and contents of files may have. */
function oneLine(text: string): string {
  const line = text.replace(/[\s\p{Cc}]+/gu, " ");
  return line.length > MAX_MESSAGE ? `${line.slice(0, MAX_MESSAGE)}...` : line;
}
