/**
 * Tests of the layout of PyTorch: what PyTorch made of exported networks when it was recorded, what it makes of them where
 * it is installed, and that its files come back as they were.
 */

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { DataError } from "../../../src/errors.ts";
import type { ModelName } from "../../../src/models/named.ts";
import {
  exportModel,
  importModel,
} from "../../../src/io/interchange/interchange.ts";
import {
  encodeSafetensors,
  type NamedTensor,
} from "../../../src/io/safetensors.ts";
import { assertClose } from "../../compare.ts";
import { makeFolder } from "../../data/folder.ts";
import { describeAssumption } from "../../../src/io/interchange/weights.ts";
import { readSafetensors } from "../safetensors_files.ts";
import { LENET, ourLogits, seededCheckpoint } from "./seeded.ts";
import { TORCH_NETWORKS, torchImages } from "./torch_networks.ts";
import golden from "../../golden/torch_logits.json" with { type: "json" };

const TOLERANCE = { absolute: 1e-4, what: "logits" };
const PYTHON = "/usr/bin/python3";
const FORMAT = { format: "safetensors", layout: "pytorch" } as const;

for (const config of TORCH_NETWORKS) {
  const { model, imageSize } = config;
  Deno.test(`exportModel() writes the ${model} of which PyTorch's logits were recorded, and they are those of here`, async () => {
    await using folder = await makeFolder();
    const output = `${folder.path}/net.safetensors`;
    const checkpoint = seededCheckpoint(config);
    await exportModel(checkpoint, { ...FORMAT, output });
    const bytes = await Deno.readFile(output);
    const digest = await crypto.subtle.digest("SHA-256", bytes);
    const { sha256, logits } = golden[model as ModelName];
    assertEquals(new Uint8Array(digest).toHex(), sha256);
    const images = await torchImages(imageSize);
    const expected = logits.split(" ").map(Number);
    assertClose(await ourLogits(checkpoint, images), expected, TOLERANCE);
  });
}

const { success: hasTorch } = await new Deno.Command(PYTHON, {
  args: ["-c", "import torch, numpy"],
  stdout: "null",
  stderr: "null",
}).output().catch(() => ({ success: false }));

Deno.test({
  name: `docs/interchange.md shows code that loads an export into PyTorch${
    hasTorch ? "" : " (ignored, no torch: apt-get install python3-torch)"
  }`,
  ignore: !hasTorch,
  async fn() {
    await using folder = await makeFolder();
    const checkpoint = seededCheckpoint(LENET);
    const output = `${folder.path}/net.safetensors`;
    await exportModel(checkpoint, { ...FORMAT, output });
    const images = await torchImages(28);
    await Deno.writeFile(
      `${folder.path}/images`,
      new Uint8Array(images.buffer),
    );
    const docs = await Deno.readTextFile("docs/interchange.md");
    const [, shown] = /```python\n(.*?)```/s.exec(docs)!;
    const script = `${shown}
images = torch.from_numpy(np.fromfile("images", "<f4")).reshape(-1, 1, 28, 28)
print(json.dumps(load("net.safetensors")(images).flatten().tolist()))`;
    const { stdout } = await new Deno.Command(PYTHON, {
      args: ["-c", script],
      cwd: folder.path,
    }).output();
    const logits = JSON.parse(new TextDecoder().decode(stdout));
    assertClose(await ourLogits(checkpoint, images), logits, TOLERANCE);
  },
});

/** A state_dict of LeNet as another program would have it: no metadata, another order, a prefix. */
async function stateDict(
  folder: string,
  change: (tensors: Map<string, NamedTensor>) => void = () => {},
): Promise<string> {
  const path = `${folder}/state.safetensors`;
  await exportModel(seededCheckpoint(LENET), { ...FORMAT, output: path });
  const { tensors } = await readSafetensors(path);
  const sorted = [...tensors].map(([name, tensor]) =>
    [`net.${name}`, tensor] as const
  ).sort(([a], [b]) => a < b ? -1 : 1);
  const changed = new Map(sorted);
  change(changed);
  const pieces = encodeSafetensors({ tensors: changed, metadata: {} });
  await Deno.writeFile(path, ReadableStream.from(pieces));
  return path;
}

Deno.test("importModel() finds network, classes and layout of a state_dict", async () => {
  await using folder = await makeFolder();
  const path = await stateDict(folder.path);
  const { config, tensors } = await importModel(path, {
    format: "safetensors",
  });
  assertEquals(config, LENET);
  assertEquals(tensors, seededCheckpoint(LENET).tensors);
  const larger = await importModel(path, {
    format: "safetensors",
    imageSize: 31,
  });
  assertEquals(larger.config, { ...LENET, imageSize: 31 });
});

Deno.test("importModel() asks for the size of the images where it cannot be known", async () => {
  await using folder = await makeFolder();
  const output = `${folder.path}/net.safetensors`;
  const config = { ...LENET, classes: 7, imageSize: 41 };
  const checkpoint = seededCheckpoint(config);
  await exportModel(checkpoint, { ...FORMAT, output });
  const stated = await importModel(output, { format: "safetensors" });
  assertEquals(stated.config, config);
  const { tensors } = await readSafetensors(output);
  await Deno.writeFile(
    output,
    ReadableStream.from(encodeSafetensors({ tensors, metadata: {} })),
  );
  await assertRejects(
    () => importModel(output, { format: "safetensors" }),
    DataError,
    "lenet has such weights for images of 40 to 43 pixels; say which with --resize",
  );
  const said = await importModel(output, {
    format: "safetensors",
    imageSize: 41,
  });
  assertEquals(said, { ...checkpoint, path: output });
});

Deno.test("importModel() says what it assumes of weights alone, and nothing where a file tells its network", async () => {
  await using folder = await makeFolder();
  const assumed: string[] = [];
  const options = {
    format: "safetensors",
    onAssumption: (assumption: string) => void assumed.push(assumption),
  } as const;
  await importModel(await stateDict(folder.path), options);
  const output = `${folder.path}/stated.safetensors`;
  await exportModel(seededCheckpoint(LENET), { ...FORMAT, output });
  await importModel(output, options);
  assertEquals(assumed, [
    "names and shapes of weights do not tell how a network computes: it is taken for lenet with images of 28x28 pixels, sigmoid, average pooling, and convolutions that are padded by 2, 0; if it was another, its predictions are wrong",
  ]);
  assertStringIncludes(
    describeAssumption({ model: "alexnet", classes: 10, imageSize: 224 }),
    "alexnet with images of 224x224 pixels, relu, max pooling, and convolutions that are padded by 0, 2, 1, 1, 1;",
  );
});

Deno.test("importModel() refuses a LeNet without padding, which has the weights of one for smaller images", async () => {
  await using folder = await makeFolder();
  // 28x28 images become 24x24, 12x12, 8x8 and 4x4, of 16 channels.
  const path = await stateDict(
    folder.path,
    (tensors) =>
      tensors.set("net.7.weight", {
        shape: [120, 16 * 4 * 4],
        values: new Float32Array(120 * 16 * 4 * 4),
      }),
  );
  await assertRejects(
    () => importModel(path, { format: "safetensors" }),
    DataError,
    "lenet has such weights for images of 24 to 27 pixels, and a network without padding, which none here is, for images of 28; if it pads as lenet does, say",
  );
});

Deno.test("importModel() says which weights a file lacks, and which are too many", async () => {
  await using folder = await makeFolder();
  const vector = { shape: [3], values: new Float32Array(3) };
  const cases: [(tensors: Map<string, NamedTensor>) => void, string][] = [
    [(t) => t.delete("net.9.bias"), "as lenet, it has no tensor net.9.bias"],
    [
      (t) => t.set("net.9.bias", vector),
      "as lenet, its tensor net.9.bias has shape [3], not [84]",
    ],
    [
      (t) => t.set("net.13.weight", vector),
      "as lenet, it has tensor net.13.weight too many",
    ],
    [
      (t) => t.set("net.4.bias", vector),
      "as lenet, it has tensor net.4.bias too many",
    ],
    [(t) => t.clear(), "as alexnet, it has no tensor 0.weight; as lenet,"],
  ];
  for (const [change, message] of cases) {
    const path = await stateDict(folder.path, change);
    const error = await assertRejects(
      () => importModel(path, { format: "safetensors" }),
      DataError,
      message,
    );
    assertEquals(error.message.includes("\n"), false);
  }
  const path = await stateDict(folder.path);
  await assertRejects(
    () => importModel(path, { format: "safetensors", model: "alexnet" }),
    DataError,
    "it does not have the weights of alexnet: as alexnet, its tensor net.0.weight has shape [6,1,5,5], not [96,1,11,11]",
  );
});
