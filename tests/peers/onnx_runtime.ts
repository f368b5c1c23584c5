/**
 * ONNX Runtime in WebAssembly: `onnx_runtime.ts MODEL SHAPE` reads float32 values of that shape, which is a list in JSON,
 * from standard input, and prints the shape and the values of the model's logits.
 */

import { env, InferenceSession, Tensor } from "onnxruntime-web";

const [path, shape] = Deno.args;
// More threads than one take longer to start than they save.
env.wasm.numThreads = 1;
const session = await InferenceSession.create(await Deno.readFile(path));
const values = new Float32Array(
  await new Response(Deno.stdin.readable).arrayBuffer(),
);
const images = new Tensor("float32", values, JSON.parse(shape));
const { logits } = await session.run({ images });
const { dims, data } = logits;
console.log(JSON.stringify({ dims, values: [...data as Float32Array] }));
