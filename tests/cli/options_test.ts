/** Tests of the table of options. */

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  type CommandName,
  didYouMean,
  flagOf,
  helpOf,
  OPTION_NAMES,
  OPTIONS,
  specOf,
  UsageError,
} from "../../src/cli/options.ts";

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

Deno.test("a time is parsed from hours, minutes and seconds", () => {
  const { parse } = OPTIONS["max-time"];
  for (const [text, ms] of TIMES) assertEquals(parse(text, "--time"), ms);
});

Deno.test("a time is refused in every other form", () => {
  const { parse } = OPTIONS["max-time"];
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

Deno.test("several words are parsed with commas between", () => {
  const { parse, placeholder } = OPTIONS.augment;
  assertEquals(placeholder, "crop,flip,erase");
  assertEquals(parse("flip", "--a"), ["flip"]);
  assertEquals(parse("flip, crop", "--a"), ["flip", "crop"]);
  for (const text of ["", "flop", "flip,", "flip crop"]) {
    assertThrows(() => parse(text, "--a"), UsageError, "one of crop, flip");
  }
});

Deno.test("a number of workers is parsed, or auto", () => {
  const { parse } = OPTIONS.workers;
  assertEquals(["auto", "0", "4"].map((text) => parse(text, "--w")), [
    ...["auto", 0, 4] as const,
  ]);
  for (const text of ["-1", "1.5", "many", "257"]) {
    assertThrows(() => parse(text, "--w"), UsageError, "--w");
  }
});

Deno.test("OPTIONS says of every option what it means, and which commands have it", () => {
  for (const name of OPTION_NAMES) {
    const { commands } = specOf(name);
    assert(commands.length > 0, name);
    assert(helpOf(name, commands[0].split(" ")[0] as CommandName).length > 3);
  }
  assertEquals(flagOf("device"), "--device auto|webgpu|cpu");
  assertEquals(flagOf("epochs"), "--epochs N");
  assertEquals(flagOf("quiet"), "--quiet");
});

Deno.test("helpOf() says what an option means to the command that has it", () => {
  assertMatch(helpOf("count", "predict"), /IDX/);
  assertMatch(helpOf("count", "data"), /batch/);
  assertMatch(helpOf("output", "report"), /^The page .+report.html/);
  assertEquals(helpOf("batch-size", "tune"), "Images per step");
  assertEquals(helpOf("offline", "doctor"), "Never use the network");
});

Deno.test("didYouMean() asks for the nearest candidate", () => {
  const names = ["train", "evaluate", "data"];
  assertEquals(didYouMean("trian", names), "did you mean train?");
  assertEquals(didYouMean("evalute", names), "did you mean evaluate?");
  assertEquals(didYouMean("date", names), "did you mean data?");
});
