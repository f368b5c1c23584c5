/**
 * Tests of decoding PNG and JPEG files, against what Pillow makes of the same files (tests/golden/images.json, written by
 * scripts/record_images.py).
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { encode, type ImageData } from "fast-png";
import { decodeImage } from "../../../src/data/pictures/decode_image.ts";
import golden from "../../golden/images.json" with { type: "json" };

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

for (const { name, file, rgb, grey } of golden.png) {
  Deno.test(`decodeImage() is Pillow's for PNG ${name}`, () => {
    const { width, height } = golden;
    const bytes = _bytes(file);
    assertEquals(decodeImage(bytes, 3), {
      data: _bytes(rgb),
      width,
      height,
      channels: 3,
      maxValue: 255,
    });
    assertEquals(decodeImage(bytes, 1), {
      data: _bytes(grey),
      width,
      height,
      channels: 1,
      maxValue: 255,
    });
  });
}

for (const { name, file, rgb, grey } of golden.jpeg) {
  const bound = name.startsWith("4:2:") ? FEWER_COLORS : SAME_COLORS;
  Deno.test(`decodeImage() is within ${bound.rgb} levels of Pillow's for JPEG ${name}`, () => {
    const bytes = _bytes(file);
    const [colors, greys] = [decodeImage(bytes, 3), decodeImage(bytes, 1)];
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
      const decoded = decodeImage(encode(image), 3);
      const expected = Array.from({ length: 45 }, (_, i) => {
        const channel = channels > 2 ? i % 3 : 0;
        return values[Math.floor(i / 3) * channels + channel] >> (depth - 8);
      });
      assertEquals([...decoded.data], expected, `${channels}, ${depth} bits`);
    }
  }
});

Deno.test("decodeImage() keeps greys as they are, with one channel and with three", () => {
  const data = Uint8Array.from({ length: 256 }, (_, i) => i);
  const file = encode({ width: 256, height: 1, data, channels: 1 });
  assertEquals([...decodeImage(file, 1).data], [...data]);
  const tripled = [...data].flatMap((value) => [value, value, value]);
  assertEquals([...decodeImage(file, 3).data], tripled);
});

Deno.test("decodeImage() reads bytes that do not start their buffer", () => {
  for (const { file } of [golden.png[6], golden.jpeg[1]]) {
    const bytes = _bytes(file);
    const longer = new Uint8Array(bytes.length + 12);
    longer.set(bytes, 5);
    const part = longer.subarray(5, 5 + bytes.length);
    assertEquals(decodeImage(part, 3), decodeImage(bytes, 3));
  }
});

Deno.test("decodeImage() refuses what it cannot read, and does not say that it is damaged", () => {
  for (const { file } of golden.unsupported) {
    assertThrows(
      () => decodeImage(_bytes(file), 3),
      Error,
      "bits per value, which is not supported",
    );
  }
  for (const text of ["", "GIF89a", "RIFF    WEBP", "\x89", "P5 1 1 255 a"]) {
    assertThrows(
      () => decodeImage(Uint8Array.from(text, (c) => c.charCodeAt(0)), 3),
      Error,
      "neither PNG nor JPEG",
    );
  }
});

Deno.test("decodeImage() makes no image of a file that was cut off, wherever", () => {
  for (const { name, file } of [...golden.png, ...golden.jpeg]) {
    const bytes = _bytes(file);
    for (let length = 0; length < bytes.length; length++) {
      assertThrows(
        () => decodeImage(bytes.subarray(0, length), 3),
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
    assertThrows(() => decodeImage(changed, 3), Error, "", `byte ${place}`);
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
