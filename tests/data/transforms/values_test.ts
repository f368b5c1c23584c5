/** Tests of scaling and normalizing, against values computed by hand. */

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import type { Image } from "../../../src/data/dataset.ts";
import { normalize, toTensor } from "../../../src/data/transforms/values.ts";
import { OptionError, ShapeError } from "../../../src/errors.ts";
import { grey, image } from "./images.ts";

Deno.test("toTensor() divides by the value of white", () => {
  const { data, maxValue } = toTensor()(grey(1, 3, [0, 51, 255]));
  assertEquals(data, Float32Array.of(0, 0.2, 1));
  assertEquals(maxValue, 1);
});

Deno.test("toTensor() returns a scaled image as it is", () => {
  const scaled = toTensor()(image(2, 2));
  assertStrictEquals(toTensor()(scaled), scaled);
});

Deno.test("normalize() subtracts and divides per channel", () => {
  const input: Image = {
    data: Float32Array.of(0, 0.5, 1, 0.25),
    height: 2,
    width: 1,
    channels: 2,
    maxValue: 1,
  };
  const per = normalize({ mean: [0.5, 0.25], std: [0.5, 0.25] })(input);
  assertEquals([...per.data], [-1, 1, 1, 0]);
  const all = normalize({ mean: 0.5, std: 0.25 })(input);
  assertEquals([...all.data], [-2, 0, 2, -1]);
  assertEquals([...input.data], [0, 0.5, 1, 0.25]);
});

Deno.test("normalize() must come after toTensor()", () => {
  assertThrows(
    () => normalize({ mean: 0, std: 1 })(image(1, 1)),
    ShapeError,
    "put toTensor() before normalize()",
  );
});

Deno.test("normalize() refuses numbers that cannot be", () => {
  assertThrows(() => normalize({ mean: NaN, std: 1 }), OptionError, "mean");
  assertThrows(() => normalize({ mean: 0, std: [1, 0] }), OptionError, "std");
  assertThrows(() => normalize({ mean: [], std: 1 }), OptionError, "mean");
  const scaled = toTensor()(image(1, 1, 3));
  const two = normalize({ mean: [0, 0], std: 1 });
  assertThrows(() => two(scaled), ShapeError, "3 channel(s) as mean has 2");
});
