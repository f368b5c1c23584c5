/** Tests of what the probe finds, against a loop of another kind on the same device. */

import { assertEquals } from "@std/assert";
import { probeMaxLoopIterations } from "../../../../src/device/webgpu/run/adapter.ts";
import { tf } from "../../../../src/device/tf.ts";
import { use, webgpuTest } from "../../../device.ts";

/** More than llvmpipe before Mesa 25 does, in nested loops. */
const OUTER = 70;
const INNER = 1000;

const SHADER = `
@group(0) @binding(0) var<storage, read_write> sums : array<u32>;

@compute @workgroup_size(1)
fn main() {
  var sum = 0u;
  for (var i = 0u; i < sums[1]; i++) {
    for (var j = 0u; j < sums[2]; j++) {
      sum = (sum ^ (i & j)) + 1u;
    }
  }
  sums[0] = sum;
}`;

webgpuTest(
  "probeMaxLoopIterations() finds the limit that a nested loop meets",
  async () => {
    const { adapter, maxLoopIterations } = await use("webgpu");
    const device = (tf.backend() as unknown as { device: GPUDevice }).device;
    assertEquals(await probeMaxLoopIterations(device), maxLoopIterations);
    const isComplete = await _sum(device) === expectedSum();
    assertEquals(isComplete, maxLoopIterations >= OUTER * (INNER + 1));
    // Known: llvmpipe before Mesa 25 stops here (LLVM 15 comes with Debian 12's Mesa 22.3).
    if (adapter?.name.startsWith("llvmpipe (LLVM 15")) {
      assertEquals(maxLoopIterations, 65_535);
    }
  },
);

function expectedSum(): number {
  let sum = 0;
  for (let i = 0; i < OUTER; i++) {
    for (let j = 0; j < INNER; j++) {
      sum = ((sum ^ (i & j)) + 1) >>> 0;
    }
  }
  return sum;
}

async function _sum(device: GPUDevice): Promise<number> {
  const { STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
  const usage = STORAGE | COPY_SRC | COPY_DST;
  const storage = device.createBuffer({ size: 12, usage });
  const staging = device.createBuffer({ size: 4, usage: MAP_READ | COPY_DST });
  device.queue.writeBuffer(storage, 0, new Uint32Array([0, OUTER, INNER]));
  const module = device.createShaderModule({ code: SHADER });
  const pipeline = device.createComputePipeline({
    layout: "auto",
    compute: { module },
  });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(
    0,
    device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [{ binding: 0, resource: { buffer: storage } }],
    }),
  );
  pass.dispatchWorkgroups(1);
  pass.end();
  encoder.copyBufferToBuffer(storage, 0, staging, 0, 4);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const [sum] = new Uint32Array(staging.getMappedRange().slice(0));
  storage.destroy();
  staging.destroy();
  return sum;
}
