/**
 * Tests of looking for oneDNN, each in a process of its own: without it the CPU computes the same, and says what is missing.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  findOneDnn,
  LIBRARY_VARIABLE,
  type OneDnn,
} from "../../../../src/device/onednn/library/library.ts";
import { assertClose } from "../../../compare.ts";

interface Outcome {
  readonly device: string;
  readonly library?: Pick<OneDnn, "version" | "path" | "threads"> & {
    name: string;
  };
  readonly isNativeInUse: boolean;
  readonly warnings: readonly string[];
  readonly losses: readonly number[];
}

interface Situation {
  /** Permissions of the process. */
  readonly permissions: readonly string[];
  /** What the environment variable names. */
  readonly named?: string;
  /** What the warning ends with. */
  readonly missing: RegExp;
}

const ALL = ["--allow-ffi", "--allow-env", "--allow-read", "--allow-sys"];
const without = (permission: string) =>
  ALL.filter((allowed) => allowed !== permission);

/** A library of every system that is not oneDNN. */
const OTHER_LIBRARY = {
  linux: "libm.so.6",
  darwin: "libSystem.dylib",
  windows: "kernel32.dll",
}[Deno.build.os as string] ?? "libm.so";

const SITUATIONS: Readonly<Record<string, Situation>> = {
  [`${LIBRARY_VARIABLE} that names no file`]: {
    permissions: ALL,
    named: "/nowhere/libdnnl.so",
    missing:
      /as ONEDNN_LIBRARY names "\/nowhere\/libdnnl.so", which cannot be used \(.+\)$/,
  },
  [`${LIBRARY_VARIABLE} that names another library`]: {
    permissions: ALL,
    named: OTHER_LIBRARY,
    missing:
      /as ONEDNN_LIBRARY names ".+", which cannot be used \(.*dnnl_\w+\)$/,
  },
  "no permission to load it": {
    permissions: without("--allow-ffi"),
    missing: /as loading oneDNN needs --allow-ffi, without a path$/,
  },
};

for (
  const [what, { permissions, named, missing }] of Object.entries(SITUATIONS)
) {
  Deno.test(`initBackend() makes the plain CPU ready with ${what}, and says so`, async () => {
    const { device, library, isNativeInUse, warnings, losses } = await run(
      permissions,
      named,
    );
    assertEquals([device, library, isNativeInUse], ["cpu", undefined, false]);
    assertEquals(warnings.length, 1);
    assertMatch(warnings[0], /^This runs on the CPU in plain JavaScript/);
    assertMatch(warnings[0], missing);
    assert(!warnings[0].includes("\n"), warnings[0]);
    const usual = await usually();
    assert(losses[1] < losses[0], `it learns: ${losses}`);
    assertClose(losses, usual.losses, { relative: 1e-6 });
  });
}

const found = findOneDnn();
const NAME = "initBackend() reports the library, without --allow-env as well";
Deno.test({
  name: found.library ? NAME : `${NAME} (ignored, ${found.missing})`,
  ignore: found.library === undefined,
  async fn() {
    const { version, path, threads } = found.library!;
    for (
      const outcome of [await usually(), await run(without("--allow-env"))]
    ) {
      assertEquals(outcome.device, "cpu");
      assertEquals(outcome.library, { name: "oneDNN", version, path, threads });
      assertEquals(outcome.isNativeInUse, true);
      assertEquals(outcome.warnings, []);
      assertClose(outcome.losses, (await usually()).losses, {});
    }
  },
});

let usual: Promise<Outcome> | undefined;

/** What happens with all permissions. */
function usually(): Promise<Outcome> {
  return usual ??= run(ALL, Deno.env.get(LIBRARY_VARIABLE));
}

/** Runs a step in a process of its own. */
async function run(
  permissions: readonly string[],
  named = "",
): Promise<Outcome> {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-lock",
      "--no-prompt",
      "--no-check",
      ...permissions,
      new URL("tiny_step.ts", import.meta.url).href,
    ],
    env: { [LIBRARY_VARIABLE]: named },
  }).output();
  const decoder = new TextDecoder();
  const text = decoder.decode(stdout);
  assert(text.startsWith("{"), decoder.decode(stderr));
  return JSON.parse(text);
}
