/**
 * Tests of models in TensorFlow.js's layers format that are changed all over: whatever comes of it is a network or an error
 * of one line.
 */

import { assert } from "@std/assert";
import { DataError } from "../../../src/errors.ts";
import { importModel } from "../../../src/io/interchange/interchange.ts";
import { makeFolder } from "../../data/folder.ts";
import { changedModel } from "./changed_model.ts";

Deno.test("importModel() survives changes of bytes all over model.json", async () => {
  await using folder = await makeFolder();
  const path = await changedModel(folder);
  const bytes = await Deno.readFile(path);
  const numRefused = { numbers: 0, all: 0 };
  for (let at = 0; at < bytes.length; at += 4) {
    const isDigit = bytes[at] >= 0x30 && bytes[at] <= 0x39;
    await Deno.writeFile(path, bytes.with(at, isDigit ? 0x39 : 0x00));
    try {
      await importModel(path, { format: "tfjs" });
    } catch (error) {
      assert(error instanceof DataError, String(error));
      assert(!/\p{Cc}/u.test(error.message), error.message);
      numRefused.all++;
      if (isDigit) numRefused.numbers++;
    }
  }
  assert(numRefused.numbers > 10 && numRefused.all > 0.9 * bytes.length / 4);
});

/** Says of what cannot be text or a number that it is. */
const NO_TEXT = { toString: 1, valueOf: 1, length: 2, toJSON: 1 };

Deno.test("importModel() survives values all over model.json that cannot be text", async () => {
  await using folder = await makeFolder();
  const path = await changedModel(folder);
  const text = await Deno.readTextFile(path);
  const numValues = _countValues(text);
  assert(numValues > 150, `${numValues}`);
  let numRefused = 0;
  for (let at = 0; at < numValues; at++) {
    for (const value of [NO_TEXT, [NO_TEXT]]) {
      await Deno.writeTextFile(path, _withValue(text, { at, value }));
      try {
        await importModel(path, { format: "tfjs" });
      } catch (error) {
        assert(error instanceof DataError, String(error));
        assert(error.message.includes(path), error.message);
        assert(!/\p{Cc}/u.test(error.message), error.message);
        numRefused++;
      }
    }
  }
  assert(numRefused > numValues, `${numRefused} of ${2 * numValues}`);
});

function _countValues(json: string): number {
  let count = 0;
  JSON.parse(json, (_, value) => (count++, value));
  return count;
}

/** Replaces one of the values, in whatever order JSON.parse() visits them. */
function _withValue(
  json: string,
  { at, value: other }: { at: number; value: unknown },
): string {
  let index = 0;
  const changed = JSON.parse(
    json,
    (_, value) => index++ === at ? other : value,
  );
  return JSON.stringify(changed);
}
