/**
 * Tests of contact sheets: every pixel is where it should be.
 *
 * @module
 */

import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { decode } from "fast-png";
import { OptionError, ShapeError } from "../../src/errors.ts";
import {
  type ContactSheet,
  drawContactSheet,
  encodePng,
  type Picture,
} from "../../src/io/contact_sheet.ts";

const BACKGROUND = [32, 32, 32];
const TEXT = [224, 224, 224];

/** Pixels between images and around them. */
const GAP = 4;

/** Pixels below an image up to the next one: the caption's space and height, and the gap. */
const BELOW = 2 + 7 + GAP;

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

/** A sheet of grey images, each given as rows of values, unscaled and without captions. */
function greySheet(
  images: number[][][],
  options: Partial<ContactSheet> = {},
): ContactSheet {
  return {
    images: Float32Array.from(images.flat(2)),
    shape: [images.length, images[0].length, images[0][0].length, 1],
    captions: images.map(() => ""),
    scale: 1,
    ...options,
  };
}

/** Red, green and blue of the pixel in a column and a row. */
function pixelAt({ width, data }: Picture, [x, y]: [number, number]): number[] {
  const first = (y * width + x) * 3;
  return [...data.subarray(first, first + 3)];
}

/** Rows of a part of a picture, each pixel as `show` has it. */
function cutOut(
  picture: Picture,
  part: { left: number; top: number; width: number; height: number },
  show: (pixel: number[]) => string = ([red]) => `${red} `,
): string[] {
  const { left, top, width, height } = part;
  return Array.from({ length: height }, (_, y) =>
    Array.from(
      { length: width },
      (_, x) => show(pixelAt(picture, [left + x, top + y])),
    ).join("").trimEnd());
}

/** Rows of a caption, "#" where the text is. */
function inkOf(
  picture: Picture,
  at: { left: number; top: number; width: number },
): string[] {
  return cutOut(
    picture,
    { ...at, height: 7 },
    (pixel) => pixel.join() === TEXT.join() ? "#" : ".",
  );
}

Deno.test("drawContactSheet() draws the exact grey levels of each image at its place", () => {
  const level = (value: number) => value / 255;
  const images = [
    [[0, 1, 2], [3, 4, 5]],
    [[250, 251, 252], [253, 254, 255]],
    [[127, 128, 129], [17, 99, 201]],
  ];
  const picture = drawContactSheet(
    greySheet(images.map((image) => image.map((row) => row.map(level)))),
  );
  // ceil(sqrt(3)) is 2 columns, so the third is below the first.
  const [secondLeft, secondTop] = [GAP + 3 + GAP, GAP + 2 + BELOW];
  const size = [secondLeft + 3 + GAP, secondTop + 2 + BELOW];
  assertEquals([picture.width, picture.height], size);
  const places = [[GAP, GAP], [secondLeft, GAP], [GAP, secondTop]];
  const expected = Array.from(
    { length: picture.height },
    () => Array(picture.width).fill(BACKGROUND),
  );
  images.forEach((image, i) =>
    image.forEach((row, y) =>
      row.forEach((value, x) => {
        const [left, top] = places[i];
        expected[top + y][left + x] = [value, value, value];
      })
    )
  );
  assertEquals([...picture.data], expected.flat(2));
});

Deno.test("drawContactSheet() makes a square of each pixel", () => {
  const picture = drawContactSheet(
    greySheet([[[0, 1], [0.2, 0.6]]], { scale: 3 }),
  );
  const size = [GAP + 6 + GAP, GAP + 6 + BELOW];
  assertEquals([picture.width, picture.height], size);
  const [upper, lower] = ["0 0 0 255 255 255", "51 51 51 153 153 153"];
  assertEquals(
    cutOut(picture, { left: GAP, top: GAP, width: 6, height: 6 }),
    [upper, upper, upper, lower, lower, lower],
  );
});

Deno.test("drawContactSheet() scales small images to 56 pixels by itself", () => {
  for (const [side, scaled] of [[28, 56], [32, 64], [56, 56], [224, 224]]) {
    const { width, height } = drawContactSheet({
      images: new Float32Array(side * side),
      shape: [1, side, side, 1],
      captions: [""],
    });
    assertEquals([width, height], [GAP + scaled + GAP, GAP + scaled + BELOW]);
  }
});

Deno.test("drawContactSheet() has red, green and blue in this order", () => {
  const picture = drawContactSheet({
    images: Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1, 0.2, 0.4, 0.6),
    shape: [2, 1, 2, 3],
    captions: ["", ""],
    scale: 1,
  });
  const second = GAP + 2 + GAP;
  assertEquals(pixelAt(picture, [GAP, GAP]), [255, 0, 0]);
  assertEquals(pixelAt(picture, [GAP + 1, GAP]), [0, 255, 0]);
  assertEquals(pixelAt(picture, [second, GAP]), [0, 0, 255]);
  assertEquals(pixelAt(picture, [second + 1, GAP]), [51, 102, 153]);
});

Deno.test("drawContactSheet() maps the range to black to white and clamps", () => {
  const values = [-9, -2, -1, 0, 1, 2, 9, Infinity, -Infinity];
  const draw = (range?: [number, number]) =>
    cutOut(drawContactSheet(greySheet([[values]], { range })), {
      left: GAP,
      top: GAP,
      width: values.length,
      height: 1,
    })[0];
  assertEquals(draw(), "0 0 0 0 255 255 255 255 0");
  // 63.75 and 191.25 are rounded to the nearest level.
  assertEquals(draw([-2, 2]), "0 0 64 128 191 255 255 255 0");
});

Deno.test("drawContactSheet() writes a caption beneath its image", () => {
  const dark = [Array(17).fill(0)];
  const picture = drawContactSheet(
    greySheet([dark, dark], { captions: ["FF", " F"], columns: 2 }),
  );
  const top = GAP + 1 + 2;
  const blank = ".....";
  assertEquals(
    inkOf(picture, { left: GAP, top, width: 17 }),
    LETTER_F.map((row) => `${row}.${row}.${blank}`),
  );
  assertEquals(
    inkOf(picture, { left: GAP + 17 + GAP, top, width: 17 }),
    LETTER_F.map((row) => `${blank}.${row}.${blank}`),
  );
  // What has no ink is background.
  assertEquals(pixelAt(picture, [GAP + 1, top + 1]), BACKGROUND);
});

Deno.test("drawContactSheet() cuts captions to the characters that fit", () => {
  const letters = (width: number) => {
    const picture = drawContactSheet(
      greySheet([[Array(width).fill(0)]], { captions: ["FFFF"] }),
    );
    const at = { left: 0, top: GAP + 1 + 2, width: picture.width };
    const [topRow] = inkOf(picture, at);
    return topRow.split("#####").length - 1;
  };
  assertEquals([4, 5, 10, 11, 16, 17, 40].map(letters), [0, 1, 1, 2, 2, 3, 4]);
});

Deno.test("drawContactSheet() writes ? for a character that the font lacks", () => {
  const draw = (caption: string) =>
    drawContactSheet(greySheet([[Array(20).fill(0)]], { captions: [caption] }));
  assertEquals(draw("犬🐕F"), draw("??F"));
  assertNotEquals(draw("abc"), draw("???"));
});

Deno.test("drawContactSheet() lays out as many columns as asked for", () => {
  const size = (columns?: number) => {
    const sheet = greySheet(Array(5).fill([[0]]), { columns });
    const { width, height } = drawContactSheet(sheet);
    return [(width - GAP) / (1 + GAP), (height - GAP) / (1 + BELOW)];
  };
  assertEquals(size(), [3, 2]);
  assertEquals(size(1), [1, 5]);
  assertEquals(size(4), [4, 2]);
  assertEquals(size(9), [5, 1]);
});

Deno.test("drawContactSheet() refuses what does not fit together", () => {
  const good = greySheet([[[0, 1]]]);
  const refuse = (part: Partial<ContactSheet>) =>
    assertThrows(() => drawContactSheet({ ...good, ...part }), ShapeError);
  refuse({ shape: [1, 1, 1, 2] });
  refuse({ shape: [1, 1, 3, 1] });
  refuse({ shape: [0, 1, 2, 1], images: new Float32Array(), captions: [] });
  for (const captions of [[], ["", ""]]) refuse({ captions });
});

Deno.test("drawContactSheet() refuses options outside their ranges", () => {
  const refuse = (options: Partial<ContactSheet>) =>
    assertThrows(
      () => drawContactSheet(greySheet([[[0, 1]]], options)),
      OptionError,
    );
  for (const scale of [0, 1.5]) refuse({ scale });
  for (const columns of [0, NaN]) refuse({ columns });
  for (const max of [0, -1, NaN]) refuse({ range: [0, max] });
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
