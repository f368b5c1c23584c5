/** Tests of the well-known networks' layers against the lecture's, without a device. */

import { assertEquals, assertThrows } from "@std/assert";
import { tf } from "../../src/device/tf.ts";
import { OptionError, ShapeError } from "../../src/errors.ts";
import { alexnet, alexnetLayers } from "../../src/models/alexnet.ts";
import { lenet, lenetLayers } from "../../src/models/lenet.ts";
import { NETWORKS } from "../../src/models/named.ts";
import { type SequentialOptions, summarize } from "../../src/nn/sequential.ts";
import { use } from "../device.ts";

const tableOf = ({ layers, inputShape }: SequentialOptions) =>
  summarize(layers, inputShape).map(({ name, outputShape, params }) =>
    [name, outputShape.join("x"), params] as const
  );
const countParams = (options: SequentialOptions) =>
  tableOf(options).reduce((sum, [, , params]) => sum + params, 0);

Deno.test("alexnetLayers() are the lecture's, 46,764,746 parameters", () => {
  assertEquals(tableOf(alexnetLayers()), [
    ["conv2d_1", "54x54x96", 11 * 11 * 96 + 96],
    ["max_pool2d_1", "26x26x96", 0],
    ["conv2d_2", "26x26x256", 5 * 5 * 96 * 256 + 256],
    ["max_pool2d_2", "12x12x256", 0],
    ["conv2d_3", "12x12x384", 3 * 3 * 256 * 384 + 384],
    ["conv2d_4", "12x12x384", 3 * 3 * 384 * 384 + 384],
    ["conv2d_5", "12x12x256", 3 * 3 * 384 * 256 + 256],
    ["max_pool2d_3", "5x5x256", 0],
    ["flatten_1", "6400", 0],
    ["dense_1", "4096", 6400 * 4096 + 4096],
    ["dropout_1", "4096", 0],
    ["dense_2", "4096", 4096 * 4096 + 4096],
    ["dropout_2", "4096", 0],
    ["dense_3", "10", 40970],
  ]);
  assertEquals(countParams(alexnetLayers()), 46_764_746);
});

Deno.test("alexnetLayers() take 0.94 G multiply-adds per image", () => {
  const { layers, inputShape } = alexnetLayers();
  const macs = summarize(layers, inputShape)
    .reduce((sum, row) => sum + row.macs, 0);
  const expected = 54 * 54 * 96 * 121 + 26 * 26 * 256 * 25 * 96 +
    144 * 9 * (256 * 384 + 384 * 384 + 384 * 256) +
    6400 * 4096 + 4096 * 4096 + 40960;
  assertEquals(macs, expected);
  assertEquals((macs / 1e9).toFixed(2), "0.94");
});

Deno.test("lenetLayers() are the lecture's, 61,706 parameters", () => {
  assertEquals(tableOf(lenetLayers()), [
    ["conv2d_1", "28x28x6", 156],
    ["average_pool2d_1", "14x14x6", 0],
    ["conv2d_2", "10x10x16", 2416],
    ["average_pool2d_2", "5x5x16", 0],
    ["flatten_1", "400", 0],
    ["dense_1", "120", 48_120],
    ["dense_2", "84", 10_164],
    ["dense_3", "10", 850],
  ]);
  assertEquals(countParams(lenetLayers()), 61_706);
});

Deno.test("models follow their options", () => {
  const alex = alexnetLayers({ classes: 7, imageSize: 99, channels: 3 });
  assertEquals(alex.inputShape, [99, 99, 3]);
  const names = new Map(tableOf(alex).map(([name, shape]) => [name, shape]));
  assertEquals([names.get("conv2d_1"), names.get("max_pool2d_3")], [
    "23x23x96",
    "2x2x256",
  ]);
  assertEquals(names.get("dense_3"), "7");
  const le = lenetLayers({ classes: 3, imageSize: 32, channels: 3 });
  assertEquals(le.inputShape, [32, 32, 3]);
  assertEquals(tableOf(le).at(-1), ["dense_3", "3", 255]);
});

Deno.test("models take the smallest images that they say, and no smaller", () => {
  const least = Object.values(NETWORKS).map((n) => n.leastImageSize);
  assertEquals(least, [67, 12]);
  for (const { layers, leastImageSize: imageSize } of Object.values(NETWORKS)) {
    const classes = 10;
    assertEquals(tableOf(layers({ classes, imageSize })).at(-1)?.[1], "10");
    const smaller = layers({ classes, imageSize: imageSize - 1 });
    assertThrows(() => tableOf(smaller), ShapeError);
  }
});

Deno.test("models refuse options that cannot be, and leave nothing behind", async () => {
  await use("cpu");
  const before = tf.memory().numTensors;
  for (const make of [alexnet, lenet]) {
    for (const classes of [0, 1.5, NaN]) {
      assertThrows(() => make({ classes }), OptionError, "classes");
    }
    assertThrows(() => make({ imageSize: 0 }), OptionError, "imageSize");
    assertThrows(() => make({ channels: 0 }), OptionError, "channels");
    assertThrows(() => make({ imageSize: 4 }), ShapeError);
  }
  assertThrows(() => lenet({ seed: -1 }), OptionError, "seed");
  assertThrows(() => alexnet({ dropout: 1 }), OptionError, "dropout");
  assertEquals(tf.memory().numTensors, before);
});
