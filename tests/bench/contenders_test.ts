import { assertAlmostEquals, assertEquals, assertMatch } from "@std/assert";
import {
  type Contender,
  findTorch,
  listContenders,
  readFailure,
} from "../../bench/contenders.ts";
import {
  findOneDnn,
  LIBRARY_VARIABLE,
} from "../../src/device/onednn/library/library.ts";
import { alexnetLayers } from "../../src/models/alexnet.ts";
import { lenetLayers } from "../../src/models/lenet.ts";
import { summarize } from "../../src/nn/sequential.ts";
import { type Outcome, run } from "../cli/program.ts";

const { library, missing } = findOneDnn();
const torch = await findTorch();

Deno.test("listContenders() lists TensorFlow.js and this package on WebGPU, unless it is asked for others", async () => {
  const names = (contenders: readonly Contender[]) =>
    contenders.map(({ name }) => name);
  const plain = await listContenders({ peers: false });
  assertEquals(names(plain.contenders), ["stock", "registered", "ours"]);
  const some = await listContenders({ peers: false, only: ["jax", "ours"] });
  assertEquals(names(some.contenders), ["ours", "jax"]);
  assertEquals([...plain.absent, ...some.absent], []);
});

Deno.test({
  name: `compare.ts trains on the CPU, and says with which library${
    missing ? ` (ignored, as ${missing})` : ""
  }`,
  ignore: missing !== undefined,
  async fn() {
    const { code, stdout } = await compare(["--only", "ours-cpu", "--json"]);
    assertEquals(code, 0);
    const { rows, absent, adapter } = JSON.parse(stdout);
    assertEquals([absent, adapter, rows.length], [[], null, 1]);
    const [{ what, stepMs, imagesPerSecond }] = rows;
    assertEquals(
      what,
      `alexnet() and fit(), --device cpu, oneDNN ${library!.version}`,
    );
    const [, middle] = stepMs.toSorted((a: number, b: number) => a - b);
    assertEquals(stepMs.length, 3);
    assertAlmostEquals(imagesPerSecond, 1000 / middle, 1e-9);
  },
});

Deno.test("compare.ts leaves the CPU out without the library, and is content", async () => {
  const { code, stdout } = await compare(["--only", "ours-cpu"], {
    [LIBRARY_VARIABLE]: "/nonexistent.so",
  });
  const lines = stdout.trim().split("\n");
  assertEquals([code, lines.length], [0, 2]);
  assertMatch(lines[1], /^ours-cpu: left out: .*\/nonexistent\.so/);
});

Deno.test("compare.ts refuses names that are of nobody", async () => {
  const { code, stderr } = await compare(["--only", "ours,theirs"]);
  assertEquals(code, 2);
  assertMatch(stderr, /^error: Cannot use --only theirs: the names are stock,/);
});

Deno.test("compare.ts refuses words that it does not know, and says which it does", async () => {
  for (const word of ["--round", "more"]) {
    const { code, stderr } = await compare([word]);
    assertEquals(code, 2);
    assertMatch(stderr, new RegExp(`^error: Unknown argument ${word}: deno`));
  }
});

Deno.test("readFailure() finds the message of Deno's and Python's errors", () => {
  const deno = `Check file:///a.ts
error: Uncaught (in promise) BackendError: no adapter
    at file:///a.ts:1:1`;
  assertEquals(readFailure(deno), "BackendError: no adapter");
  const caused = `error: Failed loading
    0: no such file
    1: else`;
  assertEquals(readFailure(caused), "Failed loading: no such file");
  const python = `Traceback (most recent call last):
  File "a.py", line 1, in <module>
torch.cuda.OutOfMemoryError: too large`;
  assertEquals(
    readFailure(python),
    "torch.cuda.OutOfMemoryError: too large",
  );
  assertEquals(readFailure("killed"), undefined);
});

for (
  const [model, { layers, inputShape }] of [
    ["alexnet", alexnetLayers()],
    ["lenet", lenetLayers()],
  ] as const
) {
  const reason = typeof torch === "string" ? ` (ignored, ${torch})` : "";
  Deno.test({
    name:
      `torch_step.py --model ${model} trains as many parameters as ours${reason}`,
    ignore: reason !== "",
    async fn() {
      const [contender] = await findTorch({ model, steps: 2 }) as Contender[];
      const { program, args } = contender.command;
      const { code, stdout } = await run(program, {
        args: [...args, "2", "2"],
      });
      assertEquals(code, 0);
      const { stepMs, losses, parameters } = JSON.parse(stdout);
      assertEquals([stepMs.length, losses.length], [2, 2]);
      const rows = summarize(layers, inputShape);
      const expected = rows.reduce((sum, { params }) => sum + params, 0);
      assertEquals(parameters, expected);
    },
  });
}

/** A round of one image. */
function compare(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Outcome> {
  const common = ["bench/compare.ts", "--batch-size", "1", "--rounds", "1"];
  return run(Deno.execPath(), { args: ["run", "-A", ...common, ...args], env });
}
