/** Tests of the driver of the browser: a test of a page must see what goes wrong in it. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { browserTest } from "./browser.ts";

browserTest(
  "Browser opens pages, computes in them and tells their errors",
  async (browser) => {
    const page = await browser.open("data:text/html,<title>One</title>");
    assertEquals(await page.evaluate("document.title"), "One");
    assertEquals(
      await page.evaluate("Promise.resolve([1, {a: 2}])"),
      [1, { a: 2 }],
    );
    await assertRejects(() => page.evaluate("missing()"), Error, "missing");
    assertEquals(page.errors, []);
    const bad = await browser.open(
      "data:text/html,<script>console.error('oh', 1); undefinedFunction()</script>",
    );
    await bad.evaluate("fetch('http://127.0.0.1:1/').catch(() => 0)");
    assertEquals(bad.errors.length, 3, String(bad.errors));
    assertEquals(bad.errors[0], "oh 1");
    assert(bad.errors[1].includes("undefinedFunction is not defined"));
    assert(bad.errors[2].includes("http://127.0.0.1:1/"));
    const { data } = await page.send("Page.captureScreenshot");
    assert(atob(data as string).startsWith("\x89PNG"));
  },
);
