/** Tests of `data show`: what it prints, and the pixels of what it writes. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { decode } from "fast-png";
import { loadFashionMnist } from "../../../src/data/fashion_mnist/fashion_mnist.ts";
import type { ArrayBatch } from "../../../src/data/loader/batch.ts";
import { MANIFEST } from "../../../src/data/fashion_mnist/manifest.ts";
import {
  compose,
  randomCrop,
  randomHorizontalFlip,
} from "../../../src/data/transforms/mod.ts";
import { assertOneLineError, runMain } from "../program.ts";
import { TERMINAL_OBSTACLE, typescriptOf } from "../terminal.ts";

const { classNames } = MANIFEST;
const FOLDER = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => {
  Deno.removeSync(FOLDER, { recursive: true });
});

/** Runs `data show` on the sample; gives what it printed and the picture that it wrote. */
async function show(...args: string[]) {
  const output = `${FOLDER}/sheet.png`;
  const { code, stdout, stderr } = await runMain([
    ...["data", "show", "--source", "sample", "--output", output],
    ...args,
  ]);
  assertEquals([code, stderr], [0, ""]);
  const [data, batches, empty, ...rest] = stdout.trimEnd().split("\n");
  assertEquals([empty, rest.pop()], ["", `wrote ${output}`]);
  const sheet = rest.join("\n");
  return { data, batches, sheet, picture: decode(Deno.readFileSync(output)) };
}

/** Number and first word of each caption. */
function captionsIn(sheet: string): string[] {
  return sheet.match(/\b\d+: [a-z-]+/g) ?? [];
}

function captionsOf(labels: ArrayLike<number>): string[] {
  return Array.from(
    labels,
    (label, i) => `${i}: ${classNames[label].match(/^[a-z-]+/)?.[0]}`,
  );
}

/** Compares the images of a picture with a batch, in levels of grey. */
function assertPicture(
  picture: ReturnType<typeof decode>,
  { images, shape: [count, height, width] }: ArrayBatch,
  { scale, columns, levels }: {
    scale: number;
    columns: number;
    levels: number;
  },
): void {
  // See src/io/contact_sheet.ts: gaps of 4 pixels, captions of 7 beneath a gap of 2.
  const [cellWidth, cellHeight] = [
    scale * width + 4,
    scale * height + 2 + 7 + 4,
  ];
  assertEquals(picture.width, 4 + columns * cellWidth);
  let worst = 0;
  for (let i = 0; i < count; i++) {
    const left = 4 + (i % columns) * cellWidth;
    const top = 4 + Math.floor(i / columns) * cellHeight;
    for (let y = 0; y < scale * height; y++) {
      for (let x = 0; x < scale * width; x++) {
        const index = (i * height + Math.floor(y / scale)) * width +
          Math.floor(x / scale);
        const at = ((top + y) * picture.width + left + x) * 3;
        for (const level of picture.data.subarray(at, at + 3)) {
          worst = Math.max(worst, Math.abs(level - 255 * images[index]));
        }
      }
    }
  }
  assert(worst <= levels, `a pixel is off by ${worst} levels`);
}

Deno.test("data show prints twelve images of the train split, four in a row, and writes their pixels", async () => {
  const { data, batches, sheet, picture } = await show();
  assertMatch(data, /^data: 2000 images in 10 classes: t-shirt\/top 194, /);
  assertMatch(
    batches,
    /^batches: scale to \[0, 1\]; made on the (device|host)/,
  );
  // The first labels of Fashion-MNIST's train split.
  const labels = [9, 0, 0, 3, 0, 2, 7, 2, 5, 5, 0, 9];
  assertEquals(captionsIn(sheet), captionsOf(labels));
  const lines = sheet.trimEnd().split("\n");
  // 28 rows of pixels, a caption and an empty line.
  assertEquals(lines.length, 3 * (14 + 2) - 1);
  const pictures = lines.filter((_, i) => i % 16 < 14);
  assertEquals(new Set(pictures.map((line) => line.length)), new Set([118]));
  assertMatch(pictures.join(""), /^[ .:\-=+*#%@]+$/);
  const { train } = await loadFashionMnist({ source: "sample" });
  const expected = train.loadBatch(labels.map((_, i) => i));
  // Bytes come back exactly.
  assertPicture(picture, expected, { scale: 2, columns: 4, levels: 1e-4 });
});

Deno.test("data show writes any batch as the network sees it", async () => {
  const { batches, sheet, picture } = await show(
    ...["--batch-size", "9", "--batch", "5", "--at-epoch", "3", "--seed", "8"],
    ...["--resize", "100", "--augment", "crop,flip"],
  );
  assertMatch(
    batches,
    /^batches: crop a random 28x28 .+, flip .+, resize to 100x100, scale to \[0, 1\]; made on the /,
  );
  const { train } = await loadFashionMnist({
    source: "sample",
    batchSize: 9,
    seed: 8,
    resize: 100,
    augment: compose([randomCrop(28, { padding: 4 }), randomHorizontalFlip()]),
    path: "host",
  });
  const { value } = await train.arrays({ epoch: 2, firstBatch: 4 }).next();
  const expected = value!;
  assertEquals(captionsIn(sheet), captionsOf(expected.labels));
  // Rounded to a level, and on the device interpolated in float32.
  assertPicture(picture, expected, { scale: 1, columns: 3, levels: 0.501 });
});

Deno.test("data show --split test --count prints the first test images", async () => {
  const { sheet } = await show("--split", "test", "--count", "5");
  // Ankle boot, pullover, trouser, trouser, shirt.
  assertEquals(captionsIn(sheet), captionsOf([9, 2, 1, 1, 6]));
});

Deno.test("data show --count prints no more images than there are", async () => {
  const { sheet } = await show("--split", "test", "--count", "9999");
  const captions = captionsIn(sheet);
  assertEquals(captions.length, 500);
  assert(captions[499].startsWith("499: "));
});

Deno.test("data show refuses a batch that there is not, and a folder that there is not, and writes nothing", async () => {
  const show = ["data", "show", "--source", "sample", "--batch-size", "1000"];
  const output = `${FOLDER}/none.png`;
  assertOneLineError(
    await runMain([...show, "--batch", "3", "--output", output]),
    { code: 2, message: /--batch 3 of train: it has 2 batches of 1000 images/ },
  );
  assertOneLineError(
    await runMain([...show, "--output", `${FOLDER}/none/sheet.png`]),
    { code: 2, message: /--output .* as there is no folder .*: create it/ },
  );
  assertEquals([...Deno.readDirSync(FOLDER)].map(({ name }) => name), [
    "sheet.png",
  ]);
});

Deno.test("data show refuses an epoch that there is not, and changes of test images", async () => {
  const show = ["data", "show", "--source", "sample"];
  const message = /--at-epoch .+ an integer from 1 to 4294967296: current/;
  for (const epoch of ["0", "4294967297", "99999999999"]) {
    const outcome = await runMain([...show, "--at-epoch", epoch]);
    assertOneLineError(outcome, { code: 2, message });
  }
  for (const option of [["--at-epoch", "1"], ["--augment", "flip"]]) {
    assertOneLineError(
      await runMain([...show, "--split", "test", ...option]),
      {
        code: 2,
        message: new RegExp(`Cannot use ${option[0]} with --split test: only`),
      },
    );
  }
});

Deno.test("data show starts no workers for its one batch, and takes it of the last epoch that there is", async () => {
  const { batches } = await show(
    ...["--device", "cpu", "--at-epoch", "4294967296"],
  );
  assertMatch(batches, /; made on the host, without workers, as /);
});

Deno.test({
  name: "data show prints the picture itself on a terminal that shows images",
  ignore: TERMINAL_OBSTACLE !== undefined,
  async fn() {
    const output = `${FOLDER}/terminal.png`;
    const typescript = await typescriptOf([
      ...["mod.ts", "data", "show", "--source", "sample", "--count", "2"],
      ...["--output", output],
    ], { env: { TERM: "xterm-kitty", TERM_PROGRAM: "", TMUX: "" } });
    // The kitty graphics protocol: chunks of base64 between these.
    // deno-lint-ignore no-control-regex -- reads the escape sequences of a terminal
    const chunks = typescript.matchAll(/\x1b_G[^;]*;([^\x1b]*)\x1b\\/g);
    const base64 = [...chunks].map(([, chunk]) => chunk).join("");
    assertEquals(Uint8Array.fromBase64(base64), Deno.readFileSync(output));
    assertEquals(captionsIn(typescript), []);
  },
});
