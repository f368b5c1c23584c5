/** Tests of the report in a real browser, on a phone and on a screen, in light and in dark mode. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { pathToFileURL } from "node:url";
import { writeReport } from "../../src/report/mod.ts";
import { findAdapter } from "../../src/device/webgpu/run/adapter.ts";
import { browserTest, type Page } from "../browser.ts";
import { makeFolder } from "../data/folder.ts";
import { CONFIG, makeRun } from "./made_run.ts";

/** What has to be seen, and how many of it. */
const FIGURES: Readonly<Record<string, number>> = {
  "#headline dd": 5,
  "#loss figure svg[role=img]": 1,
  "#accuracy figure svg[role=img]": 1,
  "#accuracy aside": 1,
  "#accuracy table": 1,
  "#confusion figure table td": 100,
  "#classes table .bar": 30,
  "#mistakes figure img": 20,
  "#filters figure img": 6,
  "#layers table": 1,
  "#throughput figure svg[role=img]": 1,
  "#configuration dl": 5,
  "figcaption": 6,
};

/** Longest time until the browser tells what went wrong in a page, in milliseconds: usually an instant. */
const TOLD_MS = 60_000;

/** Counts what is seen of each: it has a size, and pictures have pixels. */
const COUNT = `(selector) => [...document.querySelectorAll(selector)]
  .filter((element) => {
    const { width, height } = element.getBoundingClientRect();
    return width > 0 && height > 0 && (element.naturalWidth ?? 1) > 0;
  }).length`;

/** How much wider the figures are than the charts that are seen in them, in pixels, at most. */
const UNUSED_WIDTH = `Math.max(...[...document.querySelectorAll(
  "figure svg[role=img]",
)].map((svg) => svg.getBoundingClientRect().width && Math.abs(
  svg.closest("figure").getBoundingClientRect().width -
    svg.getBoundingClientRect().width,
)))`;

/** Lists labels of charts that stick out of the drawing that is seen, where browsers cut them off. */
const CUT_LABELS = `[...document.querySelectorAll(
  "figure svg[role=img] text",
)].filter((text) => {
  const label = text.getBoundingClientRect();
  const drawing = text.closest("svg").getBoundingClientRect();
  return label.left < drawing.left || label.right > drawing.right ||
    label.top < drawing.top || label.bottom > drawing.bottom;
}).map((text) => text.textContent)`;

/** Lines of the name of the device. */
const DEVICE_LINES = `(() => {
  const range = document.createRange();
  range.selectNodeContents(document.querySelector("#headline dd.words"));
  return new Set([...range.getClientRects()].map(({ top }) => top)).size;
})()`;

/** Lists texts whose contrast with what is behind them is below 4.5, by WCAG 2.2. */
const FAINT_TEXTS = `(() => {
  const parse = (color) => {
    const [r, g, b, alpha = 1] = color.match(/[\\d.]+/g).map(Number);
    return { rgb: [r, g, b], alpha };
  };
  const luminance = ({ rgb }) => {
    const [r, g, b] = rgb.map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const color = parse(getComputedStyle(e).backgroundColor);
      if (color.alpha === 1) return color;
      if (color.alpha > 0) throw new Error("half transparent: " + e.className);
    }
    throw new Error("no background");
  };
  const faint = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let count = 0; texts.nextNode(); ) {
    const { parentElement: element, textContent } = texts.currentNode;
    if (!textContent.trim() || element.closest("style, title")) continue;
    if (element.getClientRects().length === 0) continue;
    const style = getComputedStyle(element);
    const color = element.closest("svg") ? style.fill : style.color;
    const [a, b] = [luminance(parse(color)), luminance(behind(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) faint.push(textContent.trim() + ": " + contrast);
  }
  return faint;
})()`;

/** Shows the page as a device of a width and a colour scheme does. */
async function show(
  page: Page,
  { width, scheme }: { width: number; scheme: string },
): Promise<void> {
  await page.send("Emulation.setDeviceMetricsOverride", {
    ...{ width, height: 800, deviceScaleFactor: 1, mobile: true },
  });
  await page.send("Emulation.setEmulatedMedia", {
    features: [{ name: "prefers-color-scheme", value: scheme }],
  });
}

const test = await findAdapter()
  ? browserTest
  : (name: string) =>
    Deno.test.ignore(`${name} (ignored, no WebGPU adapter)`, () => {});

test("the report has every figure, readable, on a phone and a screen, light and dark, and asks for nothing", async (browser) => {
  await using folder = await makeFolder();
  const run = `${folder.path}/a run`;
  const device = "WebGPU, llvmpipe (LLVM 15.0.6, 256 bits), a software adapter";
  await makeRun(run, {
    measuredTrainAccuracy: 0.4,
    config: { ...CONFIG, device },
  });
  const url = pathToFileURL(await writeReport(run)).href;
  const page = await browser.open(url);
  const backgrounds = new Set<unknown>();
  for (const width of [320, 500, 700, 1280]) {
    for (const scheme of ["light", "dark"]) {
      const what = `${width} pixels, ${scheme}`;
      await show(page, { width, scheme });
      for (const [selector, count] of Object.entries(FIGURES)) {
        const expression = `(${COUNT})(${JSON.stringify(selector)})`;
        const seen = await page.evaluate(expression);
        assertEquals(seen, count, `${selector}, ${what}`);
      }
      const widths = await page.evaluate(
        "[innerWidth, document.documentElement.scrollWidth]",
      );
      assertEquals(widths, [width, width], `sideways scrolling, ${what}`);
      const unused = await page.evaluate(UNUSED_WIDTH);
      assert(unused as number < 1, `${unused} pixels unused, ${what}`);
      const lines = await page.evaluate(DEVICE_LINES);
      assert(lines as number <= 2, `${lines} lines of the device, ${what}`);
      assertEquals(await page.evaluate(FAINT_TEXTS), [], what);
      backgrounds.add(
        await page.evaluate("getComputedStyle(document.body).backgroundColor"),
      );
    }
  }
  assertEquals(backgrounds.size, 2);
  assertEquals([page.errors, page.warnings], [[], []]);
  const asked = page.requests.filter((address) => !address.startsWith("data:"));
  assertEquals(asked, [url]);

  // What is checked above is found where it is there.
  await page.evaluate(`document.body.style.color = "#555"`);
  assert((await page.evaluate(FAINT_TEXTS) as string[]).length > 10);
  const hide = `document.querySelector("#filters").style.display = "none"`;
  await page.evaluate(hide);
  assertEquals(await page.evaluate(`(${COUNT})("#filters img")`), 0);
  await page.evaluate(`console.warn("heard")`);
  await page.evaluate(`new Promise((done) =>
    document.body.append(Object.assign(new Image(), {
      onerror: () => done(),
      src: "http://127.0.0.1:9/x.png",
    }))
  )`);
  // The browser tells of it later than the page hears of it.
  for (const start = Date.now(); page.errors.length === 0;) {
    const isLate = Date.now() - start > TOLD_MS;
    assert(!isLate, `no word of the missing picture for ${TOLD_MS} ms`);
    await page.evaluate("0");
  }
  assertEquals(page.warnings, ["heard"]);
  assertStringIncludes(page.errors.join(), "http://127.0.0.1:9/x.png");
});

test("the labels of charts are wholly seen, whatever the speed", async (browser) => {
  const speeds = [[12_000, "12,000"], [104_000, "100,000"]] as const;
  for (const [imagesPerSecond, top] of speeds) {
    await using folder = await makeFolder();
    await makeRun(folder.path, { imagesPerSecond });
    const url = pathToFileURL(await writeReport(folder.path)).href;
    const page = await browser.open(url);
    for (const width of [320, 500, 700, 1280]) {
      await show(page, { width, scheme: "light" });
      const labels = await page.evaluate(`[...document.querySelectorAll(
        "#throughput figure svg[role=img] text",
      )].filter((text) => text.getClientRects().length > 0)
        .map((text) => text.textContent)`) as string[];
      assert(labels.includes(top), `no ${top} in ${labels}, ${width} pixels`);
      const cut = await page.evaluate(CUT_LABELS);
      assertEquals(cut, [], `${imagesPerSecond} images/s, ${width} pixels`);
    }
  }
});
