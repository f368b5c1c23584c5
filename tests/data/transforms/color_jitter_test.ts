/**
 * Tests of the colour adjustments and their random sequence, against what torchvision makes of the same images and draws
 * (tests/golden/color.json, written by scripts/record_color.py).
 */

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import type { Image } from "../../../src/data/dataset.ts";
import {
  colorJitter,
  type ColorJitterOptions,
} from "../../../src/data/transforms/color_jitter.ts";
import {
  takeApart,
  type Transform,
} from "../../../src/data/transforms/transform.ts";
import { toTensor } from "../../../src/data/transforms/values.ts";
import { OptionError, ShapeError } from "../../../src/errors.ts";
import { assertClose } from "../../compare.ts";
import { drawing } from "./images.ts";
import golden from "../../golden/color.json" with { type: "json" };

/** torchvision computes in float32, a rounding of which is up to 6e-8; six times a hue is off by more of them. */
const absolute = 1e-6;

/** Makes one change, by a factor that is not drawn. */
function adjust(name: string, factor: number): Transform {
  return colorJitter({ [name]: [factor, factor] });
}

/** Draws that make the Fisher-Yates of colorJitter() end in an order. */
const ORDER_DRAWS: Record<string, number[]> = {
  "0,1,2,3": [0.99, 0.99, 0.99],
  "1,2,3,0": [0, 0, 0],
  "3,2,1,0": [0, 0.4, 0.9],
};

const { height, width } = golden;
const images = golden.images.map((listed): Image => ({
  data: Uint8Array.from(numbers(listed)),
  height,
  width,
  channels: 3,
  maxValue: 255,
}));

function numbers(listed: string): number[] {
  return listed.split(" ").map(Number);
}

function grey(channels: number): Image {
  const data = Uint8Array.from({ length: 4 * channels }, (_, i) => i * 20);
  return { data, height: 2, width: 2, channels, maxValue: 255 };
}

for (const { name, factor, images: expected } of golden.adjustments) {
  Deno.test(`colorJitter() changes ${name} as torchvision by factor ${factor}`, () => {
    for (const [i, image] of images.entries()) {
      const scaled = toTensor()(image);
      const result = adjust(name, factor)(scaled);
      const what = `image ${i}`;
      assertClose(result.data, numbers(expected[i]), { absolute, what });
    }
  });
}

Deno.test("colorJitter() keeps the value of white, whatever it changes", () => {
  for (const { name, factor, images: expected } of golden.adjustments) {
    for (const [i, image] of images.entries()) {
      const result = adjust(name, factor)(image);
      assertEquals(result.maxValue, 255);
      assertClose(result.data, numbers(expected[i]).map((v) => v * 255), {
        absolute: absolute * 255,
        what: `${name} by ${factor}, image ${i}`,
      });
    }
  }
});

for (const { order, draws, images: expected } of golden.jitter.sequences) {
  Deno.test(`colorJitter() is torchvision's in the order ${order}`, () => {
    const options = golden.jitter.options as unknown as ColorJitterOptions;
    const jitter = colorJitter(options);
    for (const [i, image] of images.entries()) {
      const { random } = drawing([...ORDER_DRAWS[String(order)], ...draws]);
      const result = jitter(toTensor()(image), random);
      const what = `image ${i}`;
      assertClose(result.data, numbers(expected[i]), { absolute, what });
    }
  });
}

Deno.test("colorJitter() makes float32 images and does not modify its input", () => {
  const before = images[0].data.slice();
  const all = { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 };
  for (const options of [all, {}]) {
    const result = colorJitter(options)(images[0]);
    assertEquals(result.data instanceof Float32Array, true);
    assertEquals(result.maxValue, 255);
  }
  assertEquals(images[0].data, before);
});

Deno.test("colorJitter() draws a number per adjustment that changes something, after three for the order", () => {
  const expected = adjust("contrast", 1.25)(images[0]);
  const options = { brightness: 0, contrast: 0.5, saturation: [1, 1] } as const;
  const result = colorJitter(options)(
    images[0],
    drawing([0.3, 0.6, 0.1, 0.75]).random,
  );
  assertEquals(result.data, expected.data);
});

Deno.test("colorJitter() returns a float32 image as it is if nothing is to be changed", () => {
  const image = toTensor()(images[0]);
  assertStrictEquals(colorJitter()(image), image);
});

Deno.test("colorJitter() draws factors of at least 0", () => {
  const result = colorJitter({ brightness: 3 })(images[0], () => 0);
  assertEquals(result.data, new Float32Array(images[0].data.length));
});

Deno.test("colorJitter() makes each order of the four of as many draws as any other", () => {
  const jitter = colorJitter({
    brightness: [1.7, 1.7],
    contrast: [0.6, 0.6],
    saturation: [1.9, 1.9],
    hue: [0.2, 0.2],
  });
  // None of these adjustments commute, so that each order makes an image of its own.
  const results = new Set<string>();
  for (let i = 0; i < 24; i++) {
    const order = [i % 4 / 4, i % 3 / 3, Math.floor(i / 12) / 2];
    const { random } = drawing([...order, 0, 0, 0, 0]);
    results.add(jitter(images[0], random).data.join());
  }
  assertEquals(results.size, 24);
});

Deno.test("colorJitter() changes brightness and contrast of an image of one channel", () => {
  const image = grey(1);
  const options = { brightness: [0.5, 0.5], contrast: [2, 2] } as const;
  const { random } = drawing([0.99, 0.99, 0.99, 0, 0]);
  // Half of 0, 20, 40, 60 has the mean 15, from which each is then twice as far.
  assertEquals(
    colorJitter(options)(image, random).data,
    Float32Array.of(0, 5, 25, 45),
  );
});

Deno.test("colorJitter() refuses images without the colours it needs", () => {
  assertThrows(
    () => colorJitter({ brightness: 1, hue: 0.1 })(grey(1)),
    ShapeError,
    "Cannot jitter hue of an image of 1 channel as it has no colours: leave out hue",
  );
  assertThrows(
    () => colorJitter({ brightness: 1 })(grey(4)),
    ShapeError,
    "an image of 4 channels as it must have 3",
  );
});

Deno.test("colorJitter() refuses the ranges that torchvision refuses", () => {
  const wrong: ColorJitterOptions[] = [
    { brightness: -0.1 },
    { contrast: [-0.1, 1] },
    { saturation: [1.5, 0.5] },
    { brightness: NaN },
    { contrast: [1, NaN] },
    { hue: 0.6 },
    { hue: -0.1 },
    { hue: [-0.6, 0] },
    { hue: [0, 0.6] },
    { saturation: [1] as unknown as [number, number] },
  ];
  for (const options of wrong) {
    const [name] = Object.keys(options);
    assertThrows(() => colorJitter(options), OptionError, `Cannot use ${name}`);
  }
});

Deno.test("colorJitter() says what it does", () => {
  const describe = (options?: ColorJitterOptions) =>
    takeApart(colorJitter(options))[0].description;
  assertEquals(
    describe({ hue: [-0.1, 0.2], brightness: 0.4 }),
    "jitter brightness by 0.4, hue -0.1 to 0.2",
  );
  assertEquals(describe(), "jitter nothing");
});
