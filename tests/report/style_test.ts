/** Tests of the colours of the confusion matrix. */

import { assert, assertEquals } from "@std/assert";
import { heatLevel, heatRules } from "../../src/report/style.ts";

/** WCAG 2.2: relative luminance of sRGB in 0..255. */
function luminance(color: number[]): number {
  const linear = color.map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
}

for (const scheme of ["light", "dark"] as const) {
  Deno.test(`heatRules() are readable on every level on ${scheme} pages, and tell the levels apart`, () => {
    const rules = [
      ...heatRules(scheme).matchAll(
        /\.(right|wrong)-(\d)\{background:rgb\(([\d,]+)\);color:(#\w+)\}/g,
      ),
    ];
    assertEquals(rules.length, 18);
    for (const [rule, kind, level, background, text] of rules) {
      const light = luminance(background.split(",").map(Number)) + 0.05;
      const contrast = text === "#fff" ? 1.05 / light : light / 0.05;
      assert(contrast >= 4.5, `${rule}: ${contrast}`);
      const next = rules.find(([, k, l]) => k === kind && +l === +level + 1);
      if (next === undefined) continue;
      const after = luminance(next[3].split(",").map(Number)) + 0.05;
      assert(scheme === "light" ? after < light : after > light, rule);
    }
  });
}

Deno.test("heatLevel() is 1 for the least and 9 for all", () => {
  assertEquals([1e-4, 0.01, 0.25, 1].map(heatLevel), [1, 1, 5, 9]);
});
