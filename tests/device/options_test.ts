/** Tests of what the backend says before a device is ready, and of options that cannot be. */

import {
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { device } from "../../src/device/device.ts";
import { initBackend, nativeLibrary } from "../../src/device/open.ts";
import { tf } from "../../src/device/tf.ts";
import { BackendError, OptionError } from "../../src/errors.ts";
import { lenet } from "../../src/models/lenet.ts";

// The first tests, as no device may be ready yet.
const USES: Record<string, () => unknown> = {
  "device()": () => device(),
  "lenet()": () => lenet(),
  "tf": () => tf.scalar(1),
};
for (const [name, use] of Object.entries(USES)) {
  Deno.test(`${name} names initBackend() while no device is ready`, () => {
    assertThrows(use, BackendError, "call `await initBackend()` first");
  });
}

const REFUSED: [option: string, options: Record<string, unknown>][] = [
  ["device", { device: "gpu" }],
  ["device", { device: "" }],
  ["maxBindingBytes", { maxBindingBytes: 0 }],
  ["maxBindingBytes", { maxBindingBytes: -1 }],
  ["maxBindingBytes", { maxBindingBytes: NaN }],
];
for (const [option, options] of REFUSED) {
  const shown = `${Object.keys(options)} ${Object.values(options)}`;
  Deno.test(`initBackend() refuses ${shown}`, async () => {
    const error = await assertRejects(
      () => initBackend(options as Parameters<typeof initBackend>[0]),
      OptionError,
    );
    assertEquals(error.option, option);
    assertEquals(error.value, options[option]);
    assertEquals(error.message.includes("\n"), false);
    assertThrows(() => device().info, BackendError);
  });
}

Deno.test("initBackend() makes the CPU ready, without limits", async () => {
  const info = await initBackend({ device: "cpu" });
  const { library, ...rest } = info;
  assertEquals(rest, {
    device: "cpu",
    maxBindingBytes: Infinity,
    maxLoopIterations: Infinity,
  });
  assertEquals(library, nativeLibrary().library);
  assertEquals(device().info, info);
  assertEquals(tf.getBackend(), "cpu");
});

Deno.test("initBackend() falls back to the CPU with a warning, or refuses, where there is no adapter", async () => {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-lock",
      "--allow-env",
      "--allow-sys",
      "--allow-read",
      new URL("no_adapter.ts", import.meta.url).href,
    ],
  }).output();
  const [auto, webgpu] = JSON.parse(new TextDecoder().decode(stdout));
  assertEquals([auto.device, auto.warnings.length], ["cpu", 1]);
  assertEquals(auto.warnings[0].includes("runs on the CPU"), true);
  assertEquals(webgpu.error, "BackendError");
  assertNotEquals(webgpu.message.indexOf("no adapter was found"), -1);
  assertEquals(`${auto.warnings}${webgpu.message}`.includes("\n"), false);
});
