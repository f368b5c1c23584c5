/** Tests of images side by side: every pixel is where it should be. */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { decode } from "fast-png";
import {
  drawContactSheet,
  drawFilters,
  encodePng,
  type Picture,
} from "../../src/io/contact_sheet.ts";

const BACKGROUND = 32;
const TEXT = 224;

/** Pixels between images and around them: of a contact sheet and of filters. */
const [GAP, FILTER_GAP] = [4, 2];

/** Pixels below an image up to the next one: the caption's space and height, and the gap. */
const BELOW = 2 + 7 + GAP;

/** A grey level, or red, green and blue. */
type Pixel = number | number[];

/** Rows of a part of a picture. */
function cutOut(
  { width, data }: Picture,
  part: { left: number; top: number; width: number; height: number },
): Pixel[][] {
  return Array.from(
    { length: part.height },
    (_, y) =>
      Array.from({ length: part.width }, (_, x) => {
        const first = ((part.top + y) * width + part.left + x) * 3;
        const pixel = [...data.subarray(first, first + 3)];
        return pixel.every((value) => value === pixel[0]) ? pixel[0] : pixel;
      }),
  );
}

/** An image, enlarged. */
function enlarge(image: Pixel[][], scale: number): Pixel[][] {
  return image.flatMap((row) =>
    Array(scale).fill(row.flatMap((pixel) => Array(scale).fill(pixel)))
  );
}

/** Draws grey images, each given as rows of values, with captions. */
function drawGrey(images: number[][][], captions = images.map(() => "")) {
  return drawContactSheet({
    images: Float32Array.from(images.flat(2)),
    shape: [images.length, images[0].length, images[0][0].length, 1],
    captions,
  });
}

Deno.test("drawContactSheet() draws the exact grey levels of each image at its place, at least 56 pixels wide or high", () => {
  const images = [
    [[0, 1, 2], [3, 4, 5]],
    [[250, 251, 252], [253, 254, 255]],
    [[127, 128, 129], [17, 99, 201]],
  ];
  const picture = drawGrey(
    images.map((image) => image.map((row) => row.map((value) => value / 255))),
  );
  // 3 pixels wide, so 19 times.
  const [width, height] = [3 * 19, 2 * 19];
  // ceil(sqrt(3)) is 2 columns, so the third is below the first.
  const [left, top] = [GAP + width + GAP, GAP + height + BELOW];
  const size = [left + width + GAP, top + height + BELOW];
  assertEquals([picture.width, picture.height], size);
  const corners = [[GAP, GAP], [left, GAP], [GAP, top]];
  images.forEach((image, i) => {
    const [left, top] = corners[i];
    const drawn = cutOut(picture, { left, top, width, height });
    assertEquals(drawn, enlarge(image, 19));
  });
  const numDark = picture.data.filter((value) => value === BACKGROUND).length;
  const numPixels = size[0] * size[1] - 3 * width * height;
  assertEquals(numDark, 3 * numPixels);
});

Deno.test("drawContactSheet() enlarges small images only, by a whole factor", () => {
  for (const [side, scaled] of [[28, 56], [32, 64], [56, 56], [224, 224]]) {
    const image = Array(side).fill(Array(side).fill(0));
    const { width, height } = drawGrey([image]);
    assertEquals([width, height], [GAP + scaled + GAP, GAP + scaled + BELOW]);
  }
});

Deno.test("drawContactSheet() has red, green and blue in this order", () => {
  const picture = drawContactSheet({
    images: Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1, 0.2, 0.4, 0.6),
    shape: [2, 1, 2, 3],
    captions: ["", ""],
  });
  const size = { top: GAP, width: 56, height: 28 };
  const images = [GAP, GAP + 56 + GAP]
    .map((left) => cutOut(picture, { left, ...size }));
  assertEquals(images, [
    enlarge([[[255, 0, 0], [0, 255, 0]]], 28),
    enlarge([[[0, 0, 255], [51, 102, 153]]], 28),
  ]);
});

Deno.test("drawContactSheet() draws values beyond 0 and 1 black and white", () => {
  const values = [-9, 0, 0.25, 0.75, 1, 9, Infinity, -Infinity];
  const picture = drawGrey([[values]]);
  const part = { left: GAP, top: GAP, width: 56, height: 7 };
  // 63.75 and 191.25 are rounded to the nearest level.
  const levels = [0, 0, 64, 191, 255, 255, 255, 0];
  assertEquals(cutOut(picture, part), enlarge([levels], 7));
});

/** Letter F, 5 pixels wide and 7 high. */
const LETTER_F = [
  "#####",
  "#....",
  "#....",
  "###..",
  "#....",
  "#....",
  "#....",
];

/** Rows of the caption of an image of one row in the first row, "#" where the text is. */
function captionOf(
  picture: Picture,
  { left, width }: { left: number; width: number },
): string[] {
  const top = GAP + 1 + 2;
  return cutOut(picture, { left, top, width, height: 7 }).map((row) =>
    row.map((pixel) => {
      assert(pixel === TEXT || pixel === BACKGROUND, `${pixel}`);
      return pixel === TEXT ? "#" : ".";
    }).join("")
  );
}

/** Images of one row of black, so wide that they are not enlarged. */
const dark = (width: number) => [Array(width).fill(0)];

Deno.test("drawContactSheet() writes a caption beneath its image", () => {
  const picture = drawGrey([dark(60), dark(60)], ["FF", " F"]);
  const blank = ".....";
  assertEquals(
    captionOf(picture, { left: GAP, width: 17 }),
    LETTER_F.map((row) => `${row}.${row}.${blank}`),
  );
  assertEquals(
    captionOf(picture, { left: GAP + 60 + GAP, width: 17 }),
    LETTER_F.map((row) => `${blank}.${row}.${blank}`),
  );
});

Deno.test("drawContactSheet() cuts captions to the characters that fit", () => {
  const numLetters = (width: number) => {
    const picture = drawGrey([dark(width)], ["F".repeat(20)]);
    const [topRow] = captionOf(picture, { left: 0, width: picture.width });
    return topRow.split("#####").length - 1;
  };
  assertEquals([58, 59, 64, 65, 200].map(numLetters), [9, 10, 10, 11, 20]);
});

Deno.test("drawContactSheet() writes ? for a character that the font lacks", () => {
  const draw = (caption: string) => drawGrey([dark(60)], [caption]);
  assertEquals(draw("犬🐕F"), draw("??F"));
  assertNotEquals(draw("abc"), draw("???"));
});

Deno.test("drawFilters() takes each filter from the last axis and spreads it from black to white", () => {
  // Filter 0 is 0, 1, 2, 5; filter 1 is ten times that and 7 more, turned; filter 2 is the same everywhere.
  const values = Float32Array.of(0, 57, 4, 1, 27, 4, 2, 17, 4, 5, 7, 4);
  const picture = drawFilters({ shape: [2, 2, 1, 3], values });
  const images = [0, 1, 2].map((column) => {
    const left = FILTER_GAP + column * (32 + FILTER_GAP);
    return cutOut(picture, { left, top: FILTER_GAP, width: 32, height: 32 });
  });
  assertEquals(images, [
    enlarge([[0, 51], [102, 255]], 16),
    enlarge([[255, 102], [51, 0]], 16),
    enlarge([[128, 128], [128, 128]], 16),
  ]);
});

Deno.test("drawFilters() shows three channels as red, green and blue of one range", () => {
  const values = Float32Array.of(-1, 0, 1, 1, 1, -1);
  const picture = drawFilters({ shape: [1, 2, 3, 1], values });
  assertEquals(
    cutOut(picture, { left: 2, top: 2, width: 32, height: 16 }),
    enlarge([[[0, 128, 255], [255, 255, 0]]], 16),
  );
});

Deno.test("drawFilters() lays out the filters of AlexNet and LeNet in full rows, at least 32 pixels wide", () => {
  const layout = (size: number, count: number) => {
    const { width, height } = drawFilters({
      shape: [size, size, 1, count],
      values: new Float32Array(size * size * count),
    });
    const step = Math.ceil(32 / size) * size + FILTER_GAP;
    return [(width - FILTER_GAP) / step, (height - FILTER_GAP) / step];
  };
  assertEquals(layout(11, 96), [12, 8]);
  assertEquals(layout(5, 6), [3, 2]);
  assertEquals(layout(3, 64), [8, 8]);
  // A prime number has no such layout.
  assertEquals(layout(5, 31), [6, 6]);
  assertEquals(layout(5, 1), [1, 1]);
});

Deno.test("drawFilters() draws weights that are not finite without failing", () => {
  const values = Float32Array.of(NaN, 1, 2, 3);
  const { width, height } = drawFilters({ shape: [2, 2, 1, 1], values });
  assertEquals([width, height], [36, 36]);
});

Deno.test("encodePng() writes what a PNG reader reads back", () => {
  const { width, height } = { width: 7, height: 5 };
  const data = Uint8Array.from(
    { length: width * height * 3 },
    (_, i) => i * 37 % 256,
  );
  const png = decode(encodePng({ width, height, data }), { checkCrc: true });
  assertEquals(
    [png.width, png.height, png.channels, png.depth],
    [width, height, 3, 8],
  );
  assertEquals([...png.data], [...data]);
});
