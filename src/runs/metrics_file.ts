/**
 * Writes `metrics.jsonl`, a record a line.
 *
 * @module
 */

import { DataError } from "../errors.ts";
import { writeAtomically } from "../io/atomic_file.ts";
import type { MetricsRecord } from "./records.ts";

/** Where a run goes on: what was written of this and what came after it is written again. */
export interface ResumePoint {
  /** Epoch, from 1. */
  readonly epoch: number;
  /** Step, from 0 over the run. */
  readonly step: number;
}

/**
 * A file to which records are added. Those that are added at once are one write, so that a process that is killed leaves at
 * most a torn last line, which readers pass over and a run that goes on takes away.
 */
export class MetricsFile implements Disposable {
  readonly #path: string;
  readonly #file: Deno.FsFile;

  private constructor(path: string) {
    this.#path = path;
    this.#file = Deno.openSync(path, { append: true, create: true });
  }

  /**
   * Opens a file, and takes away what is to be written again.
   *
   * @param path The file.
   * @param from Where the run goes on.
   * @returns The file, without anything of that step or epoch and later ones.
   * @throws {DataError} If it cannot be read or written.
   */
  static async open(path: string, from: ResumePoint): Promise<MetricsFile> {
    try {
      const text = await _read(path);
      const kept = text.split("\n").filter((line) => _isBefore(line, from));
      const content = kept.map((line) => `${line}\n`).join("");
      if (content !== text) {
        await writeAtomically(path, [new TextEncoder().encode(content)]);
      }
      return new MetricsFile(path);
    } catch (error) {
      if (error instanceof DataError) throw error;
      throw _failed(path, error);
    }
  }

  /**
   * Adds records.
   *
   * @param records The records.
   * @throws {DataError} If they cannot be written.
   */
  append(records: readonly MetricsRecord[]): void {
    const text = records.map((record) => `${JSON.stringify(record)}\n`);
    const bytes = new TextEncoder().encode(text.join(""));
    try {
      for (let done = 0; done < bytes.length;) {
        done += this.#file.writeSync(bytes.subarray(done));
      }
    } catch (error) {
      throw _failed(this.#path, error);
    }
  }

  /**
   * Waits until what was added is on the disk.
   *
   * @throws {DataError} If it does not get there.
   */
  async sync(): Promise<void> {
    try {
      await this.#file.syncData();
    } catch (error) {
      throw _failed(this.#path, error);
    }
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#file.close();
  }
}

async function _read(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** Whether a line is a whole record of what the run does not do again. */
function _isBefore(line: string, from: ResumePoint): boolean {
  try {
    const { type, step, epoch } = JSON.parse(line) as MetricsRecord & {
      step?: number;
    };
    return type === "epoch" ? epoch < from.epoch : step! < from.step;
  } catch {
    return false;
  }
}

function _failed(path: string, error: unknown): DataError {
  const reason = error instanceof Error ? error.message : String(error);
  return new DataError(path, `Cannot write ${path}: ${reason}`);
}
