/**
 * Hugging Face's reader of safetensors files: `hub.ts FILE` prints what it reads of the header. It knows files in
 * repositories only, so that the file is served as one.
 */

import { parseSafetensorsMetadata } from "@huggingface/hub";

const bytes = await Deno.readFile(Deno.args[0]);

const parsed = await parseSafetensorsMetadata({
  repo: "any/name",
  path: "model.safetensors",
  fetch: (_, options) => Promise.resolve(serve(options)),
});
if (parsed.sharded) throw new Error("The file is in parts");
console.log(JSON.stringify(parsed.header));

function serve(options?: RequestInit): Response {
  const range = new Headers(options?.headers).get("range");
  const [, begin, end] = /^bytes=(\d+)-(\d+)$/.exec(range ?? "") ??
    [0, 0, bytes.length - 1];
  const part = bytes.slice(Number(begin), Number(end) + 1);
  return new Response(part, {
    status: range ? 206 : 200,
    headers: {
      "content-range": `bytes ${begin}-${end}/${bytes.length}`,
      "content-length": `${part.length}`,
      "etag": '"0"',
    },
  });
}
