/**
 * A progress bar as a line of text that fits into any terminal.
 *
 * @module
 */

/** What a bar says. */
export interface Bar {
  /** What is going on. */
  readonly title: string;
  /** How much of it is done. */
  readonly done: number;
  /** How much there is, if that is known. */
  readonly total: number | undefined;
  /** What stands behind the bar, in ever shorter words: the first that leave enough of a bar are taken. */
  readonly details: readonly string[];
}

/** Characters between the brackets. */
const [LEAST_SIZE, SIZE] = [8, 24];

/**
 * Writes a bar.
 *
 * @param bar What it says.
 * @param columns Characters that there is room for.
 * @returns For example "epoch 1 [=====-----] 50% loss 0.5".
 */
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
