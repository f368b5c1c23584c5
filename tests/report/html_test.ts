/** Tests of templates: whatever stands in them is text. */

import { assertEquals } from "@std/assert";
import { html } from "../../src/report/html.ts";

const HOSTILE = `"'><script>alert(1)</script>&amp;`;
const ESCAPED = "&quot;&#39;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;";

Deno.test("html`` escapes text, also in attributes and lists", () => {
  assertEquals(
    html`<b title="${HOSTILE}">${HOSTILE}${[HOSTILE, [1]]}</b>`.text,
    `<b title="${ESCAPED}">${ESCAPED}${ESCAPED}1</b>`,
  );
});

Deno.test("html`` leaves HTML as it is, and nothing for what is not there", () => {
  assertEquals(
    html`<p>${html`<b>${0}</b>`}${undefined}${false}${""}</p>`.text,
    "<p><b>0</b></p>",
  );
});
