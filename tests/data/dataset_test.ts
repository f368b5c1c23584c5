/**
 * Tests of data sets in memory.
 *
 * @module
 */

import { assertEquals, assertThrows } from "@std/assert";
import { arrayDataset } from "../../src/data/array_dataset.ts";
import { subset } from "../../src/data/split.ts";
import { OptionError, ShapeError } from "../../src/errors.ts";

const IMAGES = {
  shape: [3, 1, 2],
  data: Uint8Array.of(1, 2, 3, 4, 5, 6),
};
const LABELS = { shape: [3], data: Uint8Array.of(0, 1, 0) };
const DATASET = arrayDataset({
  images: IMAGES,
  labels: LABELS,
  classNames: ["a", "b"],
});

Deno.test("arrayDataset() has one sample per image", () => {
  assertEquals(DATASET.length, 3);
  assertEquals(DATASET.classNames, ["a", "b"]);
  const { image, label } = DATASET.get(1);
  assertEquals(label, 1);
  assertEquals(image, {
    data: Uint8Array.of(3, 4),
    height: 1,
    width: 2,
    channels: 1,
    maxValue: 255,
  });
});

Deno.test("arrayDataset() shares the memory of the arrays", () => {
  assertEquals(DATASET.get(2).image.data.buffer, IMAGES.data.buffer);
});

Deno.test("arrayDataset() refuses an index out of range", () => {
  for (const index of [-1, 3, 0.5, NaN]) {
    assertThrows(() => DATASET.get(index), OptionError, "from 0 to 2");
  }
});

Deno.test("arrayDataset() refuses unequal counts", () => {
  const labels = { shape: [2], data: Uint8Array.of(0, 1) };
  assertThrows(
    () => arrayDataset({ images: IMAGES, labels, classNames: ["a", "b"] }),
    ShapeError,
    "3 images and 2 labels",
  );
});

Deno.test("arrayDataset() refuses other ranks", () => {
  const images = { shape: [6], data: IMAGES.data };
  assertThrows(
    () => arrayDataset({ images, labels: LABELS, classNames: ["a", "b"] }),
    ShapeError,
    "[count, height, width]",
  );
});

Deno.test("arrayDataset() refuses a label without a name", () => {
  assertThrows(
    () => arrayDataset({ images: IMAGES, labels: LABELS, classNames: ["a"] }),
    OptionError,
    "labels[1]",
  );
});

Deno.test("subset() has the first samples only", () => {
  const first = subset(DATASET, 2);
  assertEquals(first.length, 2);
  assertEquals(first.get(1), DATASET.get(1));
  assertThrows(() => first.get(2), OptionError, "from 0 to 1");
});

Deno.test("subset() refuses a count that there is not", () => {
  for (const count of [0, 4, -1, 1.5, NaN]) {
    assertThrows(() => subset(DATASET, count), OptionError, "from 1 to 3");
  }
});
