/** The gradient of average pooling where windows reach over the border. */

import { tf } from "../../src/device/tf.ts";
import { averagePool2d } from "../../src/nn/pooling.ts";
import { assertClose } from "../compare.ts";
import { read, use, webgpuTest } from "../device.ts";

for (const device of ["cpu", "webgpu"] as const) {
  const test = device === "webgpu" ? webgpuTest : Deno.test;
  test(`averagePool2d() same divides its gradient by the pixels of the window, not the padding, on ${device}`, async () => {
    await use(device);
    const layer = averagePool2d({ poolSize: 2, padding: "same" });
    const context = {
      training: true,
      seed: 0,
      step: 0,
      firstImage: 0,
      layerIndex: 0,
      needsInputGradient: true,
    };
    const [dx] = await read(() => [
      tf.grad((x) => tf.sum(layer.apply(x, [], context)))(
        tf.ones([1, 3, 3, 1]),
      ),
    ]);
    // deno-fmt-ignore
    assertClose(dx, [
      0.25, 0.25, 0.5,
      0.25, 0.25, 0.5,
      0.5, 0.5, 1,
    ], { relative: 1e-6 });
  });
}
