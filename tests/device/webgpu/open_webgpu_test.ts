/** Tests of the WebGPU device: its limits, its errors, and switching to and from the CPU. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  describeAdapter,
  findAdapter,
} from "../../../src/device/webgpu/run/adapter.ts";
import {
  device as deviceInUse,
  readScalars,
  throwIfDeviceFailed,
} from "../../../src/device/device.ts";
import {
  ensureBackend,
  initBackend,
  nativeLibrary,
} from "../../../src/device/open.ts";
import { loadTf, tf } from "../../../src/device/tf.ts";
import { BackendError, OptionError } from "../../../src/errors.ts";
import { use, webgpuTest } from "../../device.ts";

webgpuTest(
  "ensureBackend() chooses WebGPU where there is a GPU, or no library for the CPU",
  async () => {
    await loadTf();
    const { isSoftware } = describeAdapter((await findAdapter())!);
    const { library } = nativeLibrary();
    const device = isSoftware && library !== undefined ? "cpu" : "webgpu";
    const info = await ensureBackend();
    assertEquals([info.device, tf.getBackend()], [device, device]);
    assertEquals(await ensureBackend(), info);
    assertEquals(deviceInUse().info, info);
  },
);

webgpuTest(
  "initBackend() describes the adapter and opens it with all of its limits",
  async () => {
    const { adapter, maxBindingBytes, maxLoopIterations } = await use("webgpu");
    assert(adapter !== undefined);
    const found = await findAdapter();
    assertEquals(adapter, describeAdapter(found!));
    assert(adapter.name.length > 0);
    assertEquals(adapter.isSoftware, found!.info.isFallbackAdapter);
    assertEquals(adapter.features, [...adapter.features].sort());
    assertEquals(maxBindingBytes, found!.limits.maxStorageBufferBindingSize);
    const { limits } = makeDevice();
    for (const [name, value] of Object.entries(adapter.limits)) {
      assertEquals(limits[name as keyof GPUSupportedLimits], value, name);
    }
    assert(
      maxLoopIterations === Infinity ||
        (Number.isInteger(maxLoopIterations) && maxLoopIterations >= 1),
      `${maxLoopIterations} iterations`,
    );
  },
);

webgpuTest(
  "initBackend() is cheap to call again and switches devices",
  async () => {
    const info = await use("webgpu");
    const device = makeDevice();
    assertEquals((await use("cpu")).device, "cpu");
    assertEquals(tf.getBackend(), "cpu");
    assertEquals(await readScalars(tf.scalar(2)), [2]);
    assertEquals(await use("webgpu"), info);
    assert(makeDevice() === device);
  },
);

webgpuTest(
  "initBackend() refuses other maxBindingBytes once WebGPU is in use",
  async () => {
    const { maxBindingBytes } = await use("webgpu");
    const error = await assertRejects(
      () => initBackend({ device: "webgpu", maxBindingBytes: 1024 }),
      OptionError,
      "already open",
    );
    assertEquals(error.option, "maxBindingBytes");
    await initBackend({ device: "webgpu", maxBindingBytes });
  },
);

for (const device of ["cpu", "webgpu"] as const) {
  const test = device === "webgpu" ? webgpuTest : Deno.test;
  test(`readScalars() reads scalars of any type on ${device} and keeps them`, async () => {
    await use(device);
    const before = tf.memory().numTensors;
    const scalars = [
      tf.scalar(1.5),
      tf.scalar(7, "int32"),
      tf.scalar(true),
      tf.tensor([-2], [1, 1]),
    ];
    assertEquals(await readScalars(...scalars), [1.5, 7, 1, -2]);
    assertEquals(scalars.some((scalar) => scalar.isDisposed), false);
    scalars.forEach((scalar) => scalar.dispose());
    assertEquals(tf.memory().numTensors, before);
  });
}

webgpuTest(
  "throwIfDeviceFailed() throws once what the device reported",
  async () => {
    await use("webgpu");
    throwIfDeviceFailed();
    await breakDevice(2);
    const error = assertThrows(throwIfDeviceFailed, BackendError);
    assert(error.message.startsWith("The WebGPU device reported: "));
    assert(error.message.includes("(and 1 more)"), error.message);
    throwIfDeviceFailed();
  },
);

webgpuTest(
  "readScalars() throws what the device reported, frees its own, and works again",
  async () => {
    await use("webgpu");
    await breakDevice(1);
    const scalar = tf.scalar(3);
    const before = tf.memory().numTensors;
    await assertRejects(() => readScalars(scalar), BackendError);
    assertEquals(tf.memory().numTensors, before);
    assertEquals(await readScalars(scalar), [3]);
    scalar.dispose();
  },
);

function makeDevice(): GPUDevice {
  return (tf.backend() as unknown as { device: GPUDevice }).device;
}

/** Has the device report validation errors outside of any call. */
async function breakDevice(count: number): Promise<void> {
  const device = makeDevice();
  for (let i = 0; i < count; i++) {
    const { MAP_READ, MAP_WRITE } = GPUBufferUsage;
    device.createBuffer({ size: 4, usage: MAP_READ | MAP_WRITE });
  }
  await device.queue.onSubmittedWorkDone();
}
