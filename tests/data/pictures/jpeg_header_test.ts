/** Tests of reading what precedes the pixels of JPEG files. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { decodeImage } from "../../../src/data/pictures/decode_image.ts";
import { readJpegHeader } from "../../../src/data/pictures/decode_image.ts";
import { parseForm } from "../../../src/data/pictures/pixels.ts";
import { jpegFile, withOrientation } from "../jpeg_file.ts";
import golden from "../../golden/images.json" with { type: "json" };

const GREY = parseForm(1, {});

function jpeg(width: number, height: number): Uint8Array {
  return jpegFile({ width, height }, () => 200);
}

/** Where the frame's marker is. */
function frameOf(bytes: Uint8Array): number {
  const at = bytes.findIndex((byte, i) =>
    byte === 0xff && bytes[i + 1] === 0xc0
  );
  assert(at > 0);
  return at;
}

/** The file with another size in its frame. */
function claiming(
  bytes: Uint8Array,
  { width, height }: { width: number; height: number },
): Uint8Array {
  const changed = bytes.slice();
  const view = new DataView(changed.buffer);
  view.setUint16(frameOf(bytes) + 5, height);
  view.setUint16(frameOf(bytes) + 7, width);
  return changed;
}

Deno.test("readJpegHeader() finds size, colors and orientation", () => {
  for (const { name, file } of golden.jpeg) {
    assertEquals(readJpegHeader(Uint8Array.fromBase64(file)), {
      width: 13,
      height: 9,
      isRgb: name.endsWith("of RGB") || name === "CMYK",
      orientation: 1,
    }, name);
  }
  assertEquals(readJpegHeader(withOrientation(jpeg(20, 10), 6)), {
    ...{ width: 20, height: 10, isRgb: false },
    orientation: 6,
  });
});

Deno.test("readJpegHeader() skips any number of bytes before a marker", () => {
  const plain = jpeg(20, 10);
  const filled = Uint8Array.of(0xff, 0xd8, 0xff, 0xff, ...plain.subarray(2));
  assertEquals(readJpegHeader(filled), readJpegHeader(plain));
});

Deno.test("decodeImage() refuses JPEG sizes that cannot be, without asking for their memory", () => {
  const bytes = jpeg(16, 16);
  const sizes: [width: number, height: number, message: string][] = [
    [65535, 65535, "it is too large: 65535x65535 pixels, and at most 67108864"],
    [8192, 8192, "8192x8192 pixels cannot be in"],
    [0, 16, "it claims 0x16 pixels"],
    [16, 0, "it claims 16x0 pixels"],
  ];
  for (const [width, height, message] of sizes) {
    const claim = claiming(bytes, { width, height });
    assertThrows(() => decodeImage(claim, GREY), Error, message);
  }
});

Deno.test("decodeImage() reads JPEG files of small sizes, and of one that rounding once refused", () => {
  for (const width of [1, 7, 8, 9, 17]) {
    for (const height of [1, 8, 15]) {
      const image = decodeImage(jpeg(width, height), GREY);
      assertEquals([image.width, image.height], [width, height]);
    }
  }
  assert(192 * 215 / 1e6 * 1000 * 1000 < 192 * 215);
  const { data } = decodeImage(jpeg(192, 215), GREY);
  assert(data.length === 192 * 215 && data.every((v) => Math.abs(v - 200) < 3));
});

Deno.test("decodeImage() finds no JPEG file larger than it says, from 1x1 to 300x300", () => {
  const bytes = jpeg(8, 8);
  // The decoder compares the number of pixels with its limit before anything else. That the frame has no components saves time.
  bytes[frameOf(bytes) + 9] = 0;
  const sizes = new Map<number, { width: number; height: number }>();
  for (let width = 1; width <= 300; width++) {
    for (let height = width; height <= 300; height++) {
      sizes.set(width * height, { width, height });
    }
  }
  for (const size of sizes.values()) {
    const decode = () => decodeImage(claiming(bytes, size), GREY);
    const { message } = assertThrows(decode, Error, "it is damaged");
    assert(!message.includes("limit"), `${size.width}x${size.height}`);
  }
});

Deno.test("decodeImage() refuses a second frame, which would be believed", () => {
  const bytes = jpeg(16, 16);
  const at = frameOf(bytes);
  const frame = claiming(bytes, { width: 60000, height: 60000 })
    .subarray(at, at + 19);
  const before = Uint8Array.of(0xff, 0xd8, ...frame, ...bytes.subarray(2));
  assertThrows(() => decodeImage(before, GREY), Error, "and has 2");
  const after = Uint8Array.of(...bytes.subarray(0, -2), ...frame, 0xff, 0xd9);
  assertThrows(() => decodeImage(after, GREY), Error, "it is damaged");
});

Deno.test("decodeImage() bounds the memory of strange sampling factors", () => {
  const bytes = claiming(jpeg(16, 16), { width: 8, height: 40000 });
  const at = frameOf(bytes);
  const factors = [0xff, 0x11, 0x11];
  factors.forEach((factor, i) => bytes[at + 11 + 3 * i] = factor);
  assertThrows(() => decodeImage(bytes, GREY), Error);
});

Deno.test("readJpegHeader() refuses kinds that are not supported", () => {
  for (const type of [3, 5, 6, 7, 9, 10, 11, 13, 14, 15]) {
    const bytes = jpeg(16, 16);
    bytes[frameOf(bytes) + 1] = 0xc0 + type;
    assertThrows(
      () => readJpegHeader(bytes),
      Error,
      `it is a JPEG of type ${type} with 8 bits per value, which is not supported`,
    );
  }
});

Deno.test("readJpegHeader() says at which byte a file is cut off or has no marker", () => {
  const bytes = jpeg(16, 16);
  const at = frameOf(bytes);
  for (let length = 2; length < at + 10; length++) {
    assertThrows(
      () => readJpegHeader(bytes.subarray(0, length)),
      Error,
      `goes beyond its ${length} bytes`,
    );
  }
  const noMarker = bytes.slice();
  noMarker[at] = 0;
  assertThrows(
    () => readJpegHeader(noMarker),
    Error,
    `there is no marker at byte ${at}`,
  );
});
