/** Tests of loss, gradient and count of correct predictions on WebGPU against the reference. */

import { crossEntropy } from "../../../../src/device/webgpu/loss/cross_entropy.ts";
import { webgpuTest } from "../../../device.ts";
import {
  type ComputeCrossEntropy,
  crossEntropyTests,
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

crossEntropyTests(webgpuTest, compute);
