/** Tests of data sets in IDX files. */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { gzipSync } from "fflate";
import { pathToFileURL } from "node:url";
import {
  idxDataset,
  type IdxDatasetOptions,
  storedImages,
} from "../../src/data/array_dataset.ts";
import { classCounts } from "../../src/data/dataset.ts";
import { loadFashionMnist } from "../../src/data/fashion_mnist/fashion_mnist.ts";
import type { IdxArray } from "../../src/data/idx.ts";
import { wholeOf } from "../../src/data/split.ts";
import { DataError, OptionError, ShapeError } from "../../src/errors.ts";
import { type Folder, makeFolder } from "./folder.ts";
import { encodeIdx } from "../../src/data/idx.ts";

const IMAGES = {
  shape: [3, 2, 2],
  data: Uint8Array.from({ length: 12 }, (_, i) => 20 * i),
};
const LABELS = { shape: [3], data: Uint8Array.of(2, 0, 2) };
const SAMPLE = new URL("../../data/sample/", import.meta.url);

for (const isGz of [false, true]) {
  Deno.test(`idxDataset() has what the files have, ${isGz ? "gz" : "plain"}`, async () => {
    await using folder = await makeFolder();
    const dataset = await idxDataset(_write(folder, { isGz }));
    assertEquals(dataset.length, 3);
    assertEquals(dataset.get(1), {
      image: {
        data: Uint8Array.of(80, 100, 120, 140),
        height: 2,
        width: 2,
        channels: 1,
        maxValue: 255,
      },
      label: 0,
    });
    assertEquals(classCounts(dataset), [1, 0, 2]);
    // So that the device can hold them.
    assertEquals([...storedImages(dataset)!.data], [...IMAGES.data]);
  });
}

Deno.test("idxDataset() names classes by their numbers, up to the largest label", async () => {
  await using folder = await makeFolder();
  const files = _write(folder, {});
  assertEquals((await idxDataset(files)).classNames, ["0", "1", "2"]);
  const classNames = ["a", "b", "c", "d"];
  const named = await idxDataset({ ...files, classNames });
  assertEquals(named.classNames, classNames);
  assertEquals(classCounts(named), [1, 0, 2, 0]);
});

Deno.test("idxDataset() takes images with channels", async () => {
  await using folder = await makeFolder();
  const images = { ...IMAGES, shape: [3, 1, 2, 2] };
  const { image } = (await idxDataset(_write(folder, { images }))).get(2);
  assertEquals([image.height, image.width, image.channels], [1, 2, 2]);
  assertEquals([...image.data], [160, 180, 200, 220]);
});

Deno.test("idxDataset() takes addresses, with a space in the path", async () => {
  await using folder = await makeFolder();
  await Deno.mkdir(`${folder.path}/my data`);
  const { images, labels } = _write({ path: `${folder.path}/my data` }, {});
  const dataset = await idxDataset({
    images: pathToFileURL(String(images)),
    labels: pathToFileURL(String(labels)),
  });
  assertEquals(dataset.length, 3);
});

Deno.test("idxDataset() reads the files of Fashion-MNIST as loadFashionMnist() does", async () => {
  const { test } = await loadFashionMnist({ source: "sample" });
  const dataset = await idxDataset({
    images: new URL("t10k-images-idx3-ubyte.gz", SAMPLE),
    labels: new URL("t10k-labels-idx1-ubyte.gz", SAMPLE),
    classNames: test.dataset.classNames,
  });
  assertEquals(dataset.length, test.dataset.length);
  assertEquals(String(dataset), String(test.dataset));
  const last = dataset.length - 1;
  assertEquals(dataset.get(last), test.dataset.get(last));
  const [own, known] = [dataset, test.dataset]
    .map((either) => storedImages(wholeOf(either).whole)!);
  assertEquals(own.data.length, 500 * 28 * 28);
  assert(own.data.every((value, i) => value === known.data[i]));
});

Deno.test("idxDataset() says which file is missing", async () => {
  await using folder = await makeFolder();
  const files = _write(folder, {});
  for (const what of ["images", "labels"] as const) {
    const path = `${folder.path}/${what}-none`;
    await _checkDataError({ ...files, [what]: path }, path, "Cannot read");
  }
  await _checkDataError({ ...files, images: folder.path }, folder.path, "");
});

Deno.test("idxDataset() says which file is not IDX", async () => {
  await using folder = await makeFolder();
  const files = _write(folder, {});
  const path = `${folder.path}/notes`;
  for (const text of ["", "\0", "Not of images."]) {
    await Deno.writeTextFile(path, text);
    await _checkDataError({ ...files, labels: path }, path, "as an IDX file");
  }
  await Deno.writeFile(path, gzipSync(new TextEncoder().encode("Nor is this")));
  await _checkDataError({ ...files, images: path }, path, "as an IDX file");
});

Deno.test("idxDataset() says which gz file is damaged, be it by one bit", async () => {
  await using folder = await makeFolder();
  const files = _write(folder, { isGz: true });
  const bytes = await Deno.readFile(files.images);
  const path = `${folder.path}/damaged`;
  for (const numBytes of [2, 12, bytes.length - 9, bytes.length - 1]) {
    await Deno.writeFile(path, bytes.subarray(0, numBytes));
    await _checkDataError({ ...files, images: path }, path, "Cannot read");
  }
  // From the first byte that is compressed to the last of checksum and length.
  for (let place = 10; place < bytes.length; place++) {
    const changed = bytes.slice();
    changed[place] ^= 16;
    await Deno.writeFile(path, changed);
    await _checkDataError({ ...files, images: path }, path, "Cannot read");
  }
});

Deno.test("idxDataset() names both files when they do not go together", async () => {
  await using folder = await makeFolder();
  const files = _write(folder, {
    labels: { shape: [2], data: Uint8Array.of(0, 1) },
  });
  const error = await assertRejects(() => idxDataset(files), ShapeError);
  for (const text of [files.images, files.labels, "3 images", "2 labels"]) {
    assertStringIncludes(error.message, String(text));
  }
  assertEquals(error.message.includes("\n"), false);
});

Deno.test("idxDataset() notices images and labels the wrong way round", async () => {
  await using folder = await makeFolder();
  const { images, labels } = _write(folder, {});
  await _checkDataError(
    { images: labels, labels: images },
    String(images),
    "1 dimension",
  );
  await _checkDataError(
    { images: labels, labels },
    String(labels),
    "[count, height, width]",
  );
});

Deno.test("idxDataset() says which label has no class name", async () => {
  await using folder = await makeFolder();
  const files = _write(folder, {});
  const error = await assertRejects(
    () => idxDataset({ ...files, classNames: ["a", "b"] }),
    OptionError,
    `labels[0] in ${files.labels}`,
  );
  assertEquals(error.message.includes("\n"), false);
});

/** Writes both files. */
function _write(
  { path }: Pick<Folder, "path">,
  { images = IMAGES, labels = LABELS, isGz = false }: {
    images?: IdxArray;
    labels?: IdxArray;
    isGz?: boolean;
  },
): IdxDatasetOptions {
  const write = (name: string, array: IdxArray): string => {
    const bytes = encodeIdx(array);
    Deno.writeFileSync(`${path}/${name}`, isGz ? gzipSync(bytes) : bytes);
    return `${path}/${name}`;
  };
  return { images: write("images", images), labels: write("labels", labels) };
}

/** That the error is one line that names the file. */
async function _checkDataError(
  options: IdxDatasetOptions,
  path: string,
  text: string,
): Promise<void> {
  const error = await assertRejects(() => idxDataset(options));
  assertInstanceOf(error, DataError);
  assertEquals(error.path, path);
  assertStringIncludes(error.message, path);
  assertStringIncludes(error.message, text);
  assertEquals(error.message.includes("\n"), false);
}
