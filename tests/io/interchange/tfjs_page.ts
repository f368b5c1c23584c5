/** What TensorFlow.js makes of an exported folder, in a browser. */

import { assertEquals } from "@std/assert";
import type { Browser } from "../../browser.ts";
import { runPeer } from "../../peers.ts";

const PAGE = `<!doctype html><link rel="icon" href="data:,">
<script src="/script/0"></script><script src="/script/1"></script>`;

/** Loads a model by `tf.loadLayersModel` in a page and computes logits. */
export async function tfjsLogits(
  browser: Browser,
  folder: string,
  images: { values: Float32Array<ArrayBuffer>; imageSize: number },
): Promise<number[]> {
  const { values, imageSize } = images;
  const addresses = await runPeer(["tfjs_files.ts"]) as string[];
  const scripts = addresses.map((address) => new URL(address));
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      const [, kind, name] = pathname.split("/");
      if (kind === "") return _file(PAGE, "text/html");
      if (kind === "images") return _file(values, "");
      if (kind === "model") {
        return _file(await Deno.readFile(`${folder}/${name}`), "");
      }
      return kind === "script"
        ? _file(await Deno.readFile(scripts[Number(name)]), "text/javascript")
        : _file(
          await Deno.readFile(new URL(name, scripts[1])),
          "application/wasm",
        );
    },
  );
  const page = await browser.open(`http://127.0.0.1:${server.addr.port}/`);
  const logits = await page.evaluate(`(async () => {
    tf.wasm.setWasmPaths("/wasm/");
    await tf.setBackend("wasm");
    const model = await tf.loadLayersModel("/model/model.json");
    const values = await (await fetch("/images")).arrayBuffer();
    const shape = [-1, ${imageSize}, ${imageSize}, 1];
    const images = tf.reshape(new Float32Array(values), shape);
    return [...await model.predict(images, { batchSize: 64 }).data()];
  })()`);
  assertEquals(page.errors, []);
  return logits as number[];
}

function _file(content: BodyInit, type: string): Response {
  return new Response(content, { headers: { "content-type": type } });
}
