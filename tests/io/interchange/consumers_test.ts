/** Tests of exports by programs of others that read them: their logits of 64 test images are those of here. */

import { assert, assertEquals } from "@std/assert";
import { exportModel } from "../../../src/io/interchange/interchange.ts";
import type { ModelConfig } from "../../../src/io/network.ts";
import { browserTest } from "../../browser.ts";
import { assertClose } from "../../compare.ts";
import { makeFolder } from "../../data/folder.ts";
import { use } from "../../device.ts";
import { onnxLogits } from "./onnx_runtime.ts";
import {
  ALEXNET,
  LENET,
  NUM_IMAGES,
  ourLogits,
  seededCheckpoint,
  testImages,
} from "./seeded.ts";
import { readByHub, stockLogits } from "./stock_lenet.ts";
import { tfjsLogits } from "./tfjs_page.ts";

/** What the issue asks for. */
const TOLERANCE = { absolute: 1e-4, what: "logits" };

/** A network, images, and what is made of them here; computed once for all tests. */
async function _compute(config: ModelConfig) {
  const checkpoint = seededCheckpoint(config);
  const images = await testImages(config.imageSize);
  const logits = await ourLogits(checkpoint, images);
  // Agreement would mean little if every image had the same logits.
  const first = logits.subarray(0, 10);
  assert(first.some((value, i) => Math.abs(value - logits[10 + i]) > 1e-3));
  return { checkpoint, images, logits };
}
const computed = new Map<ModelConfig, ReturnType<typeof _compute>>();
function compute(config: ModelConfig): ReturnType<typeof _compute> {
  const known = computed.get(config) ?? _compute(config);
  computed.set(config, known);
  return known;
}

for (const config of [LENET, ALEXNET]) {
  const { model, imageSize } = config;
  Deno.test(`exportModel() writes ${model} for ONNX Runtime`, async () => {
    await using folder = await makeFolder();
    const output = `${folder.path}/net.onnx`;
    const { checkpoint, images, logits } = await compute(config);
    await exportModel(checkpoint, { format: "onnx", output });
    const { dims, values } = await onnxLogits(output, {
      values: images,
      shape: [NUM_IMAGES, imageSize, imageSize, 1],
    });
    assertEquals(dims, [NUM_IMAGES, 10]);
    assertClose(values, logits, TOLERANCE);
  });

  browserTest(
    `exportModel() writes ${model} for tf.loadLayersModel in a browser`,
    async (browser) => {
      await using folder = await makeFolder();
      const output = `${folder.path}/net`;
      const { checkpoint, images: values, logits } = await compute(config);
      await exportModel(checkpoint, { format: "tfjs", output });
      const images = { values, imageSize };
      assertClose(await tfjsLogits(browser, output, images), logits, TOLERANCE);
    },
  );
}

Deno.test("exportModel() writes safetensors for another package's reader", async () => {
  await using folder = await makeFolder();
  const output = `${folder.path}/net.safetensors`;
  const { checkpoint, images, logits } = await compute(LENET);
  await exportModel(checkpoint, { format: "safetensors", output });
  assertClose(await stockLogits(output, images), logits, TOLERANCE);
});

/** The `state_dict` of the AlexNet of docs/interchange.md. */
const STATE_DICT: readonly [module: number, shape: number[]][] = [
  [0, [96, 1, 11, 11]],
  [3, [256, 96, 5, 5]],
  [6, [384, 256, 3, 3]],
  [8, [384, 384, 3, 3]],
  [10, [256, 384, 3, 3]],
  [14, [4096, 1024]],
  [17, [4096, 4096]],
  [20, [10, 4096]],
];

Deno.test("exportModel() writes alexnet for another package's reader as PyTorch has it", async () => {
  await using folder = await makeFolder();
  const output = `${folder.path}/net.safetensors`;
  const checkpoint = seededCheckpoint(ALEXNET);
  const layout = "pytorch";
  await exportModel(checkpoint, { format: "safetensors", layout, output });
  await use("cpu");
  const tensors = await readByHub(output);
  const shapes = [...tensors].map(([name, { shape }]) => [name, shape]);
  const expected = STATE_DICT.flatMap(([module, shape]) => [
    [`${module}.weight`, shape],
    [`${module}.bias`, shape.slice(0, 1)],
  ]);
  assertEquals(Object.fromEntries(shapes), Object.fromEntries(expected));

  // The last map: 2x2 pixels of 256 channels, here pixel by pixel and there channel by channel.
  const here = checkpoint.tensors.get("dense_1.kernel")!.values;
  const there = await tensors.get("14.weight")!.data();
  for (const out of [0, 1, 4095]) {
    for (let from = 0; from < 1024; from++) {
      const [pixel, channel] = [Math.floor(from / 256), from % 256];
      const value = there[1024 * out + 4 * channel + pixel];
      assertEquals(value, here[4096 * from + out]);
    }
  }
  tensors.forEach((tensor) => tensor.dispose());
});
