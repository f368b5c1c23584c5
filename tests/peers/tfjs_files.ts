/**
 * TensorFlow.js as its packages have it for pages, with the backend that is quick without a GPU: prints the addresses of
 * the scripts.
 */

// Importing anything of a package is what downloads it.
import "@tensorflow/tfjs/package.json" with { type: "json" };
import "@tensorflow/tfjs-backend-wasm/package.json" with { type: "json" };

const SCRIPTS = [
  "@tensorflow/tfjs/dist/tf.min.js",
  "@tensorflow/tfjs-backend-wasm/dist/tf-backend-wasm.min.js",
];
console.log(JSON.stringify(SCRIPTS.map((name) => import.meta.resolve(name))));
