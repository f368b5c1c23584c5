/**
 * What sections are made of: HTML from templates whose values are always escaped, as run folders may say anything; tables
 * and figures; and numbers as text.
 */

import { escape } from "html-escaper";

/** Text that is HTML already. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What may stand in a template: `undefined` and `false` leave nothing, lists stand one after the other. */
export type Content =
  | Markup
  | string
  | number
  | false
  | undefined
  | readonly Content[];

/** Fills a template. Values may stand between tags and in quoted attributes, and nowhere else. */
export function html(
  parts: TemplateStringsArray,
  ...values: Content[]
): Markup {
  const text = parts.map((part, i) =>
    part + (i < values.length ? render(values[i]) : "")
  );
  return new Markup(text.join(""));
}

function render(value: Content): string {
  if (value === undefined || value === false) return "";
  if (value instanceof Markup) return value.text;
  if (typeof value === "object") return value.map(render).join("");
  return escape(String(value));
}

/** A section of the page. */
export interface Section {
  readonly id: string;
  readonly title: string;
  readonly body: Content;
}

export function figure(caption: Content, body: Content): Markup {
  return html`
    <figure>
      ${body}
      <figcaption>${caption}</figcaption>
    </figure>
  `;
}

/** A column of a table. */
export interface Column<Row> {
  readonly head: Content;
  readonly cell: (row: Row) => Content;
  /** Whether it has words, which stand to the left. Default: numbers. */
  readonly isText?: boolean;
}

/** Makes a table that scrolls by itself where the screen is narrow. The first column names the rows. */
export function table<Row>(
  label: string,
  { columns, rows }: {
    readonly columns: readonly (Column<Row> | false)[];
    readonly rows: readonly Row[];
  },
): Markup {
  const kind = ({ isText }: Column<Row>) => isText ? "words" : "numbers";
  const shown = columns.filter((column) => column !== false);
  const [first, ...others] = shown;
  return scroller(
    label,
    html`
      <table>
        <thead>
          <tr>${shown.map((column) =>
            html`<th scope="col" class="${kind(column)}">${column.head}</th>`
          )}</tr>
        </thead>
        <tbody>${rows.map((row) =>
          html`<tr><th scope="row" class="${kind(first)}">${
            first.cell(row)
          }</th>${
            others.map((column) =>
              html`<td class="${kind(column)}">${column.cell(row)}</td>`
            )
          }</tr>`
        )}</tbody>
      </table>
    `,
  );
}

/** Makes a box that scrolls by itself where the screen is narrow, also by keyboard. */
export function scroller(label: string, body: Content): Markup {
  return html`
    <div class="scroller" role="region" aria-label="${label}" tabindex="0">
      ${body}
    </div>
  `;
}

export function formatShare(share: number | undefined): string {
  return share === undefined ? "–" : share.toFixed(3);
}

export function formatPercent(share: number): string {
  const percent = 100 * share;
  const isFine = percent > 0 && percent < 10 || percent > 99 && percent < 100;
  if (!isFine) return `${percent.toFixed(0)}%`;
  return `${Math.min(99.9, Math.max(0.1, percent)).toFixed(1)}%`;
}

export function formatLoss(loss: number | undefined): string {
  return loss === undefined ? "–" : loss.toFixed(4);
}

export function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}

export function formatThreeDigits(value: number): string {
  return value.toLocaleString("en-US", { maximumSignificantDigits: 3 });
}

/** For example "8.3 s", "12 min 5 s" or "2 h 10 min". */
export function formatTime(seconds: number): string {
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  return minutes < 60
    ? `${minutes} min ${whole % 60} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Text as it is, or else the JSON of a value. */
export function formatValue(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
