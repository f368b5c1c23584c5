/** Tests of loss, gradient and count of correct predictions on WebGPU against the reference. */

import { crossEntropy } from "../../../../src/device/webgpu/loss/cross_entropy.ts";
import { webgpuTest } from "../../../device.ts";
import {
  BAD_ROWS,
  checkBadRow,
  checkCountOfBadLabels,
  checkCrossEntropy,
  type ComputeCrossEntropy,
  CROSS_ENTROPIES,
} from "./cross_entropy_cases.ts";
import { runKernelOfSeveral } from "../run.ts";

const compute: ComputeCrossEntropy = async (logits, labels, count) => {
  const batch = labels.length;
  const [[loss], [correct], gradient] = await runKernelOfSeveral({
    inputs: [
      { values: logits, shape: [batch, logits.length / batch] },
      { values: labels, shape: [batch] },
    ],
    kernel: (backend, [logits, labels]) => {
      const results = crossEntropy(backend, { logits, labels }, count);
      return [results.loss, results.correct, results.gradient];
    },
  });
  return { loss, correct, gradient };
};

for (const testCase of CROSS_ENTROPIES) {
  const { batch, classes, what } = testCase;
  webgpuTest(
    `crossEntropy() ${batch}x${classes}, ${what}, is the reference's`,
    () => checkCrossEntropy(testCase, compute),
  );
}

for (const bad of BAD_ROWS) {
  for (const place of [0, 299]) {
    webgpuTest(
      `crossEntropy() with ${bad[0]} in row ${place} of 300 has the loss NaN`,
      () => checkBadRow({ bad, place }, compute),
    );
  }
}

webgpuTest(
  "crossEntropy() counts no row whose label is out of range",
  () => checkCountOfBadLabels(compute),
);
