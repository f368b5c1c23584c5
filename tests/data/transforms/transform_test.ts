/** Tests of composing transforms. */

import { assertEquals, assertStrictEquals } from "@std/assert";
import { centerCrop } from "../../../src/data/transforms/crop.ts";
import { resize } from "../../../src/data/transforms/resize.ts";
import {
  compose,
  type Transform,
} from "../../../src/data/transforms/transform.ts";
import { toTensor } from "../../../src/data/transforms/values.ts";
import { drawing, grey, image } from "./images.ts";

Deno.test("compose() applies transforms first to last", () => {
  const transform = compose([centerCrop(2), toTensor(), resize(3)]);
  const { data, height, width } = transform(
    grey(2, 4, [9, 255, 0, 9, 9, 255, 0, 9]),
  );
  assertEquals([height, width], [3, 3]);
  assertEquals([...data], [1, 0.5, 0, 1, 0.5, 0, 1, 0.5, 0]);
  const input = image(2, 2);
  assertStrictEquals(compose([])(input), input);
});

Deno.test("compose() passes random numbers to all, and memory to the last", () => {
  const memories: (Float32Array | undefined)[] = [];
  const draws: number[] = [];
  const own: Transform = (image, random, memory) => {
    draws.push(random!());
    memories.push(memory);
    return image;
  };
  const memory = new Float32Array(4);
  const { random } = drawing([0.1, 0.2, 0.3]);
  compose([own, compose([own, own])])(image(2, 2), random, memory);
  assertEquals(draws, [0.1, 0.2, 0.3]);
  assertEquals(memories, [undefined, undefined, memory]);
  const scale = compose([resize(2), toTensor()]);
  assertStrictEquals(scale(image(3, 3), undefined, memory).data, memory);
});
