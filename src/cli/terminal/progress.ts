/**
 * Progress of training, evaluation and downloads: bars in a terminal, now and then a line elsewhere.
 *
 * @module
 */

import type { DownloadProgress } from "../../data/fashion_mnist/download.ts";
import type { EpochEnd, Progress } from "../../train/callbacks.ts";
import { formatBytes, formatDuration, formatSpeed } from "./console.ts";
import { Curves } from "./curve.ts";
import { LiveRegion, STDERR_TERMINAL } from "./live_region.ts";

/** What a bar says. */
export interface Bar {
  /** What is going on. */
  readonly title: string;
  /** How much of it is done. */
  readonly done: number;
  /** How much there is, if that is known. */
  readonly total: number | undefined;
  /** What stands behind the bar, in ever shorter words; the first that leaves enough room for the bar is taken. */
  readonly details: readonly string[];
}

/** Characters between the brackets. */
const [LEAST_SIZE, SIZE] = [8, 24];

/** Writes a bar in so many columns, such as "epoch 1 [=====-----] 50% loss 0.5". */
export function formatBar(bar: Bar, columns: number): string {
  const { title, done, total, details } = bar;
  if (total === undefined) {
    const texts = details.map((detail) => `${title}, ${done}: ${detail}`);
    return texts.find(({ length }) => length <= columns) ?? texts.at(-1) ?? "";
  }
  const share = total > 0 ? Math.min(1, done / total) : 1;
  const percentage = `${Math.floor(100 * share)}%`.padStart(4);
  const room = columns - `${title} [] ${percentage} `.length;
  const detail = details.find(({ length }) => room - length >= LEAST_SIZE) ??
    "";
  const size = Math.max(LEAST_SIZE, Math.min(SIZE, room - detail.length));
  const filled = Math.round(share * size);
  return `${title} [${"=".repeat(filled)}${
    "-".repeat(size - filled)
  }] ${percentage} ${detail}`
    .trimEnd();
}

/** Where there is no terminal, a line is printed at most this often unless asked for by step. */
const LINE_EVERY_MS = 30_000;

/** The bar is drawn at most this often, but for its end. */
const DRAW_EVERY_MS = 100;

/** Curves are drawn on terminals of at least so many rows, so that most of them is left for other lines. */
const LEAST_ROWS = 16;

/** How to show progress: options of the command line. */
export interface ProgressOptions {
  /** Whether to draw bars and curves where that is possible. Default true. */
  readonly progress?: boolean;
  /** Print nothing at all. */
  readonly quiet?: boolean;
  /** Print a line every so many training batches. */
  readonly "log-every"?: number;
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
    this.#hasBars = !options.quiet && options.progress !== false && canDraw();
  }

  /** Shows how far an epoch or an evaluation is. */
  update(e: Progress): void {
    const logEvery = this.#options["log-every"];
    const isAsked = e.phase === "train" && logEvery !== undefined &&
      e.batch % logEvery === 0;
    this.#curves.progress(e);
    this.#draw({
      title: title(e),
      done: e.batch,
      total: e.batches,
      details: details(e),
    });
    const isTime = !this.#hasBars && logEvery === undefined &&
      performance.now() - this.#lastLine > LINE_EVERY_MS;
    if (isAsked || isTime) this.print(line(e));
  }

  /** Adds an epoch to the curves. The epochs that a resumed run did before are shown as well if they are added first. */
  epochEnd(e: EpochEnd): void {
    this.#curves.epochEnd(e);
  }

  /** Shows how far a download is. */
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

  /** Prints a line on standard error, above the bar if there is one. */
  print(line: string): void {
    this.#lastLine = performance.now();
    if (this.#options.quiet) return;
    if (this.#hasBars) this.#region.print(line);
    else console.error(line);
  }

  /** Takes bar and curves away until there is something to show again. Call it before anything else prints. */
  stop(): void {
    this.#region.clear();
    this.#file = "";
    this.#lastDraw = -Infinity;
  }

  /** Takes the bar away and leaves the curves standing. Call it once, when the run is over. */
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
function canDraw(): boolean {
  return Deno.stderr.isTerminal() && !Deno.noColor &&
    Deno.env.get("TERM") !== "dumb";
}

function title({ phase, epoch }: Progress): string {
  return phase === "train" ? `epoch ${epoch}` : "evaluating";
}

/** What stands beside the bar, from the longest to the shortest. */
function details(e: Progress): string[] {
  const loss = `loss ${e.loss.toFixed(4)}`;
  const accuracy = `acc ${e.accuracy.toFixed(3)}`;
  const left = e.batches === undefined
    ? []
    : [`${formatDuration(secondsLeft(e))} left`];
  return [
    [means(e), ...left],
    [loss, accuracy, ...left],
    [loss, ...left],
    left,
  ].map((parts) => parts.join(", "));
}

/** Estimates how long the rest of the phase takes. */
function secondsLeft(e: Progress): number {
  const batches = (e.batches ?? e.batch) - e.batch;
  return batches * e.secondsPerBatch;
}

function means(e: Progress): string {
  const { loss, accuracy, imagesPerSecond } = e;
  return `loss ${loss.toFixed(4)}, acc ${accuracy.toFixed(3)}, ${
    formatSpeed(imagesPerSecond)
  }`;
}

function line(e: Progress): string {
  const of = e.batches === undefined ? "" : ` of ${e.batches}`;
  const unit = e.phase === "train" ? "step" : "batch";
  return `${title(e)}, ${unit} ${e.batch}${of}, ${means(e)}`;
}
