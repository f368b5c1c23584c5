/** Tests of our tape against TensorFlow.js's, on networks of our layers and of others. */

import { assertEquals, assertRejects } from "@std/assert";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { type Scalar, type Tensor, tf } from "../../src/device/tf.ts";
import { valueAndGradients } from "../../src/device/tape.ts";
import { relu, sigmoid } from "../../src/nn/activation.ts";
import { conv2d } from "../../src/nn/conv2d.ts";
import { dense, dropout, flatten } from "../../src/nn/dense.ts";
import { zeros } from "../../src/nn/initializers.ts";
import type { Layer } from "../../src/nn/layer.ts";
import { softmaxCrossEntropy } from "../../src/nn/loss.ts";
import { averagePool2d, maxPool2d } from "../../src/nn/pooling.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { LossScale } from "../../src/optim/gradient_scale.ts";
import { lossAndGradients } from "../../src/train/step.ts";
import { assertClose } from "../compare.ts";
import { use, webgpuTest } from "../device.ts";
import { labelsUpTo, numbers } from "../numbers.ts";

/** A layer of somebody else's, with a weight, which uses its input twice. */
function gated(): Layer {
  return {
    kind: "gated",
    outputShape: (input) => input,
    weights: ([features]) => [
      { name: "bias", shape: [features], initializer: zeros() },
    ],
    macs: () => 0,
    apply: (x, [bias]) => tf.mul(x, tf.sigmoid(tf.add(x, bias))),
  };
}

/** A layer whose gradient is the very one that it is given. */
function straightThrough(): Layer {
  const sign = tf.customGrad((x) => ({
    value: tf.sign(x as Tensor),
    gradFunc: (dy) => dy,
  }));
  return { ...identity(), kind: "sign", apply: (x) => sign(x) };
}

/** A layer of ours inside one of somebody else's. */
function residual(inner: Layer): Layer {
  return {
    ...inner,
    kind: "residual",
    usesDevice: false,
    fuseWith: undefined,
    apply: (x, weights, context) => tf.add(x, inner.apply(x, weights, context)),
  };
}

/** A layer that leaves its input as it is. */
function identity(): Layer {
  return {
    kind: "identity",
    outputShape: (input) => input,
    weights: () => [],
    macs: () => 0,
    apply: (x) => x,
  };
}

const NETWORKS: Record<string, () => Layer[]> = {
  "fused layers": () => [
    conv2d({ filters: 4, kernelSize: 3, activation: "relu" }),
    maxPool2d({ poolSize: 2 }),
    conv2d({ filters: 5, kernelSize: 3, activation: "sigmoid" }),
    averagePool2d({ poolSize: 2 }),
    flatten(),
    dense({ units: 8, activation: "relu" }),
    dropout({ rate: 0.5 }),
    dense({ units: 3 }),
  ],
  "layers one by one": () => [
    maxPool2d({ poolSize: 2, strides: 1 }),
    conv2d({ filters: 4, kernelSize: 3 }),
    relu(),
    dropout({ rate: 0.25 }),
    averagePool2d({ poolSize: 2 }),
    conv2d({ filters: 4, kernelSize: 3 }),
    sigmoid(),
    maxPool2d({ poolSize: 2 }),
    flatten(),
    dense({ units: 3 }),
  ],
  "others' layers": () => [
    identity(),
    conv2d({ filters: 4, kernelSize: 3 }),
    identity(),
    flatten(),
    gated(),
    dense({ units: 6 }),
    residual(dense({ units: 6 })),
    straightThrough(),
    gated(),
    identity(),
    dense({ units: 3 }),
    identity(),
  ],
};

function batch(count: number) {
  return {
    images: tf.tensor4d(numbers(count * 144, [0, 1]), [count, 12, 12, 1]),
    labels: tf.tensor1d(labelsUpTo(count, 3), "int32"),
  };
}

async function valuesOf(tensors: readonly Tensor[]): Promise<Float32Array[]> {
  const values = [];
  for (const tensor of tensors) {
    values.push(Float32Array.from(await tensor.data()));
  }
  return values;
}

for (const [name, layers] of Object.entries(NETWORKS)) {
  webgpuTest(
    `lossAndGradients() of ${name} is what TensorFlow.js's tape gives`,
    async () => {
      await use("webgpu");
      const net = new Sequential({ inputShape: [12, 12, 1], layers: layers() });
      const { images, labels } = batch(5);
      const weights = net.getWeights();
      const before = tf.memory().numTensors;
      const { value, grads } = tf.variableGrads(
        () =>
          softmaxCrossEntropy(
            net.forward(images, { step: 7, firstImage: 0 }),
            labels,
          ),
        weights,
      );
      const results = lossAndGradients(net, images, labels, { step: 7 });
      const own = await valuesOf([results.loss, ...results.gradients]);
      const theirs = await valuesOf([
        value,
        ...weights.map(({ name }) => grads[name]),
      ]);
      own.forEach((values, i) =>
        assertClose(values, theirs[i], {
          absolute: 1e-6,
          relative: 1e-5,
          what: i === 0 ? "loss" : `gradient of ${net.weightNames()[i - 1]}`,
        })
      );
      tf.dispose([value, grads, results.loss, results.correct]);
      tf.dispose(results.gradients);
      assertEquals(tf.memory().numTensors, before);
      net.dispose();
      tf.dispose([images, labels]);
    },
  );

  webgpuTest(
    `lossAndGradients() of ${name} in float16 is near float32, unscaled and scaled`,
    async () => {
      await use("webgpu");
      const backend = tf.backend() as WebGPUBackend;
      const net = new Sequential({ inputShape: [12, 12, 1], layers: layers() });
      const { images, labels } = batch(5);
      const SCALE = 256;
      const lossScale = new LossScale({ initialScale: SCALE });
      lossScale.update([]);
      const before = backend.numDataIds();
      const all: Float32Array[][] = [];
      for (
        const options of [{}, { precision: "float16" }, {
          precision: "float16",
          lossScale,
        }] as const
      ) {
        const results = lossAndGradients(net, images, labels, options);
        all.push(await valuesOf([results.loss, ...results.gradients]));
        tf.dispose([results.loss, results.correct, results.gradients]);
      }
      const [expected, ...halves] = all;
      halves.forEach((values, scaled) =>
        values.forEach((actual, i) => {
          const factor = scaled === 1 && i > 0 ? SCALE : 1;
          const most = Math.max(...expected[i].map(Math.abs));
          assertClose(actual.map((v) => v / factor), expected[i], {
            // Rounding moves some places of largest values.
            absolute: 0.02 * most,
            what: `number ${i}`,
          });
        })
      );
      assertEquals(backend.numDataIds(), before);
      net.dispose();
      lossScale.dispose();
      tf.dispose([images, labels]);
    },
  );
}

webgpuTest(
  "valueAndGradients() gives zeros for a weight that is not used",
  async () => {
    await use("webgpu");
    const x = tf.tensor1d([1, 2]);
    const before = tf.memory().numTensors;
    const gradients = tf.tidy(() =>
      valueAndGradients([x], () => tf.scalar(3)).gradients
    );
    assertEquals(await valuesOf(gradients), [Float32Array.of(0, 0)]);
    tf.dispose(gradients);
    assertEquals(tf.memory().numTensors, before);
    x.dispose();
  },
);

webgpuTest(
  "a step that fails leaves nothing behind, and the next one works",
  async () => {
    await use("webgpu");
    const net = new Sequential({
      inputShape: [12, 12, 1],
      layers: [
        conv2d({ filters: 4, kernelSize: 3 }),
        {
          ...identity(),
          apply() {
            throw new RangeError("no");
          },
        },
        flatten(),
        dense({ units: 3 }),
      ],
    });
    const { images, labels } = batch(2);
    const before = tf.memory().numTensors;
    await assertRejects(
      async () => await lossAndGradients(net, images, labels),
      RangeError,
    );
    assertEquals(tf.memory().numTensors, before);
    // TensorFlow.js's tape is not in the way of what follows.
    const gradient = tf.grad((x) => tf.sum(tf.square(x)) as Scalar);
    const x = tf.tensor1d([1, 2]);
    const dx = gradient(x);
    assertEquals(await valuesOf([dx]), [Float32Array.of(2, 4)]);
    tf.dispose([x, dx]);
    net.dispose();
    tf.dispose([images, labels]);
  },
);

webgpuTest(
  "lossAndGradients() of weights cast from int32 has their gradients",
  async () => {
    await use("webgpu");
    const net = new Sequential({
      inputShape: [12, 12, 1],
      layers: [flatten(), dense({ units: 3 })],
    });
    const { images, labels } = batch(4);
    const gradients = async () => {
      const results = lossAndGradients(net, images, labels);
      const values = await valuesOf(results.gradients);
      tf.dispose([results.loss, results.correct, results.gradients]);
      return values;
    };
    const set = (make: () => Tensor) => {
      const kernel = tf.tidy(make);
      net.setWeights([kernel, tf.zeros([3])]);
      kernel.dispose();
    };
    set(() => tf.ones([144, 3]));
    const expected = await gradients();
    set(() => tf.cast(tf.ones([144, 3], "int32"), "float32"));
    assertEquals(await gradients(), expected);
    net.dispose();
    tf.dispose([images, labels]);
  },
);
