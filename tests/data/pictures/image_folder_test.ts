/** Tests of folders of images. */

import {
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { encode } from "fast-png";
import { dirname } from "node:path";
import { pathToFileURL } from "node:url";
import {
  classCounts,
  type Dataset,
  labelsOf,
} from "../../../src/data/dataset.ts";
import {
  imageFolder,
  openImageFolder,
} from "../../../src/data/pictures/image_folder.ts";
import { DataLoader } from "../../../src/data/loader/data_loader.ts";
import { loadImage } from "../../../src/data/pictures/load_image.ts";
import { compose, resize, toTensor } from "../../../src/data/transforms/mod.ts";
import { originOf } from "../../../src/data/modules.ts";
import { DataError, OptionError } from "../../../src/errors.ts";
import { makeFolder } from "../folder.ts";
import { jpegFile, withOrientation } from "../jpeg_file.ts";
import golden from "../../golden/images.json" with { type: "json" };

const JPEG = Uint8Array.fromBase64(golden.jpeg[1].file);

Deno.test("imageFolder() has a class per sub-folder, and its files, both sorted", async () => {
  await using folder = await makeFolder();
  const names = ["b/2.png", "b/10.png", "B/z.png", "c/1.png", "a b/é.png"];
  names.forEach((name, i) => _write(`${folder.path}/${name}`, _png(i)));
  const dataset = await imageFolder(folder.path);
  assertEquals(dataset.classNames, ["B", "a b", "b", "c"]);
  assertEquals(_firstValues(dataset), [2, 4, 1, 0, 3]);
  assertEquals(_labels(dataset), [0, 1, 2, 2, 3]);
  assertEquals(classCounts(dataset), [1, 1, 2, 1]);
  assertEquals(
    Deno.inspect(dataset),
    "5 images in 4 classes: B 1, a b 1, b 2, c 1",
  );
  for (const index of [-1, 5, 0.5]) {
    assertThrows(() => dataset.get(index), OptionError, "from 0 to 4");
  }
});

Deno.test("imageFolder() has files of deeper folders too", async () => {
  await using folder = await makeFolder();
  const names = ["a/deep/er/0.png", "a/1.png", "a/deep.png", "b/only/2.png"];
  names.forEach((name, i) => _write(`${folder.path}/${name}`, _png(i)));
  const dataset = await imageFolder(folder.path);
  assertEquals(dataset.classNames, ["a", "b"]);
  assertEquals(_labels(dataset), [0, 0, 0, 1]);
  assertEquals(_firstValues(dataset), [1, 2, 0, 3]);
});

Deno.test("imageFolder() follows links to folders and to files", async () => {
  await using folder = await makeFolder();
  const { path } = folder;
  _write(`${path}/elsewhere/0.png`, _png(7));
  _write(`${path}/images/a/1.png`, _png(8));
  Deno.symlinkSync(`${path}/elsewhere`, `${path}/images/b`);
  Deno.symlinkSync(`${path}/elsewhere/0.png`, `${path}/images/a/2.png`);
  Deno.symlinkSync(`${path}/nowhere`, `${path}/images/c`);
  const dataset = await imageFolder(`${path}/images`);
  assertEquals(dataset.classNames, ["a", "b"]);
  assertEquals(_firstValues(dataset), [8, 7, 7]);
});

Deno.test("imageFolder() does not go round in a circle of links", async () => {
  await using folder = await makeFolder();
  const { path } = folder;
  _write(`${path}/a/x/1.png`, _png(1));
  _write(`${path}/a/y/2.png`, _png(2));
  Deno.symlinkSync(`${path}/a`, `${path}/a/x/up`);
  Deno.symlinkSync(`${path}/a`, `${path}/a/y/up`);
  assertEquals(_firstValues(await imageFolder(path)), [1, 2]);
});

Deno.test("imageFolder() passes over links that lead to themselves or nowhere, and refuses them for images", async () => {
  await using folder = await makeFolder();
  const { path } = folder;
  _write(`${path}/a/1.png`, _png(1));
  Deno.symlinkSync(`${path}/self`, `${path}/self`);
  Deno.symlinkSync(`${path}/a/self`, `${path}/a/self`);
  Deno.symlinkSync(`${path}/a/1.png/below`, `${path}/a/below`);
  assertEquals(_firstValues(await imageFolder(path)), [1]);
  Deno.symlinkSync(`${path}/a/self.png`, `${path}/a/self.png`);
  const error = await assertRejects(() => imageFolder(path));
  _checkError(error, `${path}/a/self.png`, ["replace or delete"]);
});

Deno.test("imageFolder() takes .png, .jpg and .jpeg in either case, counts other pictures, and passes over other files", async () => {
  await using folder = await makeFolder();
  const { path } = folder;
  ["1.png", "2.PNG"].forEach((name) => _write(`${path}/a/${name}`, _png(9)));
  for (const name of ["3.jpg", "4.JPG", "5.jpeg", "6.Jpeg"]) {
    _write(`${path}/a/${name}`, JPEG);
  }
  const others = ["notes.txt", "png", "x.png.bak", "Thumbs.db", ".png~"];
  for (const name of [...others, "7.gif", "8.WebP", "deep/9.webp"]) {
    _write(`${path}/a/${name}`, new Uint8Array());
  }
  _write(`${path}/README.md`, new Uint8Array());
  _write(`${path}/0.png`, _png(1));
  const warnings: string[] = [];
  const onWarning = (message: string) => warnings.push(message);
  const dataset = await imageFolder(path, { onWarning });
  assertEquals(dataset.classNames, ["a"]);
  assertEquals(warnings, [`${path}: left out 3 files: 1 gif, 2 webp`]);
  assertEquals(dataset.leftOut, [
    { path: `${path}/a/7.gif`, reason: "gif" },
    { path: `${path}/a/8.WebP`, reason: "webp" },
    { path: `${path}/a/deep/9.webp`, reason: "webp" },
  ]);
  const widths = _indices(dataset).map((i) => dataset.get(i).image.width);
  assertEquals(widths, [2, 2, 13, 13, 13, 13]);
});

Deno.test("imageFolder() reads what a file is from its content, not from its name", async () => {
  await using folder = await makeFolder();
  _write(`${folder.path}/a/1.png`, JPEG);
  assertEquals((await imageFolder(folder.path)).get(0).image.width, 13);
});

Deno.test("imageFolder() has images of the channels asked for, 3 by default", async () => {
  await using folder = await makeFolder();
  const { path } = folder;
  const colors = Uint8Array.of(255, 0, 0, 0, 0, 255);
  const grey = { width: 2, height: 1, data: colors.subarray(0, 2) };
  _write(`${path}/a/1.png`, encode({ ...grey, data: colors, channels: 3 }));
  _write(`${path}/a/2.png`, encode({ ...grey, channels: 1 }));
  const images = async (options: { channels?: 1 | 3 }): Promise<unknown[]> => {
    const dataset = await imageFolder(path, options);
    return _indices(dataset).map((i) => {
      const { data, ...shape } = dataset.get(i).image;
      assertEquals(shape, {
        width: 2,
        height: 1,
        channels: options.channels ?? 3,
        maxValue: 255,
      });
      return [...data];
    });
  };
  const three = [[255, 0, 0, 0, 0, 255], [255, 255, 255, 0, 0, 0]];
  assertEquals(await images({}), three);
  assertEquals(await images({ channels: 3 }), three);
  assertEquals(await images({ channels: 1 }), [[76, 29], [255, 0]]);
  for (const channels of [2, 4, 0, NaN] as unknown as 1[]) {
    await assertRejects(
      () => imageFolder(path, { channels }),
      OptionError,
      "1 or 3",
    );
  }
});

Deno.test("imageFolder() takes an address, of whatever characters", async () => {
  await using folder = await makeFolder();
  const root = `${folder.path}/my flowers, 100% #1?`;
  _write(`${root}/a/1.png`, _png(5));
  assertEquals(_firstValues(await imageFolder(pathToFileURL(root))), [5]);
  assertEquals(_firstValues(await imageFolder(root)), [5]);
});

Deno.test("imageFolder() passes over what other programs put into folders", async () => {
  await using folder = await makeFolder();
  const { path } = folder;
  for (const name of ["cat/1.png", "dog/2.png"]) {
    _write(`${path}/${name}`, _png(1));
  }
  const hidden = [".ipynb_checkpoints", ".git", "__MACOSX", "@eaDir"];
  for (const name of hidden) {
    _write(`${path}/${name}/cat/1.png`, _png(2));
    _write(`${path}/cat/${name}/1-checkpoint.png`, _png(2));
  }
  for (const name of ["cat/._1.png", "dog/.2.png", "dog/.3.webp"]) {
    _write(`${path}/${name}`, Uint8Array.of(0, 5, 22, 7));
  }
  const onWarning = (message: string) => assertEquals(message, "none");
  const dataset = await imageFolder(path, { onWarning });
  assertEquals(dataset.classNames, ["cat", "dog"]);
  assertEquals([_labels(dataset), dataset.leftOut], [[0, 1], []]);
});

Deno.test("imageFolder() keeps the labels of the class names that it is given", async () => {
  await using folder = await makeFolder();
  const { path } = folder;
  _write(`${path}/white/1.png`, _png(1));
  _write(`${path}/black/2.png`, _png(2));
  const classNames = ["white", "grey", "black"];
  const dataset = await imageFolder(path, { classNames });
  assertEquals([dataset.classNames, _labels(dataset)], [classNames, [0, 2]]);
  assertEquals(_firstValues(dataset), [1, 2]);
  assertEquals(classCounts(dataset), [1, 0, 1]);
  const refused = await assertRejects(() =>
    imageFolder(path, { classNames: ["black", "grey"] })
  );
  const text = "add it to classNames (black, grey), or move it away";
  _checkError(refused, `${path}/white`, [text]);
  for (const classNames of [[], ["black", "white", "black"]]) {
    await assertRejects(() => imageFolder(path, { classNames }), OptionError);
  }
  Deno.removeSync(`${path}/white/1.png`);
  Deno.removeSync(`${path}/black/2.png`);
  const empty = await assertRejects(() => imageFolder(path, { classNames }));
  _checkError(empty, `${path}/white`, ["must contain PNG or JPEG files"]);
});

Deno.test("imageFolder() refuses files that are empty or something else, by name, or leaves them out", async () => {
  await using folder = await makeFolder();
  const { path } = folder;
  const files: [name: string, content: string, reason: string][] = [
    ["1.jpg", "", "it is empty"],
    ["2.jpg", "RIFF\x10\0\0\0WEBPVP8 ", "it is a WebP file"],
    ["3.png", "An image, it is not.", "it is neither PNG nor JPEG"],
    ["4.png", "\0\0\0\0", "it is neither PNG nor JPEG"],
    ["5.jpg", "GIF89a", "it is a GIF file"],
    ["6.jpeg", "\0\0\0\x1cftypavif", "it is an AVIF file"],
  ];
  for (const [name, text] of files) {
    const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
    _write(`${path}/a/${name}`, bytes);
  }
  _write(`${path}/a/7.png`, _png(9));
  _write(`${path}/a/8.webp`, new Uint8Array());
  const error = await assertRejects(() => imageFolder(path));
  _checkError(error, `${path}/a/1.jpg`, [
    `Cannot read 6 of the images in ${path}: `,
    ...files.slice(0, 5).map(([name, , reason]) =>
      `${path}/a/${name} (${reason}`
    ),
    " and 1 more: replace or delete",
    "skipBad: true",
  ]);
  let warning = "";
  const options = {
    skipBad: true,
    onWarning: (text: string) => warning = text,
  };
  const dataset = await imageFolder(path, options);
  assertEquals(_firstValues(dataset), [9]);
  assertEquals(dataset.leftOut.length, 7);
  for (const text of ["left out 7 files: ", "1 bad (it is empty)", "1 webp"]) {
    assertStringIncludes(warning, text);
  }
  Deno.removeSync(`${path}/a/7.png`);
  const none = await assertRejects(() => imageFolder(path, options));
  _checkError(none, `${path}/a`, ["PNG or JPEG files (left out 7 files: "]);
});

Deno.test("imageFolder() and loadImage() see a file alike", async () => {
  await using folder = await makeFolder();
  const { path } = folder;
  const rgba = Uint8Array.from({ length: 9 * 20 * 4 }, (_, i) => i * 31 % 253);
  const size = { width: 20, height: 9 };
  const turned = jpegFile(size, (y, x) => 10 * x + 3 * y);
  _write(`${path}/a/1.png`, encode({ ...size, data: rgba, channels: 4 }));
  _write(`${path}/a/2.jpg`, withOrientation(turned, 6));
  _write(`${path}/a/3.jpg`, JPEG);
  const values = [];
  for (const fit of ["stretch", "crop", "pad"] as const) {
    for (const channels of [1, 3] as const) {
      for (const form of [{}, { background: 200 }, { invert: true }]) {
        const { background } = form as { background?: number };
        const dataset = await imageFolder(path, { channels, ...form });
        const loader = new DataLoader(dataset, {
          batchSize: 3,
          transform: compose([resize(12, { fit, background }), toTensor()]),
        });
        const { images } = loader.loadBatch([0, 1, 2]);
        const seen = await Promise.all(
          ["1.png", "2.jpg", "3.jpg"].map((name) =>
            loadImage(`${path}/a/${name}`, { ...form, size: 12, channels, fit })
          ),
        );
        assertEquals(seen.flatMap(({ data }) => [...data]), [...images]);
        values.push(images.join());
      }
    }
  }
  assertEquals(new Set(values).size, values.length);
  const { image } = (await imageFolder(path)).get(1);
  assertEquals([image.height, image.width], [20, 9]);
  const own = await loadImage(`${path}/a/2.jpg`, { size: "own", channels: 3 });
  assertEquals(own.data, toTensor()(image).data);
});

Deno.test("imageFolder() knows labels without decoding files", async () => {
  await using folder = await makeFolder();
  for (const name of ["a/1.png", "b/2.png", "b/3.jpg"]) {
    _write(`${folder.path}/${name}`, _png(1));
  }
  const dataset = await imageFolder(folder.path);
  await Deno.remove(`${folder.path}/b`, { recursive: true });
  assertEquals(_labels(dataset), [0, 1, 1]);
  assertEquals(String(dataset), "3 images in 2 classes: a 1, b 2");
});

Deno.test("openImageFolder() makes the same of the listing that a worker is sent", async () => {
  await using folder = await makeFolder();
  ["a/1.png", "b/2.png"].forEach((name, i) =>
    _write(`${folder.path}/${name}`, _png(i))
  );
  const dataset = await imageFolder(folder.path, { channels: 1 });
  const { name, args } = originOf(dataset)!;
  assertEquals(name, "openImageFolder");
  type Args = Parameters<typeof openImageFolder>;
  const again = await openImageFolder(...structuredClone(args) as Args);
  for (const i of [0, 1]) assertEquals(again.get(i), dataset.get(i));
  assertEquals(String(again), String(dataset));
});

Deno.test("imageFolder() says which file is damaged and what to do, when its sample is asked for", async () => {
  await using folder = await makeFolder();
  const png = _png(3);
  const files: [string, Uint8Array][] = [
    ["1 cut off.png", png.subarray(0, png.length - 20)],
    ["2 cut off.jpg", JPEG.subarray(0, JPEG.length - 20)],
  ];
  for (const [name, bytes] of files) _write(`${folder.path}/a/${name}`, bytes);
  _write(`${folder.path}/a/5.png`, png);
  const dataset = await imageFolder(folder.path);
  files.forEach(([name], i) => {
    const path = `${folder.path}/a/${name}`;
    _checkError(assertThrows(() => dataset.get(i)), path, [
      "as an image",
      "replace or delete it",
    ]);
  });
  assertEquals(dataset.get(2).image.data[0], 3);
  await Deno.remove(`${folder.path}/a/5.png`);
  const missing = assertThrows(() => dataset.get(2));
  _checkError(missing, `${folder.path}/a/5.png`, ["No such file"]);
});

Deno.test("imageFolder() says what is wrong with a folder", async () => {
  await using folder = await makeFolder();
  const { path } = folder;
  const refused = async (path: string, culprit: string, text: string) =>
    _checkError(await assertRejects(() => imageFolder(path)), culprit, [text]);
  await refused(`${path}/none`, `${path}/none`, "name a folder of images");
  await refused(path, path, "a sub-folder for each class");
  _write(`${path}/1.png`, _png(1));
  await refused(path, path, "a sub-folder for each class");
  await refused(`${path}/1.png`, `${path}/1.png`, "name a folder of images");
  _write(`${path}/a/1.png`, _png(1));
  _write(`${path}/b/notes.txt`, new Uint8Array());
  await refused(path, `${path}/b`, "must contain PNG or JPEG files");
});

/** A PNG file of 2x1 greys, the first of which is given. */
function _png(first: number): Uint8Array {
  const data = Uint8Array.of(first, 100);
  return encode({ width: 2, height: 1, data, channels: 1 });
}

function _write(path: string, bytes: Uint8Array): void {
  Deno.mkdirSync(dirname(path), { recursive: true });
  Deno.writeFileSync(path, bytes);
}

function _indices({ length }: Dataset): number[] {
  return Array.from({ length }, (_, i) => i);
}

function _firstValues(dataset: Dataset): number[] {
  return _indices(dataset).map((i) => dataset.get(i).image.data[0]);
}

function _labels(dataset: Dataset): number[] {
  return Array.from(labelsOf(dataset));
}

/** That the error is one line that names the path and says certain things. */
function _checkError(error: unknown, path: string, texts: string[]): void {
  assertInstanceOf(error, DataError);
  assertEquals(error.path, path);
  for (const text of [path, ...texts]) {
    assertStringIncludes(error.message, text);
  }
  assertEquals(error.message.includes("\n"), false);
}
