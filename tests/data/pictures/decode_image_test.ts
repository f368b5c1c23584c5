/**
 * Tests of decoding PNG and JPEG files, against what Pillow makes of the same files (tests/golden/images.json, written by
 * scripts/record_images.py).
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { encode, type ImageData } from "fast-png";
import { decodeImage } from "../../../src/data/pictures/decode_image.ts";
import { parseForm } from "../../../src/data/pictures/pixels.ts";
import golden from "../../golden/images.json" with { type: "json" };

const [GREY, RGB] = [parseForm(1, {}), parseForm(3, {})];

/** How far a JPEG file may be from Pillow's, in levels of 255. */
interface Bound {
  readonly rgb: number;
  readonly grey: number;
}

/**
 * The standard bounds how far the inverse cosine transform may be off, and libjpeg's integers and jpeg-js's are not the same;
 * jpeg-js then truncates colors where libjpeg rounds them. As measured: at most 2 levels, and 0.45 on average.
 */
const SAME_COLORS: Bound = { rgb: 2, grey: 1 };

/**
 * Where there are fewer values of color than pixels, jpeg-js repeats them and libjpeg interpolates ("fancy upsampling"). As
 * measured for this image, the color of which changes by about ten levels from pixel to pixel: at most 8 levels, 3.8 on average,
 * and more in images with sharp edges between colors. Grey is of luma, of which there are as many values as pixels.
 */
const FEWER_COLORS: Bound = { rgb: 8, grey: 1 };

for (const { name, file, rgb, grey, white = rgb } of golden.png) {
  Deno.test(`decodeImage() is Pillow's for PNG ${name}`, () => {
    const { width, height } = golden;
    const bytes = _bytes(file);
    assertEquals(decodeImage(bytes, RGB), {
      data: _bytes(rgb),
      width,
      height,
      channels: 3,
      maxValue: 255,
    });
    assertEquals(decodeImage(bytes, GREY), {
      data: _bytes(grey),
      width,
      height,
      channels: 1,
      maxValue: 255,
    });
    const onWhite = parseForm(3, { background: 255 });
    assertEquals(decodeImage(bytes, onWhite).data, _bytes(white));
  });
}

for (const { name, file, rgb, grey } of golden.jpeg) {
  const bound = name.startsWith("4:2:") ? FEWER_COLORS : SAME_COLORS;
  Deno.test(`decodeImage() is within ${bound.rgb} levels of Pillow's for JPEG ${name}`, () => {
    const bytes = _bytes(file);
    const [colors, greys] = [decodeImage(bytes, RGB), decodeImage(bytes, GREY)];
    for (const { width, height, maxValue } of [colors, greys]) {
      assertEquals([width, height, maxValue], [13, 9, 255]);
    }
    assertEquals([colors.channels, greys.channels], [3, 1]);
    _checkNear(colors.data, _bytes(rgb), bound.rgb);
    _checkNear(greys.data, _bytes(grey), bound.grey);
  });
}

Deno.test("decodeImage() reads what fast-png writes, of 16 bits the upper 8", () => {
  for (const depth of [8, 16] as const) {
    for (const channels of [1, 2, 3, 4]) {
      const length = 3 * 5 * channels;
      const values = Array.from(
        { length },
        (_, i) => (i * 7919 + 13) % 2 ** depth,
      );
      const data = depth === 8
        ? Uint8Array.from(values)
        : Uint16Array.from(values);
      const image: ImageData = { width: 5, height: 3, data, channels, depth };
      const decoded = decodeImage(encode(image), RGB);
      const expected = Array.from({ length: 45 }, (_, i) => {
        const channel = channels > 2 ? i % 3 : 0;
        const first = Math.floor(i / 3) * channels;
        const value = values[first + channel] >> (depth - 8);
        if (channels % 2 === 1) return value;
        const alpha = values[first + channels - 1] >> (depth - 8);
        return Math.round(value * alpha / 255);
      });
      assertEquals([...decoded.data], expected, `${channels}, ${depth} bits`);
    }
  }
});

Deno.test("decodeImage() keeps greys as they are, with one channel and with three", () => {
  const data = Uint8Array.from({ length: 256 }, (_, i) => i);
  const file = encode({ width: 256, height: 1, data, channels: 1 });
  assertEquals([...decodeImage(file, GREY).data], [...data]);
  const tripled = [...data].flatMap((value) => [value, value, value]);
  assertEquals([...decodeImage(file, RGB).data], tripled);
});

Deno.test("decodeImage() reads bytes that do not start their buffer", () => {
  for (const { file } of [golden.png[6], golden.jpeg[1]]) {
    const bytes = _bytes(file);
    const longer = new Uint8Array(bytes.length + 12);
    longer.set(bytes, 5);
    const part = longer.subarray(5, 5 + bytes.length);
    assertEquals(decodeImage(part, RGB), decodeImage(bytes, RGB));
  }
});

Deno.test("decodeImage() refuses what it cannot read, and does not say that it is damaged", () => {
  for (const { file } of golden.unsupported) {
    assertThrows(
      () => decodeImage(_bytes(file), RGB),
      Error,
      "bits per value, which is not supported",
    );
  }
  const foreign = {
    "": "it is empty",
    "GIF89a": "it is a GIF file",
    "RIFF    WEBP": "it is a WebP file",
    "\0\0\0\x18ftypheic": "it is a HEIC file",
    "\x89": "neither PNG nor JPEG",
    "\0\0\x08\x03": "neither PNG nor JPEG",
  };
  for (const [text, reason] of Object.entries(foreign)) {
    const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
    assertThrows(() => decodeImage(bytes, RGB), Error, reason);
  }
});

Deno.test("decodeImage() makes no image of a file that was cut off, wherever", () => {
  for (const { name, file } of [...golden.png, ...golden.jpeg]) {
    const bytes = _bytes(file);
    for (let length = 0; length < bytes.length; length++) {
      assertThrows(
        () => decodeImage(bytes.subarray(0, length), RGB),
        Error,
        "",
        `${name} of ${length} bytes`,
      );
    }
  }
});

Deno.test("decodeImage() makes no image of a PNG file with a wrong bit in its chunks", () => {
  const bytes = _bytes(golden.png[9].file);
  for (let place = 8; place < bytes.length; place++) {
    const changed = bytes.slice();
    changed[place] ^= 2;
    assertThrows(() => decodeImage(changed, RGB), Error, "", `byte ${place}`);
  }
});

function _bytes(base64: string): Uint8Array {
  return Uint8Array.fromBase64(base64);
}

/** That no value is further from what it should be. */
function _checkNear(
  actual: ArrayLike<number>,
  expected: Uint8Array,
  bound: number,
): void {
  assertEquals(actual.length, expected.length);
  const most = expected.reduce(
    (max, value, i) => Math.max(max, Math.abs(value - actual[i])),
    0,
  );
  assert(most <= bound, `${most} levels, more than ${bound}`);
}
