/** Tests of gradients that are handed over while others are still to come. */

import { assertEquals, assertStrictEquals } from "@std/assert";
import { type Scalar, type Tensor, tf } from "../../src/device/tf.ts";
import {
  differentiable,
  opaque,
  valueAndGradients,
} from "../../src/device/tape.ts";
import { recordStep } from "../../src/train/step.ts";
import { deviceTest, use } from "../device.ts";
import { tinyData, tinyNet } from "../train/tiny.ts";

deviceTest(
  "valueAndGradients() hands over each gradient once, when it is whole",
  async (device) => {
    await use(device);
    const [shared, factor, last, unused] = [[2, 3], [5, 7], [11, 13], [1, 1]]
      .map((values) => tf.tensor1d(values));
    const weights = [shared, factor, last, unused];
    const before = tf.memory().numTensors;
    const places: number[] = [];
    const given: Tensor[] = [];
    const copies: Tensor[] = [];
    // The sum of (shared * factor + shared) * last.
    const gradients = tf.tidy(() =>
      valueAndGradients(weights, () => {
        const product = opaque([shared, factor], (a, b) => tf.mul(a, b));
        const sum = opaque([product, shared], (a, b) => tf.add(a, b));
        const all = opaque([sum, last], (a, b) => tf.mul(a, b));
        return opaque([all], (a) => tf.sum(a)) as Scalar;
      }, (place, gradient) => {
        places.push(place);
        given.push(gradient);
        copies.push(tf.keep(tf.mul(gradient, 1)));
      }).gradients
    );
    // As the backward pass meets the first operation of each.
    assertEquals(places, [2, 0, 1]);
    const expected = [[66, 104], [22, 39], [12, 24]];
    for (const [i, place] of places.entries()) {
      assertStrictEquals(given[i], gradients[place]);
      assertEquals([...await copies[i].data()], expected[place]);
      assertEquals([...await gradients[place].data()], expected[place]);
    }
    assertEquals([...await gradients[3].data()], [0, 0]);
    tf.dispose([copies, gradients]);
    assertEquals(tf.memory().numTensors, before);
    tf.dispose(weights);
  },
);

deviceTest(
  "valueAndGradients() hands over nothing of a weight without influence, and the whole of one that an operation has twice",
  async (device) => {
    await use(device);
    const weights = [[3, 4], [1, 1]].map((values) => tf.tensor1d(values));
    const [twice, idle] = weights;
    const places: number[] = [];
    const gradients = tf.tidy(() =>
      valueAndGradients(weights, () => {
        opaque([idle], (a) => tf.neg(a));
        const square = differentiable(
          [twice, twice],
          () => tf.mul(twice, twice),
          (dy) => [tf.mul(dy, twice), tf.mul(dy, twice)],
        );
        return opaque([square], (a) => tf.sum(a)) as Scalar;
      }, (place) => places.push(place)).gradients
    );
    assertEquals(places, [0]);
    assertEquals([...await gradients[0].data()], [6, 8]);
    assertEquals([...await gradients[1].data()], [0, 0]);
    tf.dispose([gradients, weights]);
  },
);

deviceTest(
  "recordStep() hands over the gradients of a network from its last layer to its first, as it gives them",
  async (device) => {
    await use(device);
    const net = tinyNet();
    for await (const { images, labels } of tinyData({ count: 4 })) {
      const given: [place: number, gradient: Tensor][] = [];
      const { loss, correct, gradients } = recordStep(net, images, labels, {
        onGradient: (place, gradient) => given.push([place, gradient]),
      });
      // Two of each of three layers; those of a layer come together.
      const layers = given.map(([place]) => Math.floor(place / 2));
      assertEquals(layers, [2, 2, 1, 1, 0, 0]);
      assertEquals(new Set(given.map(([place]) => place)).size, 6);
      for (const [place, gradient] of given) {
        assertStrictEquals(gradient.dataId, gradients[place].dataId);
      }
      tf.dispose([loss, correct, ...gradients]);
    }
    net.dispose();
  },
);
