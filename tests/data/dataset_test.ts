/** Tests of data sets in memory. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { arrayDataset, storedImages } from "../../src/data/array_dataset.ts";
import {
  classCounts,
  type Dataset,
  describeDataset,
  labelsOf,
  makeDataset,
} from "../../src/data/dataset.ts";
import { subset, trainTestSplit } from "../../src/data/split.ts";
import { OptionError, ShapeError } from "../../src/errors.ts";
import { labelled } from "./labelled.ts";

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

Deno.test("arrayDataset() takes images with channels, innermost", () => {
  const data = Uint8Array.from({ length: 24 }, (_, i) => i);
  const images = { shape: [2, 2, 2, 3], data };
  const labels = { shape: [2], data: Uint8Array.of(1, 0) };
  const dataset = arrayDataset({ images, labels, classNames: ["a", "b"] });
  assertEquals(dataset.get(1), {
    image: {
      data: data.slice(12),
      height: 2,
      width: 2,
      channels: 3,
      maxValue: 255,
    },
    label: 0,
  });
  assertEquals(storedImages(dataset), {
    data,
    height: 2,
    width: 2,
    channels: 3,
  });
});

Deno.test("storedImages() are those of data sets in memory only", () => {
  assert(storedImages(DATASET)!.data === IMAGES.data);
  assertEquals(storedImages(subset(DATASET, 2)), undefined);
  assertEquals(storedImages({ ...DATASET }), undefined);
});

Deno.test("labelsOf() gets no sample when labels are known", () => {
  const dataset: Dataset = {
    ...DATASET,
    get: () => {
      throw new Error("asked");
    },
  };
  assertEquals(Array.from(labelsOf(dataset)), [0, 1, 0]);
  assertEquals(classCounts(dataset), [2, 1]);
});

Deno.test("labelsOf() gets every sample once when labels are not known", () => {
  const asked: number[] = [];
  const dataset: Dataset = {
    length: 3,
    classNames: ["a", "b"],
    get: (index) => {
      asked.push(index);
      return DATASET.get(index);
    },
  };
  assertEquals(Array.from(labelsOf(dataset)), [0, 1, 0]);
  assertEquals(classCounts(dataset), [2, 1]);
  assertEquals(describeDataset(dataset), "3 images in 2 classes: a 2, b 1");
  assertEquals(asked, [0, 1, 2]);
});

Deno.test("classCounts() has a count per class name, though there be no sample", () => {
  const classNames = ["a", "b", "c", "d"];
  assertEquals(classCounts(labelled([2, 0, 2], { classNames })), [1, 0, 2, 0]);
  assertEquals(classCounts(labelled([], { classNames })), [0, 0, 0, 0]);
});

Deno.test("console.log() and String() of a data set tell its class counts", () => {
  const lines: [Dataset, string][] = [
    [DATASET, "3 images in 2 classes: a 2, b 1"],
    [subset(DATASET, [1]), "1 image in 2 classes: a 0, b 1"],
    [makeDataset({ ...DATASET }), "3 images in 2 classes: a 2, b 1"],
    [
      trainTestSplit(DATASET, { shuffle: false, testSize: 1 }).train,
      "2 images in 2 classes: a 1, b 1",
    ],
  ];
  for (const [dataset, line] of lines) {
    assertEquals(Deno.inspect(dataset), line);
    assertEquals(String(dataset), line);
    assertEquals(`${dataset}`, line);
  }
});

Deno.test("makeDataset() checks the index before the data set sees it", () => {
  const asked: number[] = [];
  const dataset = makeDataset({
    ...DATASET,
    get: (index) => {
      asked.push(index);
      return DATASET.get(index);
    },
  });
  for (const index of [-1, 3, 0.5, NaN]) {
    assertThrows(() => dataset.get(index), OptionError, "from 0 to 2");
  }
  assertEquals(dataset.get(2).label, 0);
  assertEquals(asked, [2]);
});

Deno.test("classCounts() refuses a label that has no class name", () => {
  for (const label of [-1, 2, 0.5, NaN]) {
    const dataset = { ...DATASET, labels: [0, label, 1] };
    assertThrows(() => classCounts(dataset), OptionError, "labels[1]");
  }
});
