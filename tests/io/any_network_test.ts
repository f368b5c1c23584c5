/**
 * Tests that a file says what a network is: any network of this package's layers comes back, and what could not is refused when
 * it is saved.
 */

import {
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { arrayDataset } from "../../src/data/array_dataset.ts";
import { DataLoader } from "../../src/data/loader/data_loader.ts";
import {
  centerCrop,
  compose,
  normalize,
  randomCrop,
  resize,
  toTensor,
} from "../../src/data/transforms/mod.ts";
import { type Tensor4D, tf } from "../../src/device/tf.ts";
import { DataError, ShapeError } from "../../src/errors.ts";
import {
  loadCheckpoint,
  loadModel,
  saveCheckpoint,
  saveModel,
} from "../../src/io/checkpoint.ts";
import {
  exportModel,
  importModel,
} from "../../src/io/interchange/interchange.ts";
import { networkOf, parseNetwork } from "../../src/io/network.ts";
import { openSafetensors } from "../../src/io/safetensors.ts";
import { alexnet } from "../../src/models/alexnet.ts";
import { lenet, lenetLayers } from "../../src/models/lenet.ts";
import {
  averagePool2d,
  conv2d,
  dense,
  dropout,
  flatten,
  type Layer,
  maxPool2d,
  relu,
  Sequential,
  sigmoid,
} from "../../src/nn/mod.ts";
import manifest from "../../deno.json" with { type: "json" };
import { makeFolder } from "../data/folder.ts";
import { read, use } from "../device.ts";
import { numbers } from "../numbers.ts";
import { oldFileOfProgram } from "./old_file.ts";

/** Every kind of layer, with options that are not the usual ones, for images that are not square. */
const EVERY_KIND = {
  inputShape: [13, 18, 3],
  layers: [
    conv2d({ filters: 4, kernelSize: [3, 2], strides: [2, 1] }),
    relu(),
    maxPool2d({ poolSize: [2, 3], strides: 1, padding: "same" }),
    conv2d({
      ...{ filters: 5, kernelSize: 3, padding: "same", activation: "sigmoid" },
    }),
    averagePool2d({ poolSize: 2 }),
    dropout({ rate: 0.25 }),
    flatten(),
    dense({ units: 6, activation: "relu" }),
    sigmoid(),
    dense({ units: 3 }),
  ],
} as const;

Deno.test("loadModel() gives back every kind of layer, its weights, class names and transform", async () => {
  await use("cpu");
  await using folder = await makeFolder();
  const path = `${folder.path}/own.safetensors`;
  const net = new Sequential({ ...EVERY_KIND, seed: 3 });
  const classNames = ["a", "b", "ü"];
  const transform = compose([
    resize([20, 24]),
    centerCrop([13, 18]),
    toTensor(),
    normalize({ mean: [0.4, 0.5, 0.6], std: 0.2 }),
  ]);
  await saveModel(path, net, { classNames, transform });
  const same = await loadModel(path);
  assertEquals(same.net.summary(), net.summary());
  assertEquals(
    same.net.layers.map(({ config }) => config),
    net.layers.map(({ config }) => config),
  );
  assertEquals(same.classNames, classNames);
  const data = Uint8Array.from(numbers(30 * 40 * 3, [0, 255]));
  const image = { data, height: 30, width: 40, channels: 3, maxValue: 255 };
  assertEquals(
    same.transform!(image as never),
    transform(image as never),
  );
  const images = () => tf.tensor(numbers(2 * 702), [2, 13, 18, 3]) as Tensor4D;
  const logits = (n: Sequential) => read(() => [n.predict(images())]);
  assertEquals(await logits(same.net), await logits(net));
  assertEquals((await loadCheckpoint(path)).config, {
    ...{ model: "own", classes: 3, imageSize: 13, channels: 3 },
  });
  using file = await openSafetensors(path);
  assertEquals(file.metadata.version, manifest.version);
  [net, same.net].forEach((n) => n.dispose());
});

Deno.test("saveModel() takes from a loader what it knows, and nothing that draws random numbers", async () => {
  await use("cpu");
  await using folder = await makeFolder();
  const path = `${folder.path}/net.safetensors`;
  const images = { shape: [2, 30, 30], data: new Uint8Array(1800) };
  const labels = { shape: [2], data: Uint8Array.of(0, 1) };
  const dataset = arrayDataset({ images, labels, classNames: ["no", "yes"] });
  const net = lenet({ classes: 2 });
  const crops = [
    [centerCrop(28), "centerCrop,toTensor"],
    [randomCrop(28), undefined],
  ] as const;
  for (const [crop, names] of crops) {
    const transform = compose([crop, toTensor()]);
    const data = new DataLoader(dataset, { batchSize: 1, transform });
    await saveModel(path, net, { data });
    const { network } = await loadCheckpoint(path);
    assertEquals(network?.classNames, ["no", "yes"]);
    assertEquals(network?.imageShape, [30, 30, 1]);
    const kept = network?.transform?.map(({ name }) => `${name}`);
    assertEquals(kept?.join(), names);
  }
  net.dispose();
});

Deno.test("saveCheckpoint() keeps the channels and dropout of a named network, which an older version refuses or reads", async () => {
  await use("cpu");
  await using folder = await makeFolder();
  const path = `${folder.path}/net.safetensors`;
  const config = { model: "lenet", classes: 4, imageSize: 32 } as const;
  const grey = lenet({ classes: 4, imageSize: 32 });
  const color = lenet({ classes: 4, imageSize: 32, channels: 3 });
  for (const [net, channels] of [[grey, undefined], [color, 3]] as const) {
    await saveCheckpoint(path, net, config);
    const checkpoint = await loadCheckpoint(path);
    const expected = { ...config, ...channels && { channels } };
    assertEquals(checkpoint.config, expected);
    using file = await openSafetensors(path);
    assertEquals(JSON.parse(file.metadata.config), expected);
    const loaded = await loadModel(path);
    assertEquals(loaded.net.summary(), net.summary());
    [net, loaded.net].forEach((n) => n.dispose());
  }
  const { layers } = networkOf(alexnet({ imageSize: 67, dropout: 0.25 }));
  const dropouts = layers.filter((layer) => layer.kind === "dropout");
  assertEquals(dropouts.map(({ rate }) => rate), [0.25, 0.25]);
});

Deno.test("saveCheckpoint() refuses a network that its config contradicts", async () => {
  await use("cpu");
  const net = lenet({ classes: 2, channels: 3 });
  const own = new Sequential({
    inputShape: [28, 28, 3],
    layers: [flatten(), dense({ units: 2 })],
  });
  const named = { model: "lenet", classes: 2, imageSize: 28 } as const;
  const cases = [
    [net, { ...named, classes: 10 }, "lenet for 2 classes and 28x28 images"],
    [net, { ...named, channels: 1 }, "of 3 channels, and its config says"],
    [own, named, "a network of its own kind for 2 classes and images of 3"],
  ] as const;
  for (const [net, config, reason] of cases) {
    const { message } = await assertRejects(
      () => saveCheckpoint("/nonexistent/net", net, config),
      ShapeError,
    );
    assertStringIncludes(message, "Cannot save /nonexistent/net: it is ");
    assertStringIncludes(message, reason);
  }
  [net, own].forEach((n) => n.dispose());
});

Deno.test("saveModel() refuses a layer of the user's own by its name, and names that are not one for each class", async () => {
  await use("cpu");
  const twice: Layer = {
    ...{ kind: "twice", outputShape: (input) => input, macs: () => 0 },
    ...{ weights: () => [], apply: (x) => tf.mul(x, 2) },
  };
  const layers = [flatten(), dense({ units: 2 })];
  const inputShape = [4, 4, 1];
  const nets = [
    new Sequential({ inputShape, layers: [twice, ...layers] }),
    // Says that it is what it is not.
    new Sequential({
      inputShape,
      layers: [{ ...twice, config: { kind: "relu" } }, ...layers],
    }),
  ];
  for (const net of nets) {
    await assertRejects(
      () => saveModel("/nonexistent/net", net),
      ShapeError,
      "Cannot keep layer twice_1, as it is of your own",
    );
  }
  const net = new Sequential({ inputShape, layers });
  await assertRejects(
    () => saveModel("/nonexistent/net", net, { classNames: ["one"] }),
    ShapeError,
    "1 names for 2 classes",
  );
  [...nets, net].forEach((n) => n.dispose());
});

Deno.test("loadModel() gives a transform that says that it was a function of the user's own", async () => {
  await use("cpu");
  await using folder = await makeFolder();
  const path = `${folder.path}/net.safetensors`;
  const net = lenet();
  const invert = <T>(image: T) => image;
  const transform = compose([invert, toTensor()]);
  await saveModel(path, net, { transform });
  const { transform: kept, net: same } = await loadModel(path);
  const data = new Uint8Array(784);
  const image = { data, height: 28, width: 28, channels: 1, maxValue: 255 };
  assertThrows(
    () => kept!(image as never),
    ShapeError,
    "a file cannot hold invert of your own",
  );
  [net, same].forEach((n) => n.dispose());
});

Deno.test("loadCheckpoint() knows what train wrote before files described networks, and takes nothing else for it", async () => {
  const fixture = new URL("../fixtures/lenet.safetensors", import.meta.url);
  await using folder = await makeFolder();
  const path = `${folder.path}/old.safetensors`;
  await Deno.copyFile(fixture, path);
  const { config, network } = await loadCheckpoint(path);
  assertEquals(config, { model: "lenet", classes: 10, imageSize: 28 });
  assertEquals(network?.classNames?.[9], "ankle boot");
  assertEquals(network?.imageShape, [28, 28, 1]);
  assertEquals(network?.transform, [{ name: "toTensor", args: [] }]);
  await Deno.writeFile(path, await oldFileOfProgram());
  const other = await loadCheckpoint(path);
  assertEquals(other.config, config);
  assertEquals(other.network?.classNames, undefined);
});

Deno.test("parseNetwork() believes nothing", () => {
  const layers = [{ kind: "flatten" }, { kind: "dense", units: 2 }];
  const good = { inputShape: [4, 4, 1], layers };
  assertEquals(parseNetwork(JSON.stringify(good)).inputShape, [4, 4, 1]);
  const conv = { kind: "conv2d", filters: 1, size: 3, padding: "same" };
  const wrong: [change: Record<string, unknown>, reason: string][] = [
    [{ inputShape: undefined }, "no [height, width, channels]"],
    [{ inputShape: [4, 1e9, 1] }, "up to 4096"],
    [{ inputShape: "4,4,1" }, "no [height, width, channels]"],
    [{ layers: undefined }, ""],
    [{ layers: { length: 1 } }, ""],
    [{ layers: Array(1001).fill({ kind: "relu" }) }, "too many layers"],
    [{ layers: [null] }, ""],
    [{ layers: [{ kind: "__proto__" }] }, "no layer of kind __proto__"],
    [{ layers: [{ kind: "dense", units: 2 }] }, "put flatten() before it"],
    [{ layers: [{ kind: "dense", units: "2" }] }, "units"],
    [{ layers: [{ kind: "dropout", rate: 2 }] }, "dropout"],
    [{ layers: [{ ...conv, strides: null }] }, ""],
    [{ layers: [{ ...conv, strides: 0 }] }, "strides"],
    [{ layers: [{ ...conv, strides: 1, activation: "tanh" }] }, "activation"],
    [{ classNames: ["a"] }, "1 names for 2 classes"],
    [{ classNames: ["a", 2] }, "2 names for 2 classes"],
    [{ imageShape: [0, 0, 0] }, "no [height, width, channels]"],
    [{ transform: [{ name: "compose", args: [[]] }] }, "there is no compose("],
    [{ transform: [{ name: "toString" }] }, "there is no toString("],
    [{ transform: [{ name: "resize", args: [1e9] }] }, "no resize([1000000000"],
    [{ transform: [{ name: "resize", args: ["x"] }] }, "resize"],
    [{ transform: {} }, ""],
  ];
  for (const [change, reason] of wrong) {
    const { message } = assertThrows(
      () => parseNetwork(JSON.stringify({ ...good, ...change })),
      ShapeError,
      reason,
    );
    assertStringIncludes(message, "its description of the network is wrong: ");
  }
  assertThrows(() => parseNetwork("{"), ShapeError);
});

Deno.test("exportModel() names a layer that PyTorch has not, and importModel() takes no own network for another", async () => {
  await use("cpu");
  await using folder = await makeFolder();
  const at = (name: string) => `${folder.path}/${name}`;
  const net = new Sequential(EVERY_KIND);
  await saveModel(at("own"), net);
  net.dispose();
  const checkpoint = await loadCheckpoint(at("own"));
  await assertRejects(
    () =>
      exportModel(checkpoint, {
        ...{ format: "safetensors", layout: "pytorch", output: at("torch") },
      }),
    ShapeError,
    "Cannot export layer max_pool2d_1 in PyTorch's layout, as its padding is [0,1] before and [1,1] after",
  );
  for (const format of ["onnx", "tfjs", "safetensors"] as const) {
    await exportModel(checkpoint, { format, output: at(format) });
  }
  const again = await loadCheckpoint(at("safetensors"));
  assertEquals({ ...again, path: at("own") }, checkpoint);
  // Of LeNet's shapes, but computing something else.
  const layers = lenetLayers().layers.map((layer) =>
    layer.kind === "average_pool2d" ? maxPool2d({ poolSize: 2 }) : layer
  );
  const like = new Sequential({ inputShape: [28, 28, 1], layers });
  await saveModel(at("like"), like);
  like.dispose();
  for (const layout of ["keras", "pytorch"] as const) {
    const output = at(layout);
    const format = "safetensors";
    await exportModel(await loadCheckpoint(at("like")), {
      ...{ format, layout, output },
    });
    await assertRejects(
      () => importModel(output, { format }),
      DataError,
      "its network is none of this package",
    );
  }
});
