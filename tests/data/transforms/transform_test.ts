/**
 * Tests of composing transforms.
 *
 * @module
 */

import { assertEquals, assertStrictEquals } from "@std/assert";
import { centerCrop } from "../../../src/data/transforms/crop.ts";
import { resize } from "../../../src/data/transforms/resize.ts";
import { compose } from "../../../src/data/transforms/transform.ts";
import { toTensor } from "../../../src/data/transforms/values.ts";
import { grey, image } from "./images.ts";

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
