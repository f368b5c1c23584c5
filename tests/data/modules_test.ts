/** Tests of importing transforms and data sets of a user's own. */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { DataLoader } from "../../src/data/loader/data_loader.ts";
import { importDataset, importTransform } from "../../src/data/mod.ts";
import { originOf } from "../../src/data/modules.ts";
import { takeApart } from "../../src/data/transforms/transform.ts";
import { OptionError, SampleError } from "../../src/errors.ts";
import { makeStripes, stripes } from "./own_dataset.ts";
import { addNoise, invert } from "./own_transforms.ts";

const TRANSFORMS = new URL("./own_transforms.ts", import.meta.url);
const DATASETS = new URL("./own_dataset.ts", import.meta.url);
const { image } = stripes.get(3);

Deno.test("importTransform() has an export that is a transform", async () => {
  const imported = await importTransform(TRANSFORMS, { name: "invert" });
  assertEquals(imported(image), invert(image));
  assertEquals(originOf(imported), { module: TRANSFORMS.href, name: "invert" });
  const [{ description }] = takeApart(imported);
  assertEquals(description, "invert of your own");
});

Deno.test("importTransform() leaves the export itself without an origin", async () => {
  await importTransform(TRANSFORMS, { name: "invert" });
  assertEquals(originOf(invert), undefined);
});

Deno.test("importTransform() calls an export with arguments and passes random numbers on", async () => {
  const options = { name: "addNoise", args: [8] };
  const imported = await importTransform(TRANSFORMS.href, options);
  const random = () => 0.25;
  const { data } = imported(image, random);
  assertEquals(data, addNoise(8)(image, random).data);
  assertEquals(data[1], image.data[1] + 2);
  assertEquals(originOf(imported), { module: TRANSFORMS.href, ...options });
});

Deno.test("importDataset() has an export that is a data set", async () => {
  const imported = await importDataset(DATASETS, { name: "stripes" });
  assertStrictEquals(imported, stripes);
  assertEquals(imported.length, 12);
  assertEquals(originOf(imported), { module: DATASETS.href, name: "stripes" });
});

Deno.test("importDataset() calls an export that returns a data set or a promise of it", async () => {
  for (const name of ["makeStripes", "openStripes"]) {
    const options = { name, args: [9] };
    const imported = await importDataset(DATASETS, options);
    assertEquals(imported.length, 9);
    assertEquals(imported.get(8), makeStripes(9).get(8));
    assertEquals(originOf(imported), { module: DATASETS.href, ...options });
  }
});

Deno.test("importDataset() and importTransform() give a loader what it needs", async () => {
  const args = [9, true];
  const loader = new DataLoader(
    await importDataset(DATASETS, { name: "makeStripes", args }),
    {
      batchSize: 2,
      transform: await importTransform(TRANSFORMS, { name: "invert" }),
    },
  );
  const { images, labels } = loader.loadBatch([6, 1]);
  assertEquals([...labels], [0, 1]);
  const expected = [6, 1].flatMap((index) => [
    ...invert(makeStripes(9).get(index).image).data,
  ]);
  assertEquals([...images], expected);
  const error = assertThrows(() => loader.loadBatch([6, 7]), SampleError);
  assertEquals(error.message, "Cannot make sample 7: broken stripe");
});

Deno.test("importTransform() and importDataset() refuse arguments that a worker cannot be sent", async () => {
  for (const load of [importTransform, importDataset]) {
    for (const arg of [() => 1, { deep: [invert] }, Symbol("a")]) {
      const error = await assertRejects(
        () => load(TRANSFORMS, { name: "addNoise", args: [1, arg] }),
        OptionError,
        "Cannot use args as it must be of kinds that a worker can be sent",
      );
      assertEquals(error.option, "args");
      assert(!error.message.includes("\n"), error.message);
    }
  }
});

Deno.test("importTransform() and importDataset() take arguments as they were", async () => {
  const code =
    "export const make = (given) => Object.assign(() => given, { get: () => given });";
  const module = `data:text/javascript,${encodeURIComponent(code)}`;
  const given = { sizes: [3] };
  const options = { name: "make", args: [given] };
  const transform = await importTransform(module, options);
  const dataset = await importDataset(module, options);
  given.sizes.push(4);
  const found: unknown[] = [transform(image), dataset.get(0)];
  for (const thing of [transform, dataset]) {
    found.push(originOf(thing)?.args?.[0]);
  }
  for (const one of found) assertEquals(one, { sizes: [3] });
});

Deno.test("importTransform() and importDataset() say in one line what is wrong", async () => {
  const href = TRANSFORMS.href;
  const missing = new URL("./no_such_module.ts", import.meta.url);
  const broken = "data:text/javascript,export const = 1;%0A%0A2";
  const throwing = "data:text/javascript,throw new Error('one%5Cntwo');";
  const WRONG: [
    typeof importTransform | typeof importDataset,
    string | URL,
    { name: string; args?: unknown[] },
    string,
  ][] = [
    [
      importTransform,
      TRANSFORMS,
      { name: "invrt" },
      `Cannot use name as it must be the name of an export of ${href} that is or makes a transform: current value is "invrt"`,
    ],
    [importTransform, TRANSFORMS, { name: "version" }, "makes a transform"],
    [
      importTransform,
      TRANSFORMS,
      { name: "version", args: [] },
      "makes a function",
    ],
    [importTransform, DATASETS, { name: "stripes" }, "makes a transform"],
    [
      importTransform,
      DATASETS,
      { name: "makeStripes", args: [2] },
      "makes a transform",
    ],
    [importTransform, missing, { name: "invert" }, "no_such_module.ts"],
    [importTransform, broken, { name: "invert" }, "can be imported ("],
    [importTransform, throwing, { name: "invert" }, "(one)"],
    [importDataset, DATASETS, { name: "strips" }, "makes a data set"],
    [importDataset, DATASETS, { name: "makeStripes" }, "makes a data set"],
    [
      importDataset,
      DATASETS,
      { name: "strips", args: [1] },
      "makes a function",
    ],
    [importDataset, DATASETS, { name: "constructor" }, "makes a data set"],
    [importDataset, missing, { name: "stripes" }, "no_such_module.ts"],
  ];
  for (const [load, module, options, message] of WRONG) {
    const error = await assertRejects(() => load(module, options));
    assertInstanceOf(error, OptionError);
    assertStringIncludes(error.message, message);
    assert(!error.message.includes("\n"), error.message);
  }
});
