/** Tests of turning photographs, against the words of the EXIF standard. */

import {
  type Orientation,
  turnUpright,
} from "../../../src/data/pictures/pixels.ts";
import type { Image } from "../../../src/data/dataset.ts";
import { exifOrientation } from "../../../src/data/pictures/decode_image.ts";
import { assertEquals, assertStrictEquals } from "@std/assert";

/** EXIF 2.32, tag Orientation: where the 0th row and the 0th column of what is stored are to be seen. */
const SIDES: [orientation: Orientation, row: string, column: string][] = [
  [1, "top", "left"],
  [2, "top", "right"],
  [3, "bottom", "right"],
  [4, "bottom", "left"],
  [5, "left", "top"],
  [6, "right", "top"],
  [7, "right", "bottom"],
  [8, "left", "bottom"],
];

/** Pixels of two values, the place and a second one. */
function numbered(height: number, width: number): Image {
  const data = Uint8Array.from(
    { length: height * width * 2 },
    (_, i) => i % 2 === 0 ? i / 2 : 200 + (i - 1) / 2,
  );
  return { data, height, width, channels: 2, maxValue: 255 };
}

/** First values along a side, from the top or from the left. */
function along({ data, height, width }: Image, side: string): number[] {
  const at = (y: number, x: number) => data[(y * width + x) * 2];
  const isRow = side === "top" || side === "bottom";
  const last = { top: 0, left: 0, bottom: height - 1, right: width - 1 }[side]!;
  return Array.from(
    { length: isRow ? width : height },
    (_, i) => isRow ? at(last, i) : at(i, last),
  );
}

for (const [orientation, row, column] of SIDES) {
  Deno.test(`turnUpright() has the 0th row at the ${row} and the 0th column at the ${column} for ${orientation}`, () => {
    const stored = numbered(3, 4);
    const upright = turnUpright(stored, orientation);
    const sorted = (values: number[]) => values.toSorted((a, b) => a - b);
    assertEquals(sorted(along(upright, row)), [0, 1, 2, 3]);
    assertEquals(sorted(along(upright, column)), [0, 4, 8]);
    const isTurned = row === "left" || row === "right";
    assertEquals(
      [upright.height, upright.width],
      isTurned ? [4, 3] : [3, 4],
    );
    for (let i = 0; i < 24; i += 2) {
      assertEquals(upright.data[i + 1], 200 + upright.data[i]);
    }
  });
}

Deno.test("turnUpright() gives an upright image as it is", () => {
  const image = numbered(2, 2);
  assertStrictEquals(turnUpright(image, 1), image);
});

/** TIFF with an entry before the orientation. */
function tiff(
  { value, isLittle = true, type = 3 }: {
    value: number;
    isLittle?: boolean;
    type?: number;
  },
): Uint8Array {
  const bytes = new Uint8Array(8 + 2 + 24 + 4);
  const view = new DataView(bytes.buffer);
  bytes.set(isLittle ? [0x49, 0x49] : [0x4d, 0x4d]);
  view.setUint16(2, 42, isLittle);
  view.setUint32(4, 8, isLittle);
  view.setUint16(8, 2, isLittle);
  view.setUint16(10, 0x010f, isLittle);
  view.setUint16(12, 2, isLittle);
  view.setUint16(22, 0x0112, isLittle);
  view.setUint16(24, type, isLittle);
  view.setUint32(26, 1, isLittle);
  view.setUint16(30, value, isLittle);
  return bytes;
}

Deno.test("exifOrientation() reads both orders of bytes", () => {
  for (let value = 1; value <= 8; value++) {
    for (const isLittle of [true, false]) {
      assertEquals(exifOrientation(tiff({ value, isLittle })), value);
    }
  }
});

Deno.test("exifOrientation() takes what makes no sense for upright", () => {
  for (const value of [0, 9, 65535]) {
    assertEquals(exifOrientation(tiff({ value })), 1);
  }
  assertEquals(exifOrientation(tiff({ value: 6, type: 4 })), 1);
  const whole = tiff({ value: 6 });
  for (let length = 0; length < 34; length++) {
    assertEquals(exifOrientation(whole.subarray(0, length)), 1, `${length}`);
  }
  const far = whole.slice();
  far.fill(0xff, 4, 8);
  assertEquals(exifOrientation(far), 1);
});
