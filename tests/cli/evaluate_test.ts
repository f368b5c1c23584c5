/**
 * Tests of what `evaluate` refuses, as processes of their own; train_test.ts has it measure a network.
 *
 * @module
 */

import { makeFolder } from "../data/folder.ts";
import { assertOneLineError, runProgram } from "./program.ts";

Deno.test("evaluate refuses a file that does not exist", async () => {
  assertOneLineError(await runProgram(["evaluate", "/nonexistent/weights"]), {
    code: 1,
    message: /Cannot read \/nonexistent\/weights/,
  });
});

Deno.test("evaluate refuses a file that is no checkpoint", async () => {
  assertOneLineError(await runProgram(["evaluate", "mod.ts"]), {
    code: 1,
    message: /Cannot read mod\.ts: .+not a safetensors file, or truncated/,
  });
});

Deno.test("evaluate refuses weights of another program", async () => {
  await using folder = await makeFolder();
  const path = `${folder.path}/other.safetensors`;
  // The safetensors format: length of the header as u64 little endian, then the header as JSON.
  const header = new TextEncoder().encode('{"__metadata__":{"format":"pt"}}');
  await Deno.writeFile(
    path,
    Uint8Array.of(header.length, ...Array(7), ...header),
  );
  assertOneLineError(await runProgram(["evaluate", path]), {
    code: 1,
    message: /other\.safetensors: it was not written by `train --save`/,
  });
});
