/**
 * A window onto images that the device gathers, or none, in WGSL.
 *
 * @module
 */

import type { WindowFill } from "../../gather_sizes.ts";

/** Writes what a window shows. */
export class WindowSnippets {
  readonly #fill: number | undefined;
  readonly #word: number;
  readonly #width: number;

  /**
   * Describes the window.
   *
   * @param window What is beyond its edges, if there is a window.
   * @param place Its first word in the entry of an image, and the width of what it is a window onto.
   */
  constructor(
    window: WindowFill | undefined,
    { word, width }: { word: number; width: number },
  ) {
    this.#fill = window?.fill;
    this.#word = word;
    this.#width = width;
  }

  /**
   * Declares what is seen at four columns, or at a row, of the window: `<name>`, and whether there is anything, `<name>IsInside`.
   *
   * @param of The columns or the row, in WGSL.
   * @param name What to call it.
   * @param along Columns or a row.
   * @returns WGSL.
   */
  lookThrough(of: string, name: string, along: "across" | "down"): string {
    const isAcross = along === "across";
    if (this.#fill === undefined) {
      return `  let ${name} = ${of};
  let ${name}IsInside = ${isAcross ? "vec4<bool>(true)" : "true"};`;
    }
    const word = (i: number) => `rows[entry + ${this.#word + i}u]`;
    return isAcross
      ? `  let ${name}Seen = ${word(1)} + ${word(0)} * ${of};
  let ${name}IsInside = (${name}Seen >= vec4i(${
        word(3)
      })) & (${name}Seen < vec4i(${word(4)}));
  let ${name} = clamp(${name}Seen, vec4i(0), vec4i(${this.#width - 1}));`
      : `  let ${name} = ${word(2)} + ${of};
  let ${name}IsInside = ${name} >= ${word(5)} && ${name} < ${word(6)};`;
  }

  /** Where it shows nothing. */
  get fill(): string {
    return floatOf(this.#fill ?? 0);
  }
}

/**
 * Writes a number.
 *
 * @param value Any number that a float32 can be.
 * @returns WGSL.
 */
export function floatOf(value: number): string {
  return `f32(${Math.fround(value)})`;
}
