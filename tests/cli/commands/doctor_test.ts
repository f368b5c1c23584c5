/** Tests of `doctor`; where devices and libraries are hidden from it, as processes of their own. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import config from "../../../deno.json" with { type: "json" };
import { findOneDnn } from "../../../src/device/onednn/library/library.ts";
import { makeFolder, namesIn } from "../../data/folder.ts";
import {
  cacheIn,
  hasAdapter,
  NO_ADAPTER,
  NO_DEVICE,
  NO_LIBRARY,
  runMain,
  runProgram,
} from "../program.ts";

const adapterFound = await hasAdapter();
if (!adapterFound) {
  console.log("Tests of doctor are ignored: no WebGPU adapter");
}

Deno.test({
  name: "doctor prints versions, adapter, limits and features",
  ignore: !adapterFound,
  async fn() {
    const { code, stdout, stderr } = await runMain([
      ...["doctor", "--source", "sample"],
    ]);
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, new RegExp(`^${config.name} +${config.version}$`, "m"));
    assertMatch(stdout, new RegExp(`^deno +${Deno.version.deno} `, "m"));
    assertMatch(stdout, /^tensorflow\.js +4\.22\.0$/m);
    assertMatch(stdout, /^device +(WebGPU|CPU, oneDNN \d+\.\d+\.\d+), \S/m);
    assertMatch(stdout, /^adapter +WebGPU, \S/m);
    assertMatch(stdout, /^features +\S/m);
    assertMatch(
      stdout,
      /^maxStorageBufferBindingSize +\d+ \([\d.]+ [KMGT]iB\)$/m,
    );
    assertMatch(stdout, /^maxComputeInvocationsPerWorkgroup +\d+$/m);
    assertMatch(stdout, /^loop iterations +\S/m);
    assertMatch(stdout, /\nready to train\n$/);
  },
});

Deno.test({
  name: "doctor names the library that the CPU computes with",
  ignore: findOneDnn().library === undefined,
  async fn() {
    const { code, stdout, stderr } = await runProgram(
      ["doctor", "--source", "sample"],
      NO_ADAPTER,
    );
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, /^device +CPU, oneDNN \d+\.\d+\.\d+\b/m);
    assertMatch(stdout, /^oneDNN +\d+\.\d+\.\d+ \(\S+\), \S+.* threads$/m);
    assertMatch(stdout, /^adapter +none$/m);
    assertMatch(stdout, /\nready to train\n$/);
  },
});

Deno.test({
  name: "doctor names the missing data set, and downloads nothing",
  ignore: !adapterFound,
  async fn() {
    await using folder = await makeFolder();
    const { code, stdout, stderr } = await runMain([
      ...["doctor", "--data-dir", folder.path],
    ]);
    assertEquals([code, stderr], [1, ""]);
    assertMatch(stdout, /^data set +not usable$/m);
    assertMatch(
      stdout,
      /^problem: Cannot find train-images-idx3-ubyte\.gz .+`data fetch`/m,
    );
    assertMatch(stdout, /\n1 problem found\n$/);
    assertEquals(namesIn(folder.path), []);
  },
});

Deno.test("doctor names the missing adapter and library, and how to get them, and the data set besides", async () => {
  const { code, stdout, stderr } = await runProgram(
    ["doctor", "--data-dir", "/nonexistent"],
    NO_DEVICE,
  );
  assertEquals([code, stderr], [1, ""]);
  assertMatch(stdout, /^device +CPU, plain JavaScript$/m);
  assertMatch(stdout, /^oneDNN +ONEDNN_LIBRARY names "\/nonexistent", .+$/m);
  assertMatch(
    stdout,
    /^problem: .+ in plain JavaScript, .+ as no .+ \((install|update) .+\) and ONE.+$/m,
  );
  assertMatch(stdout, /^problem: Cannot find .+ in \/nonexistent .+$/m);
  assertMatch(stdout, /\n2 problems found\n$/);
});

Deno.test("doctor --device cpu without a library is not ready to train, whatever adapter there is", async () => {
  const { code, stdout, stderr } = await runProgram(
    ["doctor", "--device", "cpu", "--source", "sample", "--offline"],
    NO_LIBRARY,
  );
  assertEquals([code, stderr], [1, ""]);
  assertMatch(stdout, /^problem: .+ in plain JavaScript, .+ as ONEDNN_LIB.+$/m);
  assertMatch(stdout, /\n1 problem found\n$/);
});

Deno.test("doctor refuses options of a step without a step, and those of the checks with one", async () => {
  const refused = [
    ["--precision=float16", "without"],
    ["--source=sample --kernels", "with"],
    ["--data-dir=data --shader=x", "with"],
  ];
  for (const [flags, word] of refused) {
    const { code, stdout, stderr } = await runMain([
      ...["doctor", ...flags.split(" ")],
    ]);
    assertEquals([code, stdout], [2, ""]);
    const [name] = flags.split("=");
    const start = `error: Cannot use ${name} ${word} --kernels or --shader: `;
    assert(stderr.startsWith(start), stderr);
  }
});

/** A step that any device runs in a second. */
const STEP = ["--model", "lenet", "--batch-size", "8"];

Deno.test({
  name:
    "doctor --kernels lists operations, their ways and shaders, and --shader prints one of them",
  ignore: !adapterFound,
  async fn() {
    await using folder = await makeFolder();
    const env = await cacheIn(folder.path);
    const listed = await runMain(["doctor", "--kernels", ...STEP], env);
    assertEquals([listed.code, listed.stderr], [0, ""]);
    const [device, head, ...lines] = listed.stdout.trimEnd().split("\n");
    assertMatch(device, /^device: WebGPU, \S/);
    assertEquals(head, "a training step of lenet, 8 images, float32:");
    const operations = lines.filter((line) => !/^ *shader /.test(line));
    // Two convolutions and their gradients but one, and three dense layers with two gradients each.
    const [convolutions, products] = ["conv2d", "product of "].map(
      (words) => operations.filter((line) => line.includes(words)),
    );
    assertEquals([convolutions.length, products.length], [5, 5 + 9]);
    for (const line of convolutions) {
      assertMatch(
        line,
        /: direct; not winograd 4x4, winograd 2x2 \(channels not in fours\)$/,
      );
    }
    // A tile and others, and nothing was tuned.
    for (const line of products) {
      assertMatch(
        line,
        /: \d+x\d+(?: transposed)?; or \d+x\d+(?: transposed)?, .+$/,
      );
    }
    const names = lines.filter((line) => /^ *shader /.test(line))
      .map((line) => line.trim().slice("shader ".length));
    assertEquals(new Set(names).size, names.length);
    assert(names.includes("cross entropy,8,10,8"), listed.stdout);

    const args = ["doctor", ...STEP, "--shader"];
    const [name] = names;
    const { code, stdout, stderr } = await runMain([...args, name], env);
    assertEquals([code, stderr], [0, ""]);
    assert(stdout.startsWith(`// shader ${name}\n`));
    assertEquals(stdout.match(/@compute/g)?.length, 1);
    const matmul = await runMain([...args, "matmul"], env);
    assertEquals(
      matmul.stdout.match(/^\/\/ shader .*matmul/gm)?.length,
      names.filter((name) => name.includes("matmul")).length,
    );
    const none = await runMain([...args, "xyz", "--kernels"], env);
    assertEquals([none.code, none.stdout], [2, ""]);
    assertEquals(
      none.stderr,
      'error: Cannot use --shader as it must be part of the name of a shader that --kernels lists: current value is "xyz"\n',
    );
  },
});

Deno.test("doctor --kernels and --shader refuse the CPU, and say that there is no adapter", async () => {
  for (const flag of ["--kernels", "--shader=matmul"]) {
    const [name] = flag.split("=");
    const args = ["doctor", flag, ...STEP];
    const cpu = await runMain([...args, "--device", "cpu"]);
    assertEquals([cpu.code, cpu.stdout], [2, ""]);
    assertMatch(
      cpu.stderr,
      new RegExp(`^error: Cannot use ${name} with --device cpu: only WebGPU`),
    );
    const none = await runProgram(args, NO_ADAPTER);
    assertEquals([none.code, none.stdout], [1, ""]);
    assertMatch(
      none.stderr,
      /^error: Cannot use WebGPU as no adapter was found: /,
    );
  }
});
