/**
 * Tests of the kinds of options.
 *
 * @module
 */

import { assertEquals, assertThrows } from "@std/assert";
import {
  choice,
  choices,
  duration,
  flagOf,
  integer,
  number,
  OPTION_NAMES,
  specOf,
  text,
  toggle,
  workers,
} from "../../src/cli/options.ts";
import { UsageError } from "../../src/cli/usage.ts";

const TIMES: [text: string, ms: number][] = [
  ["1s", 1000],
  ["90s", 90_000],
  ["0.5s", 500],
  ["10m", 600_000],
  ["2h", 7_200_000],
  ["1h30m", 5_400_000],
  ["1h30m15s", 5_415_000],
  ["1h15s", 3_615_000],
  ["0h1m", 60_000],
];

Deno.test("duration() parses hours, minutes and seconds", () => {
  const { parse } = duration();
  for (const [text, ms] of TIMES) assertEquals(parse(text, "--time"), ms);
});

Deno.test("duration() refuses everything else", () => {
  const { parse } = duration();
  const refused =
    "|5|5x|s|m10|10 m|1.5h|-5s|+5s|0s|0h0m|30m1h|1s1s|1e3s|5S|NaN|.5s";
  for (const text of refused.split("|")) {
    const error = assertThrows(() => parse(text, "--time"), UsageError);
    assertEquals(
      error.message,
      `Cannot use --time as it must be a time such as 90s, 10m or 1h30m: current value is "${text}"`,
    );
  }
});

Deno.test("integer() and number() refuse what is too small or no number", () => {
  assertEquals(integer({ min: 2 }).parse("2", "--n"), 2);
  assertThrows(
    () => integer({ min: 2 }).parse("1", "--n"),
    "Cannot use --n as it must be an integer of at least 2",
  );
  assertEquals(number().parse("-1.5e2", "--x"), -150);
  assertThrows(() => number().parse("x", "--x"), UsageError, "a number");
});

Deno.test("choice() names the choices and the nearest one", () => {
  const size = choice(["small", "large"]);
  assertEquals(size.placeholder, "small|large");
  assertEquals(size.parse("large", "--size"), "large");
  const error = assertThrows(() => size.parse("larg", "--size"), UsageError);
  assertEquals(
    error.message,
    'Cannot use --size as it must be one of small, large: current value is "larg" (did you mean large?)',
  );
});

Deno.test("text() takes any text, toggle() no value", () => {
  assertEquals(text("DIR").parse(" a b", "--dir"), " a b");
  assertEquals(toggle().placeholder, undefined);
  assertEquals(toggle().parse("", "--switch"), true);
});

Deno.test("choices() parses words with commas between", () => {
  const { parse, placeholder } = choices(["crop", "flip"]);
  assertEquals(placeholder, "crop,flip");
  assertEquals(parse("flip", "--a"), ["flip"]);
  assertEquals(parse("flip, crop", "--a"), ["flip", "crop"]);
  for (const text of ["", "flop", "flip,", "flip crop"]) {
    assertThrows(() => parse(text, "--a"), UsageError, "one of crop, flip");
  }
});

Deno.test("workers() parses a number or auto", () => {
  const { parse } = workers();
  assertEquals(["auto", "0", "4"].map((text) => parse(text, "--w")), [
    ...["auto", 0, 4] as const,
  ]);
  for (const text of ["-1", "1.5", "many", "257"]) {
    assertThrows(() => parse(text, "--w"), UsageError, "--w");
  }
});

Deno.test("OPTIONS says of every option what it means, and which commands have it", () => {
  for (const name of OPTION_NAMES) {
    const { help, commands } = specOf(name);
    assertEquals([help.length > 3, commands.length > 0], [true, true], name);
  }
  assertEquals(flagOf("device"), "--device auto|webgpu|cpu");
  assertEquals(flagOf("epochs"), "--epochs N");
  assertEquals(flagOf("quiet"), "--quiet");
});
