/** Tests of loss, gradient and count of correct predictions by native kernels against the reference. */

import { device } from "../../../src/device/device.ts";
import { nativeTest } from "../../native.ts";
import {
  type ComputeCrossEntropy,
  crossEntropyTests,
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

crossEntropyTests(nativeTest, compute);
