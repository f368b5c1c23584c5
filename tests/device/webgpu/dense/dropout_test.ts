/** Tests of random numbers and dropout on WebGPU, alone and after a product, against those of the host. */

import { assertEquals } from "@std/assert";
import {
  dispatch,
  makeOutput,
  programOf,
} from "../../../../src/device/webgpu/run/dispatch.ts";
import { fusedDropout } from "../../../../src/device/webgpu/dense/dropout.ts";
import { gridOf, indexOf } from "../../../../src/device/webgpu/wgsl/wgsl.ts";
import {
  makeRandomKey,
  uniformFunction,
} from "../../../../src/device/webgpu/dense/dropout.ts";
import { uniforms } from "../../../../src/random.ts";
import { webgpuTest } from "../../../device.ts";
import {
  checkDense,
  checkDropout,
  DENSE,
  dropoutMask,
  DROPOUTS,
  KEYS,
} from "./dropout_cases.ts";
import { runKernel, runKernelOfSeveral } from "../run.ts";

for (const key of KEYS) {
  webgpuTest(
    `uniformBits() of ${JSON.stringify(key)} are those of uniforms()`,
    async () => {
      for (const size of [1, 2, 63, 65, 1000]) {
        const bits = await runKernel({
          inputs: [],
          kernel: (backend) => {
            const random = makeRandomKey(backend, key);
            const output = makeOutput(backend, [size], "int32");
            const workgroups = gridOf(size);
            const program = programOf(backend, `uniform bits,${size}`, () => ({
              code: `
@group(0) @binding(0) var<storage, read_write> output: array<u32>;
@group(0) @binding(1) var<storage, read> random: array<u32, 4>;
${uniformFunction("random")}
${indexOf(size, workgroups)}
  output[i] = uniformBits(i);
}
`,
              workgroups,
            }));
            dispatch(backend, program, [output, random]);
            backend.disposeData(random.dataId);
            return output;
          },
        });
        assertEquals(bits, uniforms(size, key).map((u) => u * 2 ** 24));
      }
    },
  );
}

for (const dropout of DROPOUTS) {
  webgpuTest(
    `fusedDropout() of ${dropout.rate} on ${dropout.shape} is the host's, and so is its gradient`,
    () => checkDropout(dropout, runKernelOfSeveral),
  );
}

webgpuTest(
  "fusedDropout() takes more elements than workgroups fit in a row",
  async () => {
    const size = 65_535 * 64 + 65;
    const options = { rate: 0.5, key: KEYS[2] };
    const y = await runKernel({
      inputs: [{ values: new Float32Array(size).fill(1), shape: [size] }],
      kernel: (_, [x]) => fusedDropout(x, options),
    });
    const mask = dropoutMask(size, options.rate, options.key);
    assertEquals(y.findIndex((value, i) => value !== mask[i]), -1);
  },
);

for (const testCase of DENSE) {
  const { rows, inputs, columns, rate } = testCase;
  const what = `${rows}x${columns}x${inputs} with relu and dropout of ${rate}`;
  webgpuTest(
    `fusedDense() ${what} is relu, then dropout, and so are its gradients`,
    () => checkDense(testCase, runKernelOfSeveral),
  );
}
