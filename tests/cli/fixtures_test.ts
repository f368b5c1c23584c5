/**
 * Tests that `predict` says of pictures what the evaluation says of the test images that they were made of, with the network
 * and the pictures of tests/fixtures/ (see the README there).
 */

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { fileName, INDICES, VARIANTS } from "../../scripts/make_fixtures.ts";
import { loadFashionMnist } from "../../src/data/fashion_mnist/fashion_mnist.ts";
import { MANIFEST } from "../../src/data/fashion_mnist/manifest.ts";
import { loadCheckpoint, restoreWeights } from "../../src/io/checkpoint.ts";
import { lenet } from "../../src/models/lenet.ts";
import { evaluatePredictions, type Predictions } from "../../src/train/mod.ts";
import { use, webgpuTest } from "../device.ts";
import { ROOT, runMain } from "./program.ts";

const FIXTURES = "tests/fixtures";
const CHECKPOINT = `${FIXTURES}/lenet.safetensors`;
const TEST_IMAGES = "data/sample/t10k-images-idx3-ubyte.gz";

/** A line of `predict --json`. */
interface Line {
  readonly image: string;
  readonly index?: number;
  readonly predictions: readonly {
    readonly label: number;
    readonly class: string;
    readonly probability: number;
  }[];
}

/** Every picture that is dark on light, or every one that is not, with its class. */
function pictures(
  isInverted: boolean,
): { path: string; label: number; isExact: boolean }[] {
  return VARIANTS.filter((variant) => variant.isInverted === isInverted)
    .flatMap(({ suffix, isExact = false }) =>
      MANIFEST.classNames.map((className, label) => ({
        path: `${FIXTURES}/pictures/${fileName(label, { className, suffix })}`,
        label,
        isExact,
      }))
    );
}

async function predict(args: readonly string[]): Promise<Line[]> {
  const { code, stdout, stderr } = await runMain([
    ...["predict", CHECKPOINT, "--json"],
    ...args,
  ]);
  assertEquals([code, stderr], [0, ""]);
  return stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
}

/** What the evaluation says of the test images of the sample. */
async function evaluation(device: "cpu" | "webgpu"): Promise<Predictions> {
  await use(device);
  const net = lenet();
  restoreWeights(net, await loadCheckpoint(`${ROOT}/${CHECKPOINT}`));
  const { test } = await loadFashionMnist({ source: "sample" });
  const predictions = await evaluatePredictions(net, test);
  net.dispose();
  return predictions;
}

for (const device of ["cpu", "webgpu"] as const) {
  const test = device === "webgpu" ? webgpuTest : Deno.test;
  test(`predict says of pictures and of test images what the evaluation says, mistakes included, on ${device}`, async () => {
    const { labels, predicted, probabilities } = await evaluation(device);
    const [upright, inverted] = [pictures(false), pictures(true)];
    const paths = [upright, inverted].map((all) => all.map(({ path }) => path));
    const options = ["--device", device];
    const lines = await predict([...options, ...paths[0], TEST_IMAGES]);
    const more = await predict([...options, ...paths[1], "--invert"]);
    const images = lines.splice(upright.length);
    lines.push(...more);
    assertEquals(lines.map(({ image }) => image), paths.flat());
    for (const [i, { predictions: [best] }] of lines.entries()) {
      const { path, label, isExact } = [...upright, ...inverted][i];
      const index = INDICES[label];
      assertEquals(labels[index], label);
      assertEquals(
        [best.label, best.class],
        [predicted[index], MANIFEST.classNames[predicted[index]]],
        path,
      );
      if (!isExact) continue;
      assertAlmostEquals(best.probability, probabilities[index], 1e-5, path);
    }

    assertEquals(images.length, labels.length);
    for (const [i, line] of images.entries()) {
      assertEquals([line.image, line.index], [TEST_IMAGES, i]);
      const [{ label, probability }] = line.predictions;
      assertEquals(label, predicted[i], `image ${i}`);
      assertAlmostEquals(probability, probabilities[i], 1e-5);
    }
    const mistakes = predicted.filter((label, i) => label !== labels[i]);
    assert(mistakes.length > 20 && mistakes.length < 100, `${mistakes.length}`);
  });
}

Deno.test("the pictures of tests/fixtures/ are what scripts/make_fixtures.ts makes", async () => {
  const { test: { dataset } } = await loadFashionMnist({ source: "sample" });
  for (const [label, className] of MANIFEST.classNames.entries()) {
    const { image, label: found } = dataset.get(INDICES[label]);
    assertEquals(found, label);
    for (const { suffix, encode } of VARIANTS) {
      const name = fileName(label, { className, suffix });
      const bytes = await Deno.readFile(`${ROOT}/${FIXTURES}/pictures/${name}`);
      assertEquals(bytes.toHex(), Uint8Array.from(encode(image)).toHex(), name);
    }
  }
});
