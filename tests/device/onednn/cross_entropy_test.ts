/** Tests of loss, gradient and count of correct predictions by native kernels against the reference. */

import { device } from "../../../src/device/device.ts";
import { nativeTest } from "../../native.ts";
import {
  BAD_ROWS,
  checkBadRow,
  checkCountOfBadLabels,
  checkCrossEntropy,
  type ComputeCrossEntropy,
  CROSS_ENTROPIES,
} from "../webgpu/loss/cross_entropy_cases.ts";
import { runNativeOfSeveral } from "./run.ts";

const compute: ComputeCrossEntropy = async (logits, labels, count) => {
  const batch = labels.length;
  const [[loss], [correct], gradient] = await runNativeOfSeveral({
    inputs: [
      { values: logits, shape: [batch, logits.length / batch] },
      { values: labels, shape: [batch] },
    ],
    kernel: (_, [logits, labels]) => {
      const results = device().crossEntropy({ logits, labels }, count);
      return [results.loss, results.correct, results.gradient];
    },
  });
  return { loss, correct, gradient };
};

for (const testCase of CROSS_ENTROPIES) {
  const { batch, classes, what } = testCase;
  nativeTest(
    `crossEntropy() ${batch}x${classes}, ${what}, is the reference's`,
    () => checkCrossEntropy(testCase, compute),
  );
}

for (const bad of BAD_ROWS) {
  for (const place of [0, 299]) {
    nativeTest(
      `crossEntropy() with ${bad[0]} in row ${place} of 300 has the loss NaN`,
      () => checkBadRow({ bad, place }, compute),
    );
  }
}

nativeTest(
  "crossEntropy() counts no row whose label is out of range",
  () => checkCountOfBadLabels(compute),
);
