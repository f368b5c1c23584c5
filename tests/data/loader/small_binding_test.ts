/**
 * Tests of where batches are made on an adapter that binds small buffers only, in a process of its own: the limit cannot change.
 */

import { assertEquals, assertThrows } from "@std/assert";
import { arrayDataset } from "../../../src/data/array_dataset.ts";
import { DataLoader } from "../../../src/data/loader/data_loader.ts";
import {
  centerCrop,
  compose,
  toTensor,
} from "../../../src/data/transforms/mod.ts";
import { OptionError } from "../../../src/errors.ts";
import { assertClose } from "../../compare.ts";
import { use, webgpuTest } from "../../device.ts";
import { numbers } from "../../numbers.ts";

/** Ten images of 90x90 bytes, of which the middle 4x4 are used. */
const SHAPE = [10, 90, 90];
const transform = compose([centerCrop(4), toTensor()]);
const dataset = arrayDataset({
  images: {
    shape: SHAPE,
    data: Uint8Array.from(numbers(10 * 90 * 90, [0, 256])),
  },
  labels: { shape: [10], data: new Uint8Array(10) },
  classNames: ["a"],
});

/** What eight of them have. */
const BINDING_BYTES = 8 * 90 * 90;

webgpuTest(
  "DataLoader makes batches on the host whose images the device can neither hold nor be sent",
  async () => {
    await use("webgpu", { maxBindingBytes: BINDING_BYTES });
    const make = (batchSize: number, path?: "device") =>
      new DataLoader(dataset, { batchSize, transform, path, workers: 0 });
    const [sent, refused] = [8, 9].map((batchSize) => make(batchSize));
    assertEquals(sent.summary().place, "device");
    assertEquals([refused.summary().place, refused.summary().reason], [
      "host",
      "the 72900 bytes that a batch is made of are more than the 64800 that the adapter binds",
    ]);
    assertThrows(
      () => make(9, "device").summary(),
      OptionError,
      "the 72900 bytes that a batch is made of",
    );
    for (const loader of [sent, refused]) {
      const expected = await Array.fromAsync(loader.arrays({ epoch: 0 }));
      let i = 0;
      for await (const { images } of loader.batches({ epoch: 0 })) {
        const values = await images.data();
        assertClose(values, expected[i++].images, { absolute: 1e-6 });
      }
      assertEquals(i, 2);
    }
  },
);

webgpuTest(
  "DataLoader counts no more images of a batch than there are",
  async () => {
    await use("webgpu", { maxBindingBytes: BINDING_BYTES });
    const options = { batchSize: 10_000, transform: centerCrop(4) };
    const few = arrayDataset({
      images: { shape: [3, 9, 9], data: new Uint8Array(3 * 9 * 9) },
      labels: { shape: [3], data: new Uint8Array(3) },
      classNames: ["a"],
    });
    assertEquals(new DataLoader(few, options).summary().place, "device");
  },
);
