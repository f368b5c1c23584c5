/** Tests on the full data set: the device's batches against the host's, and memory. */

import { assert, assertEquals } from "@std/assert";
import { runHostPath } from "../../../bench/host_path.ts";
import { loadFashionMnist } from "../../../src/data/fashion_mnist/fashion_mnist.ts";
import { ensureFashionMnist } from "../../../src/data/fashion_mnist/files.ts";
import { use, webgpuTest } from "../../device.ts";

const isMissing = await ensureFashionMnist({ offline: true })
  .then(() => false, (error: Error) => {
    console.log(`Tests of the full data set are ignored: ${error.message}`);
    return true;
  });

/** At 224x224 every fifth is enough: that all files are read right shows at 28x28. */
const SIZES = [
  { resize: 28, testSamples: 10_000 },
  { resize: 224, testSamples: 2_000 },
];
for (const { resize, testSamples } of isMissing ? [] : SIZES) {
  webgpuTest(
    `DataLoader makes ${testSamples} test images at ${resize}x${resize} on the device as on the host`,
    async () => {
      await use("webgpu");
      const options = { batchSize: 125, resize, trainSamples: 1, testSamples };
      const [device, host] = await Promise.all(
        (["device", "host"] as const).map((path) =>
          loadFashionMnist({ ...options, path, workers: 1 })
        ),
      );
      const expected = host.test.arrays();
      let [count, worst] = [0, 0];
      for await (const { images, labels } of device.test) {
        const { value } = await expected.next();
        assertEquals(await labels.data(), value!.labels);
        const values = await images.data();
        assertEquals(values.length, value!.images.length);
        for (let i = 0; i < values.length; i++) {
          const difference = Math.abs(values[i] - value!.images[i]);
          // Not a number is worse than any number.
          if (!(difference <= worst)) worst = difference;
        }
        count += labels.size;
      }
      assertEquals([count, (await expected.next()).done], [testSamples, true]);
      assert(worst <= 1e-6, `off by ${worst}`);
      device.test.dispose();
    },
  );
}

Deno.test({
  name:
    "DataLoader takes less than 1 GB of memory for 3 GB of train images at 224x224 on the host, with 4 workers",
  ignore: isMissing,
  async fn() {
    const { images, peakBytes } = await runHostPath([
      ...["--workers", "4", "--resize", "224", "--samples", "15000"],
    ]);
    assertEquals(images, 15_000);
    assert(peakBytes < 1e9, `${peakBytes} bytes`);
  },
});
