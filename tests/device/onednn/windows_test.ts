/** Tests of windows that native kernels leave to TensorFlow.js. */

import { assertEquals } from "@std/assert";
import { type Tensor, type Tensor4D, tf } from "../../../src/device/tf.ts";
import { assertCloseTensor } from "../../compare.ts";
import { nativeTest, plainly } from "../../native.ts";
import { numbers } from "../../numbers.ts";

type Shape4d = [number, number, number, number];

interface WindowCase {
  readonly input: Shape4d;
  readonly size: [height: number, width: number];
  readonly strides: [height: number, width: number];
  readonly pad: number;
}

/** Windows that oneDNN refuses, or takes otherwise: TensorFlow.js sizes those with a number as padding. */
const WINDOWS: Readonly<Record<string, WindowCase>> = {
  "fewer windows in a row than there is room for": {
    input: [2, 8, 12, 4],
    size: [4, 5],
    strides: [4, 1],
    pad: 0,
  },
  "more windows in a row than there is room for": {
    input: [2, 10, 12, 4],
    size: [3, 4],
    strides: [1, 3],
    pad: 0,
  },
  "a window in padding alone behind the image": {
    input: [1, 1, 2, 4],
    size: [3, 3],
    strides: [1, 3],
    pad: 1,
  },
  "windows in padding alone": {
    input: [1, 6, 6, 4],
    size: [2, 2],
    strides: [1, 1],
    pad: 3,
  },
};

for (const [what, { input, size, strides, pad }] of Object.entries(WINDOWS)) {
  const makeImages = () =>
    tf.tensor4d(numbers(input.reduce((n, m) => n * m), [-1, 1]), input);
  nativeTest(
    `registerNative() leaves tf.fused.conv2d() of ${what} as it was`,
    () =>
      _compare(() => {
        const kernel = tf.tensor4d(
          numbers(size[0] * size[1] * 12, [-1, 1], 1),
          [...size, 4, 3],
        );
        const window = { strides, pad, dimRoundingMode: "floor" } as const;
        const convolve = (x: Tensor, kernel: Tensor) =>
          tf.fused.conv2d({
            ...window,
            x: x as Tensor4D,
            filter: kernel as Tensor4D,
            bias: tf.tensor1d([1, 2, 3]),
          });
        return [
          convolve(makeImages(), kernel),
          ...tf.grads(convolve)([makeImages(), kernel]),
        ];
      }),
  );
  nativeTest(
    `registerNative() leaves tf.maxPool() of ${what} as it was`,
    () =>
      _compare(() => {
        const pool = (x: Tensor) =>
          tf.maxPool(x as Tensor4D, size, strides, pad, "floor");
        return [pool(makeImages()), tf.grad(pool)(makeImages())];
      }),
  );
}

async function _compare(compute: () => Tensor[]): Promise<void> {
  const expected = await plainly(() => tf.tidy(compute));
  const actual = tf.tidy(compute);
  for (const [i, tensor] of actual.entries()) {
    assertEquals(tensor.shape, expected[i].shape);
    const [values, plain] = [await tensor.data(), await expected[i].data()];
    if (plain.some((value) => !Number.isFinite(value))) {
      assertEquals(values, plain);
    } else assertCloseTensor(values, plain, { relative: 1e-5 });
  }
  tf.dispose([expected, actual]);
}
