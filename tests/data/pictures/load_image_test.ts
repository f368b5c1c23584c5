/** Tests of turning pictures into what a network sees. */

import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { encode, type ImageData } from "fast-png";
import { gzipSync } from "fflate";
import {
  compose,
  loadFashionMnist,
  loadImage,
  loadImages,
  resize,
  toTensor,
} from "../../../src/data/mod.ts";
import { DataError, OptionError } from "../../../src/errors.ts";
import { makeFolder } from "../folder.ts";
import { encodeIdx } from "../../../src/data/idx.ts";
import { jpegFile, withOrientation } from "../jpeg_file.ts";
import { chunk, pngFile } from "../png_file.ts";

function png(image: Omit<ImageData, "depth">): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(encode({ depth: 8, ...image }));
}

/** A grey image of one level. */
function flat(width: number, height: number, level: number) {
  return png({
    width,
    height,
    channels: 1,
    data: new Uint8Array(width * height).fill(level),
  });
}

Deno.test("loadImage() sees an image of the data set in a PNG file as a loader does, to the bit", async () => {
  const options = { source: "sample", batchSize: 4 } as const;
  for (const size of [28, 224]) {
    const { test } = await loadFashionMnist({ ...options, resize: size });
    const transform = compose([resize(size), toTensor()]);
    for (const index of [0, 7, 499]) {
      const { data } = test.dataset.get(index).image;
      const { images } = test.loadBatch([index]);
      const grey = { width: 28, height: 28, data: data as Uint8Array };
      const tripled = Uint8Array.from(
        { length: 3 * data.length },
        (_, i) => data[Math.floor(i / 3)],
      );
      const files = [
        png({ ...grey, channels: 1 }),
        png({ ...grey, channels: 3, data: tripled }),
        encodeIdx({ shape: [1, 28, 28], data: grey.data }),
      ];
      for (const file of files) {
        const image = await loadImage(file, { transform });
        assertEquals([image.height, image.width, image.channels], [
          ...[size, size, 1],
        ]);
        assertEquals(image.maxValue, 1);
        assertEquals(image.data, images);
      }
    }
  }
});

Deno.test("loadImage() makes grey of color, or keeps it", async () => {
  const data = Uint8Array.of(250, 120, 40);
  const file = png({ width: 1, height: 1, channels: 3, data });
  const grey = await loadImage(file, { size: 1 });
  assertEquals([...grey.data], [Math.fround(150 / 255)]); // 0.299 * 250 + 0.587 * 120 + 0.114 * 40 = 149.75
  const color = await loadImage(file, { size: 1, channels: 3 });
  assertEquals(color.data, Float32Array.of(250 / 255, 120 / 255, 40 / 255));
});

Deno.test("loadImage() exchanges light and dark, if asked to", async () => {
  const data = Uint8Array.of(0, 40, 255, 250, 120, 40);
  const file = png({ width: 2, height: 1, channels: 3, data });
  const options = { size: 2, channels: 3, invert: true } as const;
  const { data: inverted } = await loadImage(file, { ...options, fit: "fill" });
  const expected = [255, 215, 0, 5, 135, 215].map((v) => Math.fround(v / 255));
  assertEquals([...inverted.subarray(0, 6)], expected);
});

Deno.test("loadImage() pads what is not square with black, inverted or not, if asked to", async () => {
  for (const invert of [false, true]) {
    const level = invert ? 55 : 200;
    const { data } = await loadImage(flat(60, 30, level), {
      ...{ size: 8, fit: "pad", invert },
    });
    const expected = Array.from({ length: 64 }, (_, i) => {
      const row = Math.floor(i / 8);
      return row >= 2 && row < 6 ? Math.fround(200 / 255) : 0;
    });
    assertEquals([...data], expected);
  }
  const { data: tall } = await loadImage(flat(1, 8, 255), {
    ...{ size: 8, fit: "contain" },
  });
  assertEquals(
    [...tall],
    Array.from({ length: 64 }, (_, i) => i % 8 === 3 ? 1 : 0),
  );
  const { data: thin } = await loadImage(flat(1, 500, 255), {
    ...{ size: 4, fit: "pad" },
  });
  assertEquals(thin.filter((v) => v > 0).length, 4);
});

Deno.test("loadImage() stretches, if it is told nothing else", async () => {
  const file = flat(60, 30, 200);
  for (const options of [{}, { fit: "stretch" }, { fit: "fill" }] as const) {
    const { data } = await loadImage(file, { size: 8, ...options });
    assert(data.every((value) => Math.abs(value - 200 / 255) < 1e-6));
  }
});

Deno.test("loadImage() takes what is transparent for background, inverted or not", async () => {
  const size = { width: 2, height: 2 };
  const palette = chunk("PLTE", Uint8Array.of(80, 80, 80, 90, 90, 90));
  const files = [
    png({
      ...size,
      channels: 2,
      data: Uint8Array.of(80, 255, 90, 0, 90, 0, 80, 255),
    }),
    png({
      ...size,
      channels: 4,
      data: Uint8Array.from(
        [[80, 255], [90, 0], [90, 0], [80, 255]]
          .flatMap(([grey, alpha]) => [grey, grey, grey, alpha]),
      ),
    }),
    // The two kinds that have no channel of alpha: one grey that is transparent, and the second of two colors.
    pngFile(size, {
      rows: Uint8Array.of(0, 80, 90, 0, 90, 80),
      chunks: [chunk("tRNS", Uint8Array.of(0, 90))],
    }),
    pngFile({ ...size, colorType: 3 }, {
      rows: Uint8Array.of(0, 0, 1, 0, 1, 0),
      chunks: [palette, chunk("tRNS", Uint8Array.of(255, 0))],
    }),
  ];
  for (const [i, file] of files.entries()) {
    for (const [invert, level] of [[false, 80], [true, 175]] as const) {
      const { data } = await loadImage(file, { size: 2, invert });
      const light = Math.fround(level / 255);
      assertEquals([...data], [light, 0, 0, light], `file ${i}, ${invert}`);
    }
  }
});

Deno.test("loadImage() blends what is half transparent", async () => {
  const data = Uint8Array.of(200, 51);
  const file = png({ width: 1, height: 1, channels: 2, data });
  const { data: plain } = await loadImage(file, { size: 1 });
  assertEquals([...plain], [Math.fround(40 / 255)]);
  const { data: inverted } = await loadImage(file, { size: 1, invert: true });
  assertEquals([...inverted], [Math.fround(11 / 255)]);
});

Deno.test("loadImage() turns photographs upright, and fits them then", async () => {
  // Bright on the left, where the top belongs if the camera was turned so that its 0th row is to be seen at the right.
  const size = { width: 32, height: 16 };
  const stored = jpegFile(size, (_, x) => x < 16 ? 250 : 10);
  const photograph = withOrientation(stored, 6);
  const { data } = await loadImage(photograph, { size: 4, fit: "pad" });
  const [none, bright, dark] = [0, 250 / 255, 10 / 255];
  // Antialiasing mixes both sides of the edge: 7/8 and 1/8 of the weights.
  const [near, far] = [7 / 8, 1 / 8].map((s) => s * bright + (1 - s) * dark);
  const expected = [bright, near, far, dark]
    .flatMap((value) => [none, value, value, none]);
  expected.forEach((value, i) => assertAlmostEquals(data[i], value, 0.02));
});

Deno.test("loadImages() reads IDX files of any size, gz or plain, with channels or without", async () => {
  const data = Uint8Array.from({ length: 3 * 4 * 4 }, (_, i) => 5 * i);
  const grey = encodeIdx({ shape: [3, 4, 4], data });
  const color = encodeIdx({
    shape: [3, 4, 4, 3],
    data: Uint8Array.from({ length: 144 }, (_, i) => data[Math.floor(i / 3)]),
  });
  await using folder = await makeFolder();
  // What a file is does not depend on its name.
  const path = `${folder.path}/images.png`;
  await Deno.writeFile(path, gzipSync(grey));
  for (const source of [grey, color, path, new URL(`file://${path}`)]) {
    const images = await loadImages(source, { size: 4 });
    assertEquals([images.length, images.format], [3, "idx"]);
    for (let i = 0; i < 3; i++) {
      const expected = Float32Array.from(
        data.subarray(16 * i, 16 * i + 16),
        (value) => value / 255,
      );
      assertEquals(images.get(i).data, expected);
    }
    for (const index of [-1, 3, 0.5]) {
      assertThrows(() => images.get(index), OptionError, "index");
    }
  }
});

Deno.test("loadImage() refuses options and files that are not what it takes", async () => {
  const file = flat(2, 2, 0);
  const wrong = [
    ...[{ size: 0 }, { channels: 2 }, { fit: "cover" }, { background: 256 }],
  ];
  for (const options of wrong) {
    const error = await assertRejects(
      () => loadImage(file, options as Parameters<typeof loadImage>[1]),
      OptionError,
    );
    assertEquals(error.option, Object.keys(options)[0]);
  }
  const several = encodeIdx({ shape: [2, 1, 1], data: Uint8Array.of(1, 2) });
  await assertRejects(
    () => loadImage(several),
    DataError,
    "there are 2 in it, use loadImages()",
  );
});
