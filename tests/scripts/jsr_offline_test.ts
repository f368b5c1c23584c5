// Holds for the stand-ins in scripts/jsr_offline and, with `links` removed from deno.json, for the real packages.
import {
  assertAlmostEquals,
  assertEquals,
  AssertionError,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { parseArgs } from "@std/cli/parse-args";

Deno.test("assertEquals() compares deeply, with 0 equal to -0 and NaN to NaN", () => {
  assertEquals([0, NaN, { a: [1] }], [-0, NaN, { a: [1] }]);
  assertEquals(new Float32Array([0, 1]), new Float32Array([-0, 1]));
  assertNotEquals([1, 2], [2, 1]);
  assertNotEquals<unknown>({ a: undefined }, {});
  const error = assertThrows(
    () => assertEquals({ a: 1 }, { a: 2 }, "reason"),
    AssertionError,
    "Values are not equal: reason",
  );
  assertStringIncludes(error.message, "a: 2");
});

Deno.test("assertAlmostEquals() takes 1e-7 of the expected number unless told", () => {
  assertAlmostEquals(1e6 + 0.09, 1e6);
  assertAlmostEquals(0.1 + 0.2, 0.3, 1e-16);
  assertThrows(() => assertAlmostEquals(1e-8, 1e-9), AssertionError);
  assertThrows(() => assertAlmostEquals(1, 1.1, 0.05), AssertionError);
});

Deno.test("assertThrows() and assertRejects() return the error and check its class and message", async () => {
  const fail = () => {
    throw new RangeError("too far");
  };
  assertEquals(assertThrows(fail, RangeError, "far").message, "too far");
  assertThrows(() => assertThrows(fail, TypeError), AssertionError);
  assertThrows(() => assertThrows(fail, RangeError, "near"), AssertionError);
  assertThrows(() => assertThrows(() => 1), AssertionError, "to throw");
  const reject = () => Promise.reject(new TypeError("no"));
  assertEquals((await assertRejects(reject, TypeError)).message, "no");
  await assertRejects(
    () => assertRejects(() => Promise.resolve()),
    AssertionError,
  );
});

Deno.test("parseArgs() types declared options and collects positional arguments", () => {
  const args = parseArgs(
    ["train", "--epochs", "05", "-v", "--no-color", "7", "--", "--rest"],
    {
      string: ["epochs", "model"],
      boolean: ["verbose", "color", "help"],
      negatable: ["color"],
      alias: { verbose: "v" },
      default: { model: "alexnet", color: true },
    },
  );
  const epochs: string | undefined = args.epochs;
  const model: string = args.model;
  const verbose: boolean = args.verbose;
  assertEquals([epochs, model, verbose], ["05", "alexnet", true]);
  assertEquals(args, {
    _: ["train", 7, "--rest"],
    epochs: "05",
    model: "alexnet",
    verbose: true,
    v: true,
    color: false,
    help: false,
  });
});

Deno.test("parseArgs() gives a string option without a value the empty string", () => {
  const args = parseArgs(["--out", "--name", "-1"], {
    string: ["out", "name"],
  });
  assertEquals(args, { _: [], out: "", name: "", 1: true });
});

Deno.test("parseArgs() reads numbers, groups of letters and attached values", () => {
  assertEquals(
    parseArgs(["--n=3", "-ab", "x", "-k7", "-o=f.png", "-I/usr", "--t", "-"]),
    { _: ["-"], n: 3, a: true, b: "x", k: 7, o: "f.png", I: "/usr", t: true },
  );
});

Deno.test("parseArgs() collects repeated options", () => {
  assertEquals(
    parseArgs(["--tag", "a", "--tag=b"], {
      collect: ["tag", "no"],
      string: "no",
    }),
    { _: [], tag: ["a", "b"], no: [] },
  );
});

Deno.test("parseArgs() asks `unknown` about what is not declared, and drops what it refuses", () => {
  const asked: unknown[] = [];
  const args = parseArgs(["file", "--lr", "0.1", "--known"], {
    boolean: ["known"],
    unknown: (arg, key, value) => {
      asked.push([arg, key, value]);
      return false;
    },
  });
  assertEquals(args, { _: [], known: true });
  assertEquals(asked, [["file", undefined, undefined], ["--lr", "lr", "0.1"]]);
});

Deno.test("parseArgs() tells `unknown` every word in turn, as it is written, where nothing is declared", () => {
  const asked: unknown[] = [];
  const args = parseArgs(
    [
      ...["007", "--lr", "0.1", "--quiet", "true", "--no-bar=x", "--no-bar"],
      ...["--lr=", "-1", "--a.b=1", "--__proto__", "-xy", "", "-", "--", "-z"],
    ],
    {
      "--": true,
      unknown: (...asks) => {
        asked.push(asks);
        return false;
      },
    },
  );
  assertEquals(args, { _: [], "--": ["-z"] });
  assertEquals(asked, [
    ["007"],
    ["--lr", "lr", "0.1"],
    ["--quiet", "quiet", "true"],
    ["--no-bar=x", "bar", "x"],
    ["--no-bar", "no-bar", true],
    ["--lr=", "lr=", true],
    ["-1", "1", true],
    ["--a.b=1", "a.b", "1"],
    ["--__proto__", "__proto__", true],
    ["-xy", "x", true],
    ["-xy", "y", true],
    [""],
    ["-"],
  ]);
});

Deno.test("parseArgs() makes objects of names with dots, and reaches no prototype", () => {
  const args = parseArgs(
    ["--a.b=1", "--a.c.d", "x", "--__proto__.e=1", "--constructor.f=1"],
    { boolean: ["a.g"], default: { "a.b": 2, "a.h": 3 } },
  );
  assertEquals(args as unknown, {
    _: [],
    a: { b: 1, c: { d: "x" }, g: false, h: 3 },
  });
  assertEquals(["e" in {}, "f" in Object], [false, false]);
});

Deno.test("parseArgs() stops at the first positional argument with stopEarly, and keeps `--` apart on request", () => {
  assertEquals(
    parseArgs(["-v", "run", "--x", "--", "y"], {
      boolean: ["v"],
      stopEarly: true,
      "--": true,
    }),
    { _: ["run", "--x"], v: true, "--": ["y"] },
  );
});
