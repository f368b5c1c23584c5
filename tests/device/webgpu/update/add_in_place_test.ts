/** Tests of adding to a tensor where it is. */

import { assertEquals } from "@std/assert";
import { throwIfDeviceFailed } from "../../../../src/device/device.ts";
import { tf } from "../../../../src/device/tf.ts";
import { addInPlace } from "../../../../src/device/webgpu/update/update_in_place.ts";
import { webgpuTest } from "../../../device.ts";
import { numbers } from "../../../numbers.ts";
import { webgpuBackend } from "../run.ts";

/** The last takes more workgroups than fit in one direction. */
const SHAPES = [[], [1], [65], [3, 2, 4, 5], [65_535 * 64 + 1]];
for (const shape of SHAPES) {
  webgpuTest(`addInPlace() adds a term of shape [${shape}]`, async () => {
    const backend = await webgpuBackend();
    const size = shape.reduce((product, n) => product * n, 1);
    const [a, b] = [1, 2].map((seed) => numbers(size, [-1, 1], seed));
    const sum = tf.tensor(a.slice(), shape);
    const term = tf.tensor(b.slice(), shape);
    const dataIds = backend.numDataIds();
    addInPlace(backend, sum, term);
    const once = a.map((value, i) => value + b[i]);
    assertSame(await sum.data(), once);
    // What was read is on the host by now, and must not be read again.
    addInPlace(backend, sum, term);
    assertSame(await sum.data(), once.map((value, i) => value + b[i]));
    assertSame(await term.data(), b);
    assertEquals(backend.numDataIds(), dataIds);
    tf.dispose([sum, term]);
    throwIfDeviceFailed();
  });
}

/** The sum of two float32 is rounded once, so there is one right result. */
function assertSame(actual: ArrayLike<number>, expected: Float32Array): void {
  assertEquals(actual.length, expected.length);
  const wrong = expected.findIndex((value, i) => actual[i] !== value);
  assertEquals(actual[wrong], expected[wrong], `number ${wrong}`);
}
