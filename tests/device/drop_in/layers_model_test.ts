/** A test of somebody else's program on WebGPU: it trains as on the CPU. */

import { use, webgpuTest } from "../../device.ts";
import { assertSameTraining, trainLayersModel } from "./layers_model.ts";

webgpuTest(
  "registerKernels() trains a LayersModel as the CPU backend does",
  async () => {
    await use("plain");
    const cpu = await trainLayersModel();
    await use("webgpu");
    assertSameTraining(await trainLayersModel(), cpu);
  },
);
