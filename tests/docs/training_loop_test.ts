/** Runs the program of `docs/training_loop.md`, as its reader would. */

import { assert, assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };

const ROOT = new URL("../../", import.meta.url);

/** What stands between the first two fences of TypeScript, with this checkout for the published package. */
function programOf(page: string): string {
  const [, program] = page.match(/^```ts\n(.*?)^```$/ms)!;
  return program.replace(/"jsr:@x\/alexnet(.*?)"/g, (_, entry: string) => {
    const exports: Record<string, string> = config.exports;
    return `"${new URL(exports[`.${entry}`], ROOT)}"`;
  });
}

Deno.test("docs/training_loop.md has a program that type-checks, and learns", async () => {
  const page = await Deno.readTextFile(new URL("docs/training_loop.md", ROOT));
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, programOf(page));
    const config = fileURLToPath(new URL("deno.json", ROOT));
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "-A", "--check", "--config", config, file],
      env: { NO_COLOR: "1" },
    }).output();
    const [text, errors] = [stdout, stderr].map((b) =>
      new TextDecoder().decode(b)
    );
    assertEquals(code, 0, errors);
    const accuracies = Array.from(
      text.matchAll(/^epoch \d, test acc (.*)$/gm),
      ([, accuracy]) => Number(accuracy),
    );
    assertEquals(accuracies.length, 5);
    assert(accuracies[4] > 0.7, text);
  } finally {
    await Deno.remove(file);
  }
});
