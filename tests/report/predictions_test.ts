/**
 * Tests of pictures of images and filters, read by a PNG decoder.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { decode } from "fast-png";
import type { Image } from "../../src/data/dataset.ts";
import type { NamedTensor } from "../../src/io/safetensors.ts";
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

/** Addresses of the pictures in the sections about one wrong prediction, of an image, and about filters. */
function picturesOf(
  { image = IMAGE, filters = FILTERS }: {
    image?: Image;
    filters?: NamedTensor;
  },
): { mistake: string; filters: string[] } {
  const [label, predicted] = [Int32Array.of(0), Int32Array.of(1)];
  const content = {
    evaluation: {
      predictions: {
        ...{ labels: label, predicted },
        ...{ probabilities: [1], losses: [1] },
      },
      ...{ matrix: [], metrics: [], mistakes: [{ index: 0, image }] },
      ...{ checkpoint: "best", classNames: ["a", "b"], filters },
    },
  } as unknown as ReportContent;
  const [mistakes, ofFilters] = predictionSections(content).slice(2).map((s) =>
    [...(s.body as Markup).text.matchAll(/src="([^"]+)"/g)].map(([, uri]) =>
      uri
    )
  );
  return { mistake: mistakes[0], filters: ofFilters };
}

const IMAGE: Image = {
  ...{ data: Uint8Array.of(0, 128, 255, 7, 8, 9), height: 2, width: 3 },
  ...{ channels: 1, maxValue: 255 },
};
const FILTERS = { shape: [1, 1, 1, 1], values: Float32Array.of(1) };

Deno.test("a wrong prediction has a picture of the image, enlarged without smoothing", () => {
  const { size, pixels } = read(picturesOf({}).mistake);
  assertEquals(size, [2, 3]);
  assertEquals(pixels, grey(0, 128, 255, 7, 8, 9));
});

Deno.test("each filter is drawn from its smallest weight to its largest", () => {
  // [height 1, width 3, in 1, out 2]: filters -1, 0, 1 and 5, 15, 10.
  const values = Float32Array.of(-1, 5, 0, 15, 1, 10);
  const { filters } = picturesOf({ filters: { shape: [1, 3, 1, 2], values } });
  assertEquals(filters.map(read), [
    { size: [1, 3], pixels: grey(0, 128, 255) },
    { size: [1, 3], pixels: grey(0, 255, 128) },
  ]);
});

Deno.test("filters have colours, and one of a single value is black", () => {
  const values = Float32Array.of(0, 1, 2);
  const color = picturesOf({ filters: { shape: [1, 1, 3, 1], values } });
  assertEquals(read(color.filters[0]).pixels, [[0, 128, 255]]);
  const flat = { shape: [1, 2, 1, 1], values: Float32Array.of(3, 3) };
  const [black] = picturesOf({ filters: flat }).filters;
  assertEquals(read(black).pixels, grey(0, 0));
});
