/** Progress of training, evaluation and downloads: bars in a terminal, now and then a line elsewhere. */

import type { DownloadProgress } from "../../data/fashion_mnist/download.ts";
import type { EpochEnd, Progress } from "../../train/callbacks.ts";
import type { OptionValues } from "../options.ts";
import { formatBytes, formatDuration, formatSpeed } from "./console.ts";
import { Curves } from "./curve.ts";

/** Where there is no terminal, a line is printed at most this often unless asked for by step. */
const LINE_EVERY_MS = 30_000;

/** The bar is drawn at most this often, but for its end. */
const DRAW_EVERY_MS = 100;

/** Curves are drawn on terminals of at least so many rows, so that most of them is left for other lines. */
const LEAST_ROWS = 16;

/** The options that say how to show progress; `quiet` prints nothing at all. */
export type ProgressOptions = Pick<
  OptionValues,
  "progress" | "quiet" | "log-every"
>;

/**
 * Shows progress on standard error: a bar, and above it the curves of a training run, where that is a terminal; plain lines
 * now and then where it is not, `NO_COLOR` is set, or `TERM` is "dumb". Dispose of it, or call `stop`, at the end.
 */
export class ProgressView implements Disposable {
  readonly #options: ProgressOptions;
  readonly #hasBars: boolean;
  readonly #region = new LiveRegion(STDERR_TERMINAL);
  readonly #curves = new Curves();
  #file = "";
  #lastLine = performance.now();
  #lastDraw = -Infinity;

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#hasBars = !options.quiet && options.progress !== false && canDraw();
  }

  /** Shows how far an epoch or an evaluation is. */
  update = (e: Progress): void => {
    const logEvery = this.#options["log-every"];
    this.#curves.progress(e);
    this.#draw({
      title: titleOf(e),
      done: e.batch,
      total: e.batches,
      details: detailsOf(e),
    });
    const isTime = logEvery === undefined
      ? !this.#hasBars && performance.now() - this.#lastLine > LINE_EVERY_MS
      : e.phase === "train" && e.batch % logEvery === 0;
    if (isTime) this.print(lineOf(e));
  };

  /** Adds an epoch to the curves. The epochs that a resumed run did before are shown as well if they are added first. */
  epochEnd(e: EpochEnd): void {
    this.#curves.epochEnd(e);
  }

  /** Shows how far a download is. */
  download = (e: DownloadProgress): void => {
    const { file, receivedBytes: done, totalBytes: total = done } = e;
    const size = formatBytes(total);
    const details = [`${formatBytes(done)} of ${size}`, size];
    this.#draw({ title: file, done, total, details });
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

  /** The same as `stop`. */
  [Symbol.dispose] = (): void => this.stop();

  /** Takes the bar away and leaves the curves standing. Call it once, when the run is over. */
  end(): void {
    this.stop();
    if (!this.#hasBars) return;
    this.#region.draw(this.#drawCurves());
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

function titleOf({ phase, epoch }: Progress): string {
  return phase === "train" ? `epoch ${epoch}` : "evaluating";
}

function lineOf(e: Progress): string {
  const of = e.batches === undefined ? "" : ` of ${e.batches}`;
  const unit = e.phase === "train" ? "step" : "batch";
  return [`${titleOf(e)}, ${unit} ${e.batch}${of}`, ...meansOf(e)].join(", ");
}

/** What stands beside the bar, from the longest to the shortest. */
function detailsOf(e: Progress): string[] {
  const { batch, batches, secondsPerBatch } = e;
  const left = batches === undefined
    ? []
    : [`${formatDuration((batches - batch) * secondsPerBatch)} left`];
  const means = meansOf(e);
  return [3, 2, 1, 0].map((n) => [...means.slice(0, n), ...left].join(", "));
}

function meansOf({ loss, accuracy, imagesPerSecond }: Progress): string[] {
  return [
    `loss ${loss.toFixed(4)}`,
    `acc ${accuracy.toFixed(3)}`,
    formatSpeed(imagesPerSecond),
  ];
}

/** What a bar says. */
export interface Bar {
  readonly title: string;
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
  const line = "=".repeat(Math.round(share * size)).padEnd(size, "-");
  return `${title} [${line}] ${percentage} ${detail}`.trimEnd();
}

/** A terminal to draw on. */
export interface Terminal {
  /** Writes text at the cursor, all of it at once. */
  write(text: string): void;
  /** How large the terminal is now; people change that. */
  size(): { readonly columns: number; readonly rows: number };
}

const STDERR_TERMINAL: Terminal = {
  write(text) {
    let bytes = new TextEncoder().encode(text);
    while (bytes.length > 0) {
      bytes = bytes.subarray(Deno.stderr.writeSync(bytes));
    }
  },
  size() {
    try {
      const { columns, rows } = Deno.consoleSize();
      if (columns > 0 && rows > 0) return { columns, rows };
    } catch {
      // The usual size, as for a terminal that says 0.
    }
    return { columns: 80, rows: 24 };
  },
};

/** Erases from the cursor to the end of its line, or of the screen. */
const [ERASE_LINE, ERASE_BELOW] = ["\x1b[K", "\x1b[J"];

/**
 * The last lines of a terminal, drawn again and again in their place while other lines go by above them; the cursor is behind
 * the last one. Each change is one write that overwrites before it erases, so that nothing flickers. No line is as wide as the
 * terminal. If the terminal becomes narrower, it breaks the lines into several rows, and all of those are erased.
 */
export class LiveRegion {
  readonly #terminal: Terminal;
  #drawn: readonly string[] = [];

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Draws lines, of one character cell per UTF-16 code unit, in place of those that are drawn; cuts off what does not fit. */
  draw(lines: readonly string[]): void {
    const { columns, rows } = this.#terminal.size();
    const start = this.#toStart();
    this.#drawn = lines.slice(-Math.max(1, rows - 1))
      .map((line) => line.slice(0, Math.max(1, columns - 1)));
    this.#write(start);
  }

  /** Writes text that stays above the lines: one or more lines of any width, without the last line end. */
  print(text: string): void {
    const above = text.split("\n").map((line) => `${line}${ERASE_LINE}\n`);
    this.#write(this.#toStart() + above.join(""));
  }

  /** Takes the lines away. */
  clear(): void {
    if (this.#drawn.length === 0) return;
    const start = this.#toStart();
    this.#drawn = [];
    this.#write(start);
  }

  /** Leaves the lines where they are; what comes next begins below them. */
  leave(): void {
    if (this.#drawn.length > 0) this.#terminal.write("\n");
    this.#drawn = [];
  }

  /** Moves the cursor to where the first line begins. */
  #toStart(): string {
    const { columns } = this.#terminal.size();
    const numRows = this.#drawn.reduce(
      (sum, { length }) => sum + Math.max(1, Math.ceil(length / columns)),
      0,
    );
    return numRows > 1 ? `\r\x1b[${numRows - 1}A` : "\r";
  }

  #write(start: string): void {
    const lines = this.#drawn.map((line) => line + ERASE_LINE).join("\n");
    this.#terminal.write(start + lines + ERASE_BELOW);
  }
}
