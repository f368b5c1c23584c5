/** Tests of pictures of images and filters, read by a PNG decoder. */

import { assertEquals } from "@std/assert";
import { decode } from "fast-png";
import type { ReportContent } from "../../src/report/evaluation.ts";
import { predictionSections } from "../../src/report/predictions.ts";
import type { Markup } from "../../src/report/html.ts";

/** Red, green and blue of every fourth pixel both ways, after checking that all of a block are the same. */
function read(uri: string): { size: number[]; pixels: number[][] } {
  const [head, base64] = uri.split(",");
  assertEquals(head, "data:image/png;base64");
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const { width, height, data, channels } = decode(bytes);
  assertEquals(channels, 3);
  const at = (y: number, x: number) => [
    ...data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3),
  ];
  const pixels: number[][] = [];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (y % 4 === 0 && x % 4 === 0) pixels.push(at(y, x));
      assertEquals(at(y, x), at(y - y % 4, x - x % 4));
    }
  }
  return { size: [height / 4, width / 4], pixels };
}

const grey = (...values: number[]) => values.map((v) => [v, v, v]);

/** What is drawn of a wrong prediction, and of the filters of a first layer. */
function draw(shape: number[], ...weights: number[]) {
  const data = Uint8Array.of(0, 128, 255, 7, 8, 9);
  const image = { data, height: 2, width: 3, channels: 1, maxValue: 255 };
  const evaluation = {
    ...{ checkpoint: "best", classNames: ["a", "b"], matrix: [], metrics: [] },
    predictions: {
      ...{ labels: Int32Array.of(0), predicted: Int32Array.of(1) },
      ...{ probabilities: [1], losses: [1] },
    },
    mistakes: [{ index: 0, image }],
    filters: { shape, values: Float32Array.from(weights) },
  };
  const content = { evaluation } as unknown as ReportContent;
  const [mistakes, filters] = predictionSections(content).slice(2)
    .map(({ body }) => (body as Markup).text.matchAll(/src="([^"]+)"/g))
    .map((uris) => [...uris].map(([, uri]) => read(uri)));
  return { mistakes, filters };
}

Deno.test("predictionSections() enlarges an image without smoothing", () => {
  const { mistakes } = draw([1, 1, 1, 1], 1);
  assertEquals(mistakes, [
    { size: [2, 3], pixels: grey(0, 128, 255, 7, 8, 9) },
  ]);
});

Deno.test("predictionSections() draws each filter from its smallest weight to its largest, in grey or colours, and equal weights in grey", () => {
  // [height 1, width 3, in 1, out 2]: filters -1, 0, 1 and 5, 15, 10.
  const { filters } = draw([1, 3, 1, 2], -1, 5, 0, 15, 1, 10);
  assertEquals(filters, [
    { size: [1, 3], pixels: grey(0, 128, 255) },
    { size: [1, 3], pixels: grey(0, 255, 128) },
  ]);
  const [color] = draw([1, 1, 3, 1], 0, 1, 2).filters;
  assertEquals(color.pixels, [[0, 128, 255]]);
  const [flat] = draw([1, 2, 1, 1], 3, 3).filters;
  assertEquals(flat.pixels, grey(128, 128));
});
