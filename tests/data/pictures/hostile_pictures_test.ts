/** Tests of pictures that nobody should trust: each is read, or refused in one line that names it. */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { encode } from "fast-png";
import { gzipSync } from "fflate";
import { encode as encodeJpeg } from "jpeg-js";
import { loadImage, loadImages } from "../../../src/data/mod.ts";
import { DataError } from "../../../src/errors.ts";
import { numbers } from "../../numbers.ts";
import { makeFolder } from "../folder.ts";
import { encodeIdx } from "../../../src/data/idx.ts";

const values = Uint8Array.from({ length: 12 * 9 }, (_, i) => i * 7919 % 251);
const rgba = Uint8Array.from({ length: 4 * 12 * 9 }, (_, i) => i * 31 % 253);

/** Small files of every kind. */
const FILES: Readonly<Record<string, Uint8Array<ArrayBuffer>>> = {
  png: Uint8Array.from(
    encode({ data: values, width: 12, height: 9, channels: 1 }),
  ),
  jpeg: Uint8Array.from(
    encodeJpeg({ data: rgba, width: 12, height: 9 }, 70).data,
  ),
  idx: encodeIdx({ shape: [2, 9, 6], data: values }),
  gz: gzipSync(encodeIdx({ shape: [2, 9, 6], data: values })) as Uint8Array<
    ArrayBuffer
  >,
};

/** Reads every picture of a file, or says why it was refused, in one line that names it. */
async function attempt(
  source: string | Uint8Array<ArrayBuffer>,
): Promise<string | undefined> {
  try {
    const images = await loadImages(source);
    for (let i = 0; i < Math.min(images.length, 10); i++) {
      assert(images.get(i).data.every((v) => v >= 0 && v <= 1));
    }
  } catch (error) {
    assert(error instanceof DataError, `${error}`);
    const name = typeof source === "string" ? source : "the image";
    assertEquals(error.path, name);
    assert(error.message.includes(name), error.message);
    assertMatch(error.message, /^Cannot (read|use) [^\n]+$/);
    return error.message;
  }
}

for (const [kind, bytes] of Object.entries(FILES)) {
  Deno.test(`loadImages() reads a whole ${kind} file`, async () => {
    assertEquals(await attempt(bytes), undefined);
  });

  Deno.test(`loadImages() refuses a ${kind} file that is cut off, wherever`, async () => {
    for (let length = 0; length < bytes.length; length++) {
      const reason = await attempt(bytes.slice(0, length));
      assert(reason !== undefined, `${length} of ${bytes.length} bytes`);
    }
  });

  Deno.test(`loadImages() reads or refuses a ${kind} file with wrong bits`, async () => {
    const bits = numbers(2000, [0, 8 * bytes.length], 7).values();
    for (let i = 0; i < 500; i++) {
      const changed = bytes.slice();
      for (let n = 0; n <= i % 4; n++) {
        const bit = Math.floor(bits.next().value!);
        changed[bit >> 3] ^= 1 << (bit & 7);
      }
      await attempt(changed);
    }
  });

  Deno.test(`loadImages() reads or refuses a ${kind} file with each of its first bytes at its largest`, async () => {
    for (let place = 0; place < Math.min(bytes.length, 200); place++) {
      const changed = bytes.slice();
      changed[place] = 0xff;
      await attempt(changed);
      changed.fill(0xff, place, place + 4);
      await attempt(changed);
    }
  });
}

Deno.test("loadImages() refuses IDX sizes that cannot be, without asking for their memory", async () => {
  const sizes = [
    [2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1],
    [1, 2 ** 32 - 1, 1],
    [2, 9, 2 ** 31],
    [0, 9, 6],
  ];
  for (const shape of sizes) {
    const bytes = FILES.idx.slice();
    const view = new DataView(bytes.buffer);
    shape.forEach((size, i) => view.setUint32(4 + 4 * i, size));
    assertMatch(
      await attempt(bytes) ?? "",
      /expected (\S+ bytes for shape|dimensions of at least 1)/,
    );
    const gz = gzipSync(bytes) as Uint8Array<ArrayBuffer>;
    assert(await attempt(gz) !== undefined);
  }
});

Deno.test("loadImages() refuses IDX files of labels, and of more channels than pictures have", async () => {
  for (const shape of [[108], [12, 9], [2, 9, 1, 6], [1, 2, 9, 1, 6]]) {
    assertMatch(
      await attempt(encodeIdx({ shape, data: values })) ?? "",
      /as images: expected shape \[count, height, width\]/,
    );
  }
});

Deno.test("loadImages() says what a foreign file is", async () => {
  const foreign: [text: string, reason: string][] = [
    ["", "it is empty"],
    ["GIF89a", "it is a GIF file, which has to be converted first"],
    ["RIFF....WEBPVP8 ", "it is a WebP file, which has to be converted first"],
    ["....ftypheic", "it is a HEIC file, which has to be converted first"],
    ["BM", "it is a BMP file, which has to be converted first"],
    ["<svg/>", "it is an SVG file, which has to be converted first"],
    ["{}", "it is neither PNG nor JPEG nor IDX"],
    ["\x89PNX", "it is neither PNG nor JPEG nor IDX"],
  ];
  for (const [text, reason] of foreign) {
    const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
    assertEquals(
      await attempt(bytes),
      `Cannot read the image as an image (${reason}): name a PNG, JPEG or IDX file`,
    );
  }
});

Deno.test("loadImages() reads what a file is from its content, not from its name", async () => {
  await using folder = await makeFolder();
  const path = `${folder.path}/picture.jpg`;
  await Deno.writeFile(path, FILES.png);
  const { format, length } = await loadImages(path);
  assertEquals([format, length], ["png", 1]);
});

Deno.test("loadImage() says which file it cannot read, and why", async () => {
  await using folder = await makeFolder();
  const { path } = folder;
  await Deno.writeTextFile(`${path}/empty.png`, "");
  await Deno.writeFile(`${path}/cut.png`, FILES.png.subarray(0, 50));
  const reasons = {
    [path]: /Is a directory/,
    [`${path}/none.png`]: /No such file/,
    [`${path}/empty.png`]: /it is empty/,
    [`${path}/cut.png`]:
      /it is truncated: the chunk at byte 33 goes beyond its 50/,
  };
  for (const [file, reason] of Object.entries(reasons)) {
    const error = await assertRejects(() => loadImage(file), DataError);
    assertMatch(error.message, reason);
    assert(await attempt(file) !== undefined);
  }
});
