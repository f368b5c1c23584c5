/**
 * Progress of training, evaluation and downloads: bars in a terminal, now and then a line elsewhere.
 *
 * @module
 */

import type { DownloadProgress } from "../data/fashion_mnist/download.ts";
import type { EpochEnd, Progress } from "../train/callbacks.ts";
import { type Bar, formatBar } from "./bar.ts";
import { formatBytes, formatDuration, formatSpeed } from "./console.ts";
import { Curves } from "./curves.ts";
import { LiveRegion, STDERR_TERMINAL } from "./live_region.ts";

/** Where there is no terminal, a line is printed at most this often unless asked for by step. */
const LINE_EVERY_MS = 30_000;

/** The bar is drawn at most this often, but for its end. */
const DRAW_EVERY_MS = 100;

/** Rows that a terminal has at least if curves are drawn on it, so that most of it is left for other lines. */
const LEAST_ROWS = 16;

/** How to show progress. */
export interface ProgressOptions {
  /** Never draw bars or curves. */
  readonly noBars?: boolean;
  /** Print nothing at all. */
  readonly quiet?: boolean;
  /** Print a line every so many training batches. */
  readonly logEvery?: number;
}

/**
 * Shows progress on standard error: a bar, and above it the curves of a training run, where that is a terminal; plain lines
 * now and then where it is not, `NO_COLOR` is set, or `TERM` is "dumb". Call `stop` at the end.
 */
export class ProgressView {
  readonly #options: ProgressOptions;
  readonly #hasBars: boolean;
  readonly #region = new LiveRegion(STDERR_TERMINAL);
  readonly #curves = new Curves();
  #file = "";
  #lastLine = performance.now();
  #lastDraw = -Infinity;

  /** @param options How to show progress. */
  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#hasBars = !options.quiet && !options.noBars && _canDraw();
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
    this.#curves.progress(e);
    this.#draw({
      title: _title(e),
      done: e.batch,
      total: e.batches,
      details: _details(e),
    });
    const isTime = !this.#hasBars && logEvery === undefined &&
      performance.now() - this.#lastLine > LINE_EVERY_MS;
    if (isAsked || isTime) this.print(_line(e));
  }

  /**
   * Adds an epoch to the curves. Those before the first of a resumed run are shown as well if they are given first.
   *
   * @param e The record of the epoch.
   */
  epochEnd(e: EpochEnd): void {
    this.#curves.epochEnd(e);
  }

  /**
   * Shows how far a download is.
   *
   * @param e What the data set reports.
   */
  download = (e: DownloadProgress): void => {
    const { file, receivedBytes: done, totalBytes: total } = e;
    const size = formatBytes(total ?? done);
    this.#draw({
      title: file,
      done,
      total: total ?? done,
      details: [`${formatBytes(done)} of ${size}`, size],
    });
    if (!this.#hasBars && this.#file !== file) {
      this.print(`downloading ${file}, ${size}`);
    }
    this.#file = file;
  };

  /**
   * Prints a line on standard error, above the bar if there is one.
   *
   * @param line The line.
   */
  print(line: string): void {
    this.#lastLine = performance.now();
    if (this.#options.quiet) return;
    if (this.#hasBars) this.#region.print(line);
    else console.error(line);
  }

  /** Takes bar and curves away, until there is something to show again: before anything is printed by other means. */
  stop(): void {
    this.#region.clear();
    this.#file = "";
    this.#lastDraw = -Infinity;
  }

  /** Takes the bar away and leaves the curves of the whole run standing: once, when it is over. */
  end(): void {
    this.stop();
    if (!this.#hasBars) return;
    const curves = this.#drawCurves();
    if (curves.length === 0) return;
    this.#region.draw(curves);
    this.#region.leave();
  }

  #draw(bar: Bar): void {
    if (!this.#hasBars) return;
    const isOver = bar.total !== undefined && bar.done >= bar.total;
    const now = performance.now();
    if (!isOver && now - this.#lastDraw < DRAW_EVERY_MS) return;
    this.#lastDraw = now;
    const { columns } = STDERR_TERMINAL.size();
    this.#region.draw([...this.#drawCurves(), formatBar(bar, columns - 1)]);
  }

  #drawCurves(): string[] {
    const { columns, rows } = STDERR_TERMINAL.size();
    return rows < LEAST_ROWS ? [] : this.#curves.draw(columns - 1);
  }
}

/** Whether standard error takes control characters, and wants them: https://no-color.org. */
function _canDraw(): boolean {
  return Deno.stderr.isTerminal() && !Deno.noColor &&
    Deno.env.get("TERM") !== "dumb";
}

function _title({ phase, epoch }: Progress): string {
  return phase === "train" ? `epoch ${epoch}` : "evaluating";
}

/** What stands beside the bar, the more the wider the terminal is. */
function _details(e: Progress): string[] {
  const loss = `loss ${e.loss.toFixed(4)}`;
  const accuracy = `acc ${e.accuracy.toFixed(3)}`;
  const left = e.batches === undefined
    ? []
    : [`${formatDuration(_secondsLeft(e))} left`];
  return [
    [_means(e), ...left],
    [loss, accuracy, ...left],
    [loss, ...left],
    left,
  ].map((parts) => parts.join(", "));
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
  const unit = e.phase === "train" ? "step" : "batch";
  return `${_title(e)}, ${unit} ${e.batch}${of}, ${_means(e)}`;
}
