/**
 * Progress of training, evaluation and downloads: bars in a terminal, now and then a line elsewhere.
 *
 * @module
 */

import { MultiBar, type SingleBar } from "cli-progress";
import type { DownloadProgress } from "../data/download.ts";
import type { Progress } from "../train/callbacks.ts";
import { formatBytes, formatDuration, formatSpeed } from "./console.ts";

/** Where there is no terminal, a line is printed at most this often unless asked for by step. */
const LINE_EVERY_MS = 30_000;

/** How to show progress. */
export interface ProgressOptions {
  /** Never draw bars. */
  readonly noBars?: boolean;
  /** Print nothing at all. */
  readonly quiet?: boolean;
  /** Print a line every so many training batches. */
  readonly logEvery?: number;
}

/** Shows progress on standard error. Call `stop` at the end. */
export class ProgressView {
  readonly #options: ProgressOptions;
  readonly #hasBars: boolean;
  #bars: MultiBar | undefined;
  #bar: SingleBar | undefined;
  #title = "";
  #lastLine = performance.now();

  /** @param options How to show progress. */
  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#hasBars = !options.quiet && !options.noBars &&
      Deno.stderr.isTerminal();
  }

  /**
   * Shows how far an epoch or an evaluation is.
   *
   * @param e What `fit` or `evaluate` reports.
   */
  update(e: Progress): void {
    const { logEvery } = this.#options;
    const isAsked = e.phase === "train" && logEvery !== undefined &&
      e.batch % logEvery === 0;
    if (this.#hasBars) {
      const left = e.batches === undefined
        ? ""
        : `${formatDuration(_secondsLeft(e))} left`;
      const title = e.phase === "train" ? `epoch ${e.epoch}` : "evaluating";
      const details = `${_means(e)}, ${left}`;
      this.#draw(title, {
        done: e.batch,
        total: e.batches ?? e.batch,
        details,
      });
    }
    const isTime = !this.#hasBars && logEvery === undefined &&
      performance.now() - this.#lastLine > LINE_EVERY_MS;
    if (isAsked || isTime) this.print(_line(e));
  }

  /**
   * Shows how far a download is.
   *
   * @param e What the data set reports.
   */
  download = (e: DownloadProgress): void => {
    const total = e.totalBytes ?? e.receivedBytes;
    const details = `${formatBytes(e.receivedBytes)} of ${formatBytes(total)}`;
    if (this.#hasBars) {
      this.#draw(e.file, { done: e.receivedBytes, total, details });
    } else if (this.#title !== e.file) {
      this.#title = e.file;
      this.print(`downloading ${e.file}, ${formatBytes(total)}`);
    }
  };

  /**
   * Prints a line on standard error, above the bar if there is one.
   *
   * @param line The line.
   */
  print(line: string): void {
    this.#lastLine = performance.now();
    if (this.#options.quiet) return;
    if (this.#bars === undefined) return console.error(line);
    this.#bars.log(`${line}\n`);
    // The bars draw from a timer, which cannot fire while the device is being waited for.
    this.#bars.update();
  }

  /** Takes the bar away. */
  stop(): void {
    this.#bars?.stop();
    this.#bars = this.#bar = undefined;
    this.#title = "";
  }

  #draw(
    title: string,
    state: { done: number; total: number; details: string },
  ): void {
    if (this.#title !== title) {
      this.stop();
      this.#title = title;
      this.#bars = new MultiBar({
        format: "{title} [{bar}] {percentage}% {details}",
        stream: globalThis.process?.stderr,
        clearOnComplete: true,
        hideCursor: false,
        linewrap: true,
        barsize: 24,
      });
      this.#bar = this.#bars.create(state.total, 0, { title, details: "" });
    }
    this.#bar?.setTotal(state.total);
    this.#bar?.update(state.done, { details: state.details });
    this.#bars?.update();
  }
}

/** Estimates how long the rest of the phase takes. */
function _secondsLeft(e: Progress): number {
  const batches = (e.batches ?? e.batch) - e.batch;
  return batches * e.secondsPerBatch;
}

function _means(e: Progress): string {
  const { loss, accuracy, imagesPerSecond } = e;
  return `loss ${loss.toFixed(4)}, acc ${accuracy.toFixed(3)}, ${
    formatSpeed(imagesPerSecond)
  }`;
}

function _line(e: Progress): string {
  const of = e.batches === undefined ? "" : ` of ${e.batches}`;
  return `${
    e.phase === "train" ? `epoch ${e.epoch}, step` : "evaluating, batch"
  } ${e.batch}${of}, ${_means(e)}`;
}
