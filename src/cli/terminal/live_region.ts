/**
 * The last lines of a terminal, drawn again and again in their place while other lines go by above them.
 *
 * @module
 */

/** A terminal to draw on. */
export interface Terminal {
  /** Writes text at the cursor, all of it at once. */
  write(text: string): void;
  /** How large the terminal is now; people change that. */
  size(): { readonly columns: number; readonly rows: number };
}

/** The size of a terminal that does not tell its own. */
const USUAL_SIZE = { columns: 80, rows: 24 };

/** The terminal that standard error is. */
export const STDERR_TERMINAL: Terminal = {
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
      // The usual size, as where a terminal says 0.
    }
    return USUAL_SIZE;
  },
};

/** Erases from the cursor to the end of its line, or of the screen. */
const [ERASE_LINE, ERASE_BELOW] = ["\x1b[K", "\x1b[J"];

/**
 * Lines at the end of a terminal, whose cursor is behind the last of them. Each change is one write that overwrites before it
 * erases, so that nothing flickers. No line is as wide as the terminal. If the terminal becomes narrower, it breaks the lines
 * into several rows, and all of those are erased.
 */
export class LiveRegion {
  readonly #terminal: Terminal;
  #drawn: readonly string[] = [];

  /** @param terminal Where to draw. */
  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Draws lines, of one character cell per UTF-16 code unit, in place of those that are drawn; cuts off what does not fit. */
  draw(lines: readonly string[]): void {
    const { columns, rows } = this.#terminal.size();
    const start = this.#toStart();
    this.#drawn = lines.slice(-Math.max(1, rows - 1))
      .map((line) => line.slice(0, Math.max(1, columns - 1)));
    const text = this.#drawn.map((line) => line + ERASE_LINE).join("\n");
    this.#terminal.write(start + text + ERASE_BELOW);
  }

  /** Writes text that stays above the lines: one or more lines of any width, without the last line end. */
  print(text: string): void {
    const start = this.#toStart();
    const above = text.split("\n").map((line) => `${line}${ERASE_LINE}\n`);
    const lines = this.#drawn.map((line) => line + ERASE_LINE).join("\n");
    this.#terminal.write(start + above.join("") + lines + ERASE_BELOW);
  }

  /** Takes the lines away. */
  clear(): void {
    if (this.#drawn.length === 0) return;
    this.#terminal.write(this.#toStart() + ERASE_BELOW);
    this.#drawn = [];
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
}
