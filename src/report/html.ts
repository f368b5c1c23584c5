/**
 * HTML from templates whose values are always escaped, as run folders may say anything.
 *
 * @module
 */

import { escape } from "html-escaper";

/** Text that is HTML already. */
export class Markup {
  /** The HTML. */
  readonly text: string;

  /** @param text The HTML. */
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

/** Makes a section of the page. */
export function section(
  head: { readonly id: string; readonly title: string },
  ...body: Content[]
): Markup {
  const { id, title } = head;
  return html`
    <section id="${id}" aria-labelledby="${id}-title">
      <h2 id="${id}-title">${title}</h2>
      ${body}
    </section>
  `;
}

/** Makes a figure. */
export function figure(caption: Content, ...body: Content[]): Markup {
  return html`
    <figure>
      ${body}
      <figcaption>${caption}</figcaption>
    </figure>
  `;
}

/** A column of a table. */
export interface Column<Row> {
  /** Its head. */
  readonly head: Content;
  /** What it says of a row. */
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
