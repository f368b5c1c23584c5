/**
 * Tests of the set-up before `deno task train`. No test installs anything: an `apt-get` that only takes notes is first
 * on the PATH.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { ensureFashionMnist } from "../../src/data/fashion_mnist/files.ts";
import {
  assertOneLineError,
  cacheIn,
  EPOCH_LINE,
  hasAdapter,
  NO_ADAPTER,
  NO_NETWORK,
  ONE_IMAGE,
  type Outcome,
  run,
  TINY,
} from "../cli/program.ts";
import { makeFolder } from "../data/folder.ts";

const DEBIAN_DATA = "/usr/share/datasets";

const canInstall = Deno.build.os === "linux" && Deno.uid() === 0 &&
  await exists("/etc/debian_version");
const adapterFound = await hasAdapter();
const hasDebianData = await exists(DEBIAN_DATA);
const canHideData = canInstall &&
  (!hasDebianData || await succeeds("unshare", ["--mount", "true"]));
/** The files of oneDNN that the dynamic linker knows. */
const libraries = await findLibraries();
const canHideLibrary = canInstall &&
  (libraries.length === 0 || await succeeds("unshare", ["--mount", "true"]));
if (!canInstall) {
  console.log("Tests of installing are ignored: not root on a Debian system");
} else if (!canHideData) {
  console.log("A test of installing data is ignored: unshare --mount failed");
}
if (!adapterFound) {
  console.log("A test of a silent set-up is ignored: no WebGPU adapter");
}

function exists(path: string): Promise<boolean> {
  return Deno.stat(path).then(() => true, () => false);
}

async function findLibraries(): Promise<string[]> {
  if (!canInstall) return [];
  const { stdout } = await run("/sbin/ldconfig", { args: ["-p"] });
  const links = stdout.matchAll(/libdnnl\.so\S* .*=> (\S+)/g);
  const files = [...links].map(([, path]) => Deno.realPathSync(path));
  return [...new Set(files)];
}

function succeeds(command: string, args: string[]): Promise<boolean> {
  return run(command, { args }).then(({ code }) => code === 0, () => false);
}

/** How the set-up ended, and the arguments of each call of `apt-get`. */
interface SetUp extends Outcome {
  calls: string[];
}

/** Runs the set-up on a machine without a network. */
async function bootstrap(
  args: readonly string[],
  { env = {}, hideData = false, hideLibrary = false, apt = "" }: {
    env?: Record<string, string>;
    hideData?: boolean;
    hideLibrary?: boolean;
    apt?: string;
  } = {},
): Promise<SetUp> {
  await using folder = await makeFolder();
  const log = `${folder.path}/calls`;
  await Deno.writeTextFile(
    `${folder.path}/apt-get`,
    `#!/bin/sh\necho "$DEBIAN_FRONTEND: $*" >> '${log}'\n${apt}\n`,
    { mode: 0o755 },
  );
  const command = [
    ...[Deno.execPath(), "run", "-A", "scripts/bootstrap.ts", ...args],
  ];
  const mounts = [
    ...hideData && hasDebianData ? [`mount -t tmpfs none ${DEBIAN_DATA}`] : [],
    ...hideLibrary
      ? libraries.map((file) => `mount --bind /dev/null '${file}'`)
      : [],
  ];
  const [program, ...rest] = mounts.length > 0
    ? [
      ...["unshare", "--mount", "sh", "-c"],
      `${mounts.join(" && ")} && exec "$@"`,
      ...["sh", ...command],
    ]
    : command;
  const outcome = await run(program, {
    args: rest,
    env: {
      PATH: `${folder.path}:${Deno.env.get("PATH")}`,
      ...NO_NETWORK,
      ...hideData ? await cacheIn(folder.path) : {},
      ...env,
    },
  });
  const calls = await Deno.readTextFile(log).catch(() => "");
  return { ...outcome, calls: calls.split("\n").filter(Boolean) };
}

Deno.test("bootstrap of train --help looks for nothing and is silent", async () => {
  const { code, stdout, stderr, calls } = await bootstrap(
    ["train", "--help"],
    { env: NO_ADAPTER },
  );
  assertEquals([code, stderr, calls], [0, "", []]);
  assertMatch(stdout, /^Usage: .+ train \[options\]$/m);
});

Deno.test({
  name: "bootstrap of train is silent where nothing is missing",
  ignore: !adapterFound,
  async fn() {
    const { code, stdout, stderr, calls } = await bootstrap([
      ...["train", ...TINY, "--quiet"],
    ]);
    assertEquals([code, stderr, calls], [0, "", []]);
    assertMatch(stdout, EPOCH_LINE);
    assertEquals(stdout.trimEnd().split("\n").length, 1);
  },
});

Deno.test("bootstrap of train with --device cpu looks for no adapter", async () => {
  const { code, stdout, stderr, calls } = await bootstrap(
    ["train", ...TINY, "--device", "cpu", "--quiet"],
    { env: NO_ADAPTER },
  );
  assertEquals([code, stderr, calls], [0, "", []]);
  assertMatch(stdout, EPOCH_LINE);
});

Deno.test("bootstrap passes a usage error on", async () => {
  const line = ["train", "--source", "sample", "--device", "cpu", "--epoch"];
  assertOneLineError(await bootstrap(line), {
    code: 2,
    message: /--epoch: did you mean --epochs\?/,
  });
});

Deno.test("bootstrap refuses another command", async () => {
  for (const args of [[], ["tarin"], ["constructor"]]) {
    const { code, stdout, stderr } = await bootstrap(args);
    assertEquals([code, stdout], [2, ""]);
    assertMatch(stderr, /^usage: bootstrap\.ts train\|test .+\n$/);
  }
});

Deno.test("bootstrap with --offline installs nothing and says what to install", async () => {
  const { code, stderr, calls } = await bootstrap(
    ["train", "--source", "sample", "--offline", "--device", "webgpu"],
    { env: NO_ADAPTER },
  );
  const [setUp, error] = stderr.split("\n");
  assertMatch(
    setUp,
    Deno.build.os === "linux"
      ? /^setup: no WebGPU adapter .+ `apt-get install mesa-vulkan-drivers`$/
      : /^setup: no WebGPU adapter was found: /,
  );
  assertMatch(error, /^error: Cannot use WebGPU /);
  assertEquals([code, calls], [1, []]);
});

Deno.test({
  name: "bootstrap installs the software driver where WebGPU has no adapter",
  ignore: !canInstall,
  async fn() {
    const { code, stderr, calls } = await bootstrap(
      ["train", ...TINY, "--quiet", "--device", "webgpu"],
      { env: NO_ADAPTER },
    );
    assertEquals(calls, [
      "noninteractive: -q update",
      "noninteractive: -q install -y --no-install-recommends mesa-vulkan-drivers",
    ]);
    // Nothing was installed in truth.
    assertMatch(
      stderr,
      /^setup: installing .+ mesa-vulkan-drivers\)\nerror: Cannot use WebGPU /,
    );
    assertEquals(code, 1);
  },
});

Deno.test({
  name: "bootstrap installs oneDNN where there is no GPU",
  ignore: !canHideLibrary,
  async fn() {
    const { code, stdout, stderr, calls } = await bootstrap(
      ["train", ...ONE_IMAGE, "--quiet"],
      { env: NO_ADAPTER, hideLibrary: true },
    );
    assertEquals(calls, [
      "noninteractive: -q update",
      "noninteractive: -q install -y --no-install-recommends libdnnl-dev",
    ]);
    assertMatch(stderr, /^setup: installing .+ libdnnl-dev\)\nwarning: /);
    // Nothing was installed in truth, so the program goes on without.
    assertMatch(stdout, EPOCH_LINE);
    assertEquals(code, 0);
  },
});

Deno.test({
  name: "bootstrap goes on where apt-get fails, and shows what it said",
  ignore: !canHideLibrary,
  async fn() {
    const { code, stdout, stderr, calls } = await bootstrap(
      ["train", ...ONE_IMAGE, "--quiet"],
      {
        env: NO_ADAPTER,
        hideLibrary: true,
        apt: "echo no mirror for packages >&2; exit 100",
      },
    );
    // Once for oneDNN and, as that is not there, once for the driver.
    const update = "noninteractive: -q update";
    assertEquals(calls, [update, update]);
    assertMatch(stderr, /^no mirror for packages$/m);
    assertMatch(stderr, /^setup: apt-get -q update failed; run it by hand/m);
    assertMatch(stdout, EPOCH_LINE);
    assertEquals(code, 0);
  },
});

Deno.test({
  name: "bootstrap installs the data set where no mirror can be reached",
  ignore: !canHideData,
  async fn() {
    const args = TINY.filter((arg) => arg !== "--source" && arg !== "sample");
    const isUsable = await ensureFashionMnist({ offline: true })
      .then((files) => files.every(({ path }) => path.startsWith(DEBIAN_DATA)))
      .catch(() => false);
    const { code, stdout, stderr, calls } = await bootstrap(
      ["train", ...args, "--device", "cpu", "--quiet"],
      {
        hideData: true,
        // The package's files were there all along, under an empty folder: this uncovers them.
        apt: isUsable ? `[ "$2" != install ] || umount ${DEBIAN_DATA}` : "",
      },
    );
    assertEquals(calls, [
      "noninteractive: -q update",
      "noninteractive: -q install -y --no-install-recommends dataset-fashion-mnist",
    ]);
    const [reason, action] = stderr.split("\n");
    assertMatch(reason, /^setup: Cannot download train-images-idx3-ubyte\.gz /);
    assertMatch(action, /^setup: installing .+ dataset-fashion-mnist\)$/);
    assertEquals(code, isUsable ? 0 : 1, stderr);
    if (isUsable) assertMatch(stdout, EPOCH_LINE);
  },
});

Deno.test({
  name: "bootstrap leaves a folder that the user names to the program",
  ignore: !canInstall,
  async fn() {
    const { code, stdout, stderr, calls } = await bootstrap([
      ...["train", "--device", "cpu", "--data-dir", "/nonexistent"],
      "--offline",
    ]);
    assertOneLineError({ code, stdout, stderr }, {
      code: 1,
      message: /Cannot find train-images-idx3-ubyte\.gz in \/nonexistent /,
    });
    assertEquals(calls, []);
    assert(!await exists("/nonexistent"));
  },
});
