/** A test of somebody else's program on the CPU: native kernels train it as the plain ones do. */

import { nativeTest, plainly } from "../../native.ts";
import {
  assertSameTraining,
  trainLayersModel,
} from "../drop_in/layers_model.ts";

nativeTest(
  "registerNative() trains a LayersModel as the plain CPU does",
  async () => {
    const plain = await plainly(trainLayersModel);
    assertSameTraining(await trainLayersModel(), plain);
  },
);
