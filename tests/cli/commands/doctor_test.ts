/**
 * Tests of `doctor`; where devices and libraries are hidden from it, as processes of their own.
 *
 * @module
 */

import { assertEquals, assertMatch } from "@std/assert";
import config from "../../../deno.json" with { type: "json" };
import { findOneDnn } from "../../../src/device/onednn/library/library.ts";
import { makeFolder, namesIn } from "../../data/folder.ts";
import {
  hasAdapter,
  NO_ADAPTER,
  NO_DEVICE,
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
    /^problem: no WebGPU adapter and no oneDNN, .+: (install|update) .+$/m,
  );
  assertMatch(stdout, /^problem: Cannot find .+ in \/nonexistent .+$/m);
  assertMatch(stdout, /\n2 problems found\n$/);
});
