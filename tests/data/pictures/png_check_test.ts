/** Tests of checking PNG files before they are decoded. */

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { zlibSync } from "fflate";
import { decodeImage } from "../../../src/data/pictures/decode_image.ts";
import { checkPng } from "../../../src/data/pictures/decode_image.ts";
import { parseForm } from "../../../src/data/pictures/pixels.ts";
import { chunk, ihdr, joined, pngFile, SIGNATURE } from "../png_file.ts";
import golden from "../../golden/images.json" with { type: "json" };

const GREY = parseForm(1, {});

/** A palette of black and white. */
const PALETTE = chunk("PLTE", Uint8Array.of(0, 0, 0, 255, 255, 255));

/** A row of two grey pixels. */
const ROW = Uint8Array.of(0, 10, 20);

Deno.test("checkPng() finds nothing wrong with what Pillow reads", () => {
  for (const { file } of golden.png) {
    const bytes = Uint8Array.fromBase64(file);
    assertStrictEquals(checkPng(bytes), bytes);
  }
});

Deno.test("checkPng() refuses sizes that cannot be, without asking for their memory", () => {
  const sizes: [width: number, height: number, message: string][] = [
    [2 ** 31, 2 ** 31, "at most 67108864 are read"],
    [2 ** 32 - 1, 1, "at most 67108864 are read"],
    [1, 2 ** 26 + 1, "at most 67108864 are read"],
    [0, 5, "it claims 0x5 pixels"],
    [5, 0, "it claims 5x0 pixels"],
    [2 ** 26, 1, "67108864x1 pixels cannot be in "],
    [8192, 8192, "8192x8192 pixels cannot be in "],
  ];
  for (const [width, height, message] of sizes) {
    for (const colorType of [0, 2, 3, 4, 6]) {
      const chunks = colorType === 3 ? [PALETTE] : [];
      const png = pngFile({ width, height, colorType }, { rows: ROW, chunks });
      assertThrows(() => checkPng(png), Error, message);
    }
  }
});

Deno.test("checkPng() counts the bytes of every kind of image", () => {
  const kinds: [colorType: number, depth: number, rowBytes: number][] = [
    [0, 1, 1],
    [0, 2, 2],
    [0, 4, 3],
    [0, 8, 5],
    [0, 16, 10],
    [2, 8, 15],
    [3, 4, 3],
    [4, 8, 10],
    [6, 16, 40],
  ];
  for (const [colorType, depth, rowBytes] of kinds) {
    const header = { width: 5, height: 3, colorType, depth };
    const chunks = colorType === 3 ? [PALETTE] : [];
    const file = (numBytes: number) =>
      pngFile(header, { rows: new Uint8Array(numBytes), chunks });
    const numBytes = 3 * (1 + rowBytes);
    checkPng(file(numBytes));
    const fewer = file(numBytes - 1);
    assertThrows(() => checkPng(fewer), Error, `there are ${numBytes - 1}`);
    const more = file(numBytes + 1);
    assertThrows(() => checkPng(more), Error, "there are more");
  }
});

Deno.test("checkPng() counts the passes of interlaced images", () => {
  // The seven passes of 3x2 pixels have 1, 0, 0, 1, 0, 1 and 3 pixels, each in one row; a row has a byte more.
  const header = { width: 3, height: 2, isInterlaced: true };
  checkPng(pngFile(header, { rows: new Uint8Array(2 + 2 + 2 + 4) }));
});

Deno.test("checkPng() does not inflate more than an image takes", () => {
  const bomb = zlibSync(new Uint8Array(2 ** 22));
  const png = joined([
    Uint8Array.from(SIGNATURE),
    ihdr({ width: 2, height: 1 }),
    chunk("IDAT", bomb),
    chunk("IEND", new Uint8Array(0)),
  ]);
  assertThrows(
    () => checkPng(png),
    Error,
    "2x1 pixels take 3 bytes, and there are more",
  );
});

Deno.test("checkPng() leaves out color profiles, which decoders inflate", () => {
  const profile = joined([
    new TextEncoder().encode("name\0\0"),
    zlibSync(new Uint8Array(1000)),
  ]);
  const header = { width: 2, height: 1 };
  const plain = pngFile(header, { rows: ROW });
  const chunks = [chunk("iCCP", profile)];
  const profiled = pngFile(header, { rows: ROW, chunks });
  assertEquals(checkPng(profiled), plain);
  assertEquals([...decodeImage(profiled, GREY).data], [10, 20]);
});

Deno.test("checkPng() refuses another header, which would be believed", () => {
  const header = { width: 2, height: 1 };
  const chunks = [ihdr({ width: 2 ** 30, height: 2 ** 30 })];
  assertThrows(
    () => checkPng(pngFile(header, { rows: ROW, chunks })),
    Error,
    "its first chunk must be its one header",
  );
});

Deno.test("checkPng() refuses an image of palette colors without a palette, which would be taken for grey", () => {
  const header = { width: 2, height: 1, colorType: 3 };
  const rows = Uint8Array.of(0, 0, 1);
  assertThrows(
    () => checkPng(pngFile(header, { rows })),
    Error,
    "it has a palette image and no palette",
  );
  const whole = checkPng(pngFile(header, { rows, chunks: [PALETTE] }));
  assertEquals([...decodeImage(whole, GREY).data], [0, 255]);
});

Deno.test("checkPng() says at which byte a file is cut off", () => {
  const png = pngFile({ width: 2, height: 1 }, { rows: ROW });
  for (let length = 8; length < png.length; length++) {
    assertThrows(
      () => checkPng(png.subarray(0, length)),
      Error,
      `beyond its ${length} bytes`,
    );
  }
  const cut = png.subarray(0, 40);
  assertThrows(() => checkPng(cut), Error, "the chunk at byte 33 goes beyond");
});

Deno.test("checkPng() refuses kinds that there are not", () => {
  for (const [colorType, depth] of [[1, 8], [7, 8], [0, 3], [2, 0]]) {
    assertThrows(
      () =>
        checkPng(
          pngFile({ width: 2, height: 1, colorType, depth }, { rows: ROW }),
        ),
      Error,
      `there is no color type ${colorType} of ${depth} bits`,
    );
  }
});
