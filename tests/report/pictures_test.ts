/**
 * Tests of pictures of images and filters, read by a PNG decoder.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { decode } from "fast-png";
import {
  pictureOfImage,
  picturesOfFilters,
} from "../../src/report/pictures.ts";

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

Deno.test("pictureOfImage() enlarges pixels without smoothing", () => {
  const data = Uint8Array.of(0, 128, 255, 7, 8, 9);
  const uri = pictureOfImage({
    ...{ data, height: 2, width: 3, channels: 1, maxValue: 255 },
  });
  const { size, pixels } = read(uri);
  assertEquals(size, [2, 3]);
  assertEquals(pixels, grey(0, 128, 255, 7, 8, 9));
});

Deno.test("picturesOfFilters() draws each filter from its smallest weight to its largest", () => {
  // [height 1, width 3, in 1, out 2]: filters -1, 0, 1 and 5, 15, 10.
  const values = Float32Array.of(-1, 5, 0, 15, 1, 10);
  const pictures = picturesOfFilters({ shape: [1, 3, 1, 2], values });
  assertEquals(pictures.map((uri) => read(uri)), [
    { size: [1, 3], pixels: grey(0, 128, 255) },
    { size: [1, 3], pixels: grey(0, 255, 128) },
  ]);
});

Deno.test("picturesOfFilters() draws colours, and a filter of one value", () => {
  const values = Float32Array.of(0, 1, 2);
  const [color] = picturesOfFilters({ shape: [1, 1, 3, 1], values });
  assertEquals(read(color).pixels, [[0, 128, 255]]);
  const flat = { shape: [1, 2, 1, 1], values: Float32Array.of(3, 3) };
  assertEquals(read(picturesOfFilters(flat)[0]).pixels, grey(0, 0));
});

Deno.test("picturesOfFilters() has a picture per filter: 96 of 11x11 for AlexNet", () => {
  const values = Float32Array.from(
    { length: 11 * 11 * 96 },
    (_, i) => Math.sin(i),
  );
  const pictures = picturesOfFilters({ shape: [11, 11, 1, 96], values });
  assertEquals(pictures.length, 96);
  assertEquals(read(pictures[95]).size, [11, 11]);
});
