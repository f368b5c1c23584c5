/** Prints, as JSON, what `initBackend` does for "auto" and for "webgpu" where no driver offers an adapter. */

import { initBackend } from "../../src/device/open.ts";

navigator.gpu.requestAdapter = () => Promise.resolve(null);

const warnings: string[] = [];
const { device } = await initBackend({
  onWarning: (message) => warnings.push(message),
});
const failure = await initBackend({ device: "webgpu" }).then(
  () => ({}),
  ({ name, message }: Error) => ({ error: name, message }),
);
console.log(JSON.stringify([{ device, warnings }, failure]));
