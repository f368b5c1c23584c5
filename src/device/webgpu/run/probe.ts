/**
 * Asks an adapter what its limits do not tell: how many loop iterations a shader invocation may run.
 *
 * @module
 */

/** More iterations than the largest limit known (llvmpipe before Mesa 25: 65,535). */
const PROBE_ITERATIONS = 100_000;

const SHADER = `
@group(0) @binding(0) var<storage, read_write> counts : array<u32>;

@compute @workgroup_size(1)
fn main() {
  // counts[1] holds the bound, so that no compiler can replace the loop by its result.
  var count = 0u;
  for (var i = 0u; i < counts[1]; i = i + 1u) {
    count = count + (i | 1u) - i + (i & 1u);
  }
  counts[0] = count;
}`;

/**
 * Counts how many iterations of a loop a shader invocation really runs.
 *
 * llvmpipe before Mesa 25 leaves every loop of an invocation after 65,535 iterations in all, without an error, so that
 * long sums come out too small.
 */
export async function probeMaxLoopIterations(
  device: GPUDevice,
): Promise<number> {
  const storage = device.createBuffer({
    size: 8,
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC |
      GPUBufferUsage.COPY_DST,
  });
  const staging = device.createBuffer({
    size: 8,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
  try {
    device.queue.writeBuffer(
      storage,
      0,
      new Uint32Array([0, PROBE_ITERATIONS]),
    );
    const module = device.createShaderModule({ code: SHADER });
    const pipeline = await device.createComputePipelineAsync({
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
    encoder.copyBufferToBuffer(storage, 0, staging, 0, 8);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const [count] = new Uint32Array(staging.getMappedRange());
    return count === PROBE_ITERATIONS ? Infinity : count;
  } finally {
    storage.destroy();
    staging.destroy();
  }
}
