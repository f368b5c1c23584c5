/**
 * Tests of SGD on many parameters on WebGPU: small ones share a dispatch, large ones may be read from textures.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { throwIfDeviceFailed } from "../../../../src/device/device.ts";
import { sgdInPlace } from "../../../../src/device/webgpu/update/update_in_place.ts";
import {
  pretendTraits,
  traitsOf,
} from "../../../../src/device/webgpu/run/ways.ts";
import { webgpuTest } from "../../../device.ts";
import { webgpuBackend } from "../run.ts";
import {
  checkParameter,
  disposeParameter,
  followParameter,
  makeParameter,
  placesOf,
} from "./sgd_parameters.ts";

const RATES = { learningRate: 0.1, momentum: 0.9, weightDecay: 0.05 };

const STEPS = 3;

/** Fewest numbers of a large parameter. */
const LARGE = 4000;

/** Small parameters, of sizes that are multiples of four and that are not, with large ones between them. */
const SIZES: Readonly<Record<string, readonly number[]>> = {
  "small parameters": [7, 1000, 12, 3, 999, 8, 1],
  "a large one between small ones": [7, 12, 5000, 3, 8, 1, 5],
  "a large one before each small one": [4097, 7, 5000, 12, 4097, 3],
  "large ones of which one is first and one last": [5000, 3, 8, 6, 4, 4097],
};
const HAVE_VELOCITY: Readonly<Record<string, (i: number) => boolean>> = {
  "velocities": () => true,
  "no velocities": () => false,
  "velocities of some": (i) => i % 3 === 0,
};
for (const [what, sizes] of Object.entries(SIZES)) {
  for (const [which, hasVelocity] of Object.entries(HAVE_VELOCITY)) {
    webgpuTest(
      `sgdInPlace() with ${which} on ${what} is the reference's`,
      async () => {
        const backend = await webgpuBackend();
        const traits = traitsOf(backend);
        pretendTraits(backend, { ...traits, leastCopied: LARGE });
        try {
          const parameters = sizes.map((size, i) =>
            makeParameter(size, hasVelocity(i), i)
          );
          const places = parameters.map(placesOf);
          for (let step = 0; step < STEPS; step++) {
            sgdInPlace(parameters, RATES);
            parameters.forEach((parameter) =>
              followParameter(parameter, RATES)
            );
          }
          assertEquals(parameters.map(placesOf), places);
          for (const parameter of parameters) await checkParameter(parameter);
          parameters.forEach(disposeParameter);
          throwIfDeviceFailed();
        } finally {
          pretendTraits(backend);
        }
      },
    );
  }
}

for (const hasVelocity of [false, true]) {
  const what = hasVelocity ? "with a velocity" : "without one";
  webgpuTest(
    `sgdInPlace() takes several small parameters ${what} in a dispatch`,
    async () => {
      await webgpuBackend();
      const sizes = SIZES["small parameters"];
      const parameters = sizes.map((size, i) =>
        makeParameter(size, hasVelocity, i)
      );
      const count = countDispatches(() => sgdInPlace(parameters, RATES));
      assert(count > 0 && count <= Math.ceil(sizes.length / 2), `${count}`);
      parameters.forEach(disposeParameter);
    },
  );
}

/** How many dispatches something records. */
function countDispatches(record: () => void): number {
  const { prototype } = GPUComputePassEncoder;
  const dispatchWorkgroups = prototype.dispatchWorkgroups;
  let count = 0;
  prototype.dispatchWorkgroups = function (...args) {
    count++;
    return dispatchWorkgroups.apply(this, args);
  };
  try {
    record();
  } finally {
    prototype.dispatchWorkgroups = dispatchWorkgroups;
  }
  return count;
}
