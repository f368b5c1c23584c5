/**
 * AlexNet on Fashion-MNIST, on Deno's WebGPU: typed data iterators, a trainer, and a command line.
 *
 * ```ts
 * import { alexnet, fit, initBackend, loadFashionMnist, sgd } from "@x/alexnet";
 *
 * await initBackend({ device: "auto" });
 * const { train, test } = await loadFashionMnist({ batchSize: 128, resize: 224 });
 * await fit(alexnet({ classes: 10, seed: 42 }), train, {
 *   epochs: 5,
 *   optimizer: sgd({ learningRate: 0.01 }),
 *   validation: test,
 *   callbacks: [{ onEpochEnd: (e) => console.log(e) }],
 * });
 * ```
 *
 * From a shell: `deno run -A jsr:@x/alexnet train`.
 *
 * @module
 */

export {
  type AdapterDescription,
  type BackendInfo,
  type NativeLibrary,
  throwIfDeviceFailed,
} from "./src/device/device.ts";
export {
  type BackendOptions,
  type DeviceName,
  initBackend,
} from "./src/device/open.ts";
export * from "./src/data/mod.ts";
export * from "./src/distributed/mod.ts";
export * from "./src/errors.ts";
export * from "./src/io/mod.ts";
export * from "./src/device/drop_in/mod.ts";
export * from "./src/models/mod.ts";
export * from "./src/nn/mod.ts";
export * from "./src/report/mod.ts";
export * from "./src/runs/mod.ts";
export * from "./src/train/mod.ts";

if (import.meta.main) {
  const { main } = await import("./src/cli/main.ts");
  Deno.exit(await main(Deno.args));
}
