/** Runs TensorFlow.js's own tests of the operations whose kernels `registerKernels` replaces. */

import { use, webgpuTest } from "../../device.ts";
import { watchCalls } from "./stock_calls.ts";
import { registerOwnTests } from "./tfjs_own_cases.ts";

await registerOwnTests({
  replacer: "registerKernels",
  test: webgpuTest,
  start: () => use("webgpu"),
  takeCalls: await watchCalls(),
});
