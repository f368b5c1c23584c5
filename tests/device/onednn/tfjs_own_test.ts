/** Runs TensorFlow.js's own tests of the operations whose kernels `registerNative` replaces. */

import { nativeBackend, nativeTest } from "../../native.ts";
import { watchCalls } from "../drop_in/stock_calls.ts";
import { registerOwnTests } from "../drop_in/tfjs_own_cases.ts";

await registerOwnTests({
  replacer: "registerNative",
  test: nativeTest,
  start: nativeBackend,
  takeCalls: await watchCalls("cpu"),
});
