/**
 * Tests of SGD in place on WebGPU against the rule in float64, and of what it does to tensors that share memory.
 *
 * @module
 */

import { assertEquals, assertNotEquals } from "@std/assert";
import { type Tensor, tf, type Variable } from "../../src/backend/tf.ts";
import { sgdInPlace, type SgdRates } from "../../src/kernels/sgd.ts";
import { dense } from "../../src/nn/dense.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { assertClose } from "../compare.ts";
import { webgpuTest } from "../device.ts";
import { numbers } from "../numbers.ts";
import { passTest } from "./forms.ts";
import { poison, webgpuBackend } from "./run.ts";

/** Parameters on the device and what they should be. */
interface Parameter {
  readonly weight: Variable;
  readonly velocity?: Variable;
  readonly gradient: Tensor;
  readonly expected: {
    readonly weight: Float64Array;
    readonly velocity: Float64Array;
    readonly gradient: Float32Array;
  };
}

const RATES: SgdRates = { learningRate: 0.1, momentum: 0.9, weightDecay: 0.05 };
const SIZES = [1, 3, 4, 1000, 4097];

/** A few float32 operations on numbers around 1, for each of the steps. */
const ABSOLUTE = 1e-6;
const STEPS = 3;

type Recipe = [what: string, rates: SgdRates, hasVelocity: boolean];

const RECIPES: readonly Recipe[] = [
  ["a velocity and weight decay", RATES, true],
  ["a velocity", { ...RATES, weightDecay: 0 }, true],
  ["weight decay", RATES, false],
  ["neither", { ...RATES, weightDecay: 0 }, false],
  ["no momentum but a velocity", { ...RATES, momentum: 0 }, true],
];
for (const [what, rates, hasVelocity] of RECIPES) {
  for (const sizes of [...SIZES.map((size) => [size]), SIZES, [7, 7]]) {
    passTest(
      `sgdInPlace() with ${what} on ${sizes} is the reference's`,
      async () => {
        await webgpuBackend();
        const parameters = sizes.map((size, i) => _make(size, hasVelocity, i));
        const places = parameters.map(_placesOf);
        for (let step = 0; step < STEPS; step++) {
          sgdInPlace(parameters, rates);
          parameters.forEach((parameter) => _follow(parameter, rates));
        }
        // In place.
        assertEquals(parameters.map(_placesOf), places);
        for (const parameter of parameters) await _check(parameter);
        parameters.forEach(_dispose);
      },
    );
  }
}

/** Ways to make a tensor of the given values that has the memory of a variable. */
const SHARERS: Readonly<
  Record<string, (variable: Variable, values: Float32Array) => Tensor>
> = {
  "clone of": (variable) => tf.clone(variable),
  "reshape of": (variable) => tf.reshape(variable, [1, variable.size]),
  "tensor assigned to": (variable, values) => {
    const tensor = tf.tensor(values.slice());
    variable.assign(tensor);
    return tensor;
  },
};
for (const [what, share] of Object.entries(SHARERS)) {
  for (const shared of ["weight", "velocity"] as const) {
    passTest(
      `sgdInPlace() leaves a ${what} a ${shared} as it was`,
      async () => {
        const backend = await webgpuBackend();
        const parameter = _make(100, true);
        const old = Float32Array.from(parameter.expected[shared]);
        const sharer = share(parameter[shared]!, old);
        assertEquals(sharer.dataId, parameter[shared]!.dataId);
        // What is moved is moved to memory full of NaN.
        await poison([100]);
        const tensors = tf.memory().numTensors;
        const dataIds = backend.numDataIds();
        for (let step = 0; step < STEPS; step++) {
          sgdInPlace([parameter], RATES);
          _follow(parameter, RATES);
          // Moved once, by the first step.
          assertEquals(backend.numDataIds(), dataIds + 1);
          assertEquals(tf.memory().numTensors, tensors);
        }
        assertNotEquals(sharer.dataId, parameter[shared]!.dataId);
        await _check(parameter);
        assertEquals(await sharer.data(), old);
        sharer.dispose();
        // Disposing it leaves the weight alone.
        await poison([100]);
        sgdInPlace([parameter], RATES);
        _follow(parameter, RATES);
        await _check(parameter);
        _dispose(parameter);
      },
    );
  }
}

webgpuTest(
  "sgdInPlace() leaves what setWeights() was given as it was",
  async () => {
    await webgpuBackend();
    const [inputs, units] = [6, 5];
    const net = new Sequential({
      inputShape: [inputs],
      layers: [dense({ units })],
    });
    const sizes = [inputs * units, units];
    const starts = sizes.map((size, i) => numbers(size, [-1, 1], i));
    const given = [
      tf.tensor(starts[0].slice(), [inputs, units]),
      tf.tensor(starts[1].slice()),
    ];
    net.setWeights(given);
    const gradients = given.map((tensor) => tf.onesLike(tensor));
    const weights = net.getWeights();
    const rates = { learningRate: 0.5, momentum: 0, weightDecay: 0 };
    for (let step = 0; step < STEPS; step++) {
      sgdInPlace(
        weights.map((weight, i) => ({ weight, gradient: gradients[i] })),
        rates,
      );
    }
    for (const [i, start] of starts.entries()) {
      assertEquals(await given[i].data(), start);
      assertClose(
        await weights[i].data() as Float32Array,
        start.map((value) => value - STEPS * 0.5),
        { absolute: ABSOLUTE },
      );
    }
    tf.dispose([...given, ...gradients]);
    net.dispose();
  },
);

webgpuTest(
  "sgdInPlace() changes what is read after it, and not what was read before",
  async () => {
    await webgpuBackend();
    const parameter = _make(100, true);
    const { weight, velocity } = parameter;
    for (let step = 0; step < STEPS; step++) {
      const [before, velocityBefore] = [
        await weight.data(),
        await velocity!.data(),
      ];
      const copies = [before.slice(), velocityBefore.slice()];
      sgdInPlace([parameter], RATES);
      _follow(parameter, RATES);
      await _check(parameter);
      assertEquals([before, velocityBefore], copies);
    }
    _dispose(parameter);
  },
);

webgpuTest(
  "sgdInPlace() keeps the numbers of tensors and of what holds their data",
  async () => {
    const backend = await webgpuBackend();
    for (const hasVelocity of [false, true]) {
      const parameters = SIZES.map((size, i) => _make(size, hasVelocity, i));
      const [tensors, dataIds] = [tf.memory().numTensors, backend.numDataIds()];
      for (let step = 0; step < 20; step++) {
        sgdInPlace(parameters, RATES);
        assertEquals(tf.memory().numTensors, tensors);
        assertEquals(backend.numDataIds(), dataIds);
      }
      parameters.forEach(_dispose);
    }
  },
);

webgpuTest("sgdInPlace() does not wait for reads on their way", async () => {
  await webgpuBackend();
  const parameter = _make(100, false);
  sgdInPlace([parameter], RATES);
  const reading = parameter.weight.data();
  sgdInPlace([parameter], RATES);
  _follow(parameter, RATES);
  await reading;
  _follow(parameter, RATES);
  await _check(parameter);
  _dispose(parameter);
});

function _make(size: number, hasVelocity: boolean, i = 0): Parameter {
  const values = (role: number) => numbers(size, [-1, 1], 10 * i + role);
  const variable = (role: number) =>
    tf.tidy(() => tf.variable(tf.tensor(values(role)), false));
  return {
    weight: variable(0),
    velocity: hasVelocity ? variable(1) : undefined,
    gradient: tf.tensor(values(2)),
    expected: {
      weight: Float64Array.from(values(0)),
      velocity: hasVelocity
        ? Float64Array.from(values(1))
        : new Float64Array(size),
      gradient: values(2),
    },
  };
}

function _placesOf({ weight, velocity }: Parameter): (object | undefined)[] {
  return [weight.dataId, velocity?.dataId];
}

/** A step of torch.optim.SGD with dampening 0; without a velocity it begins at 0 in each. */
function _follow({ expected, velocity }: Parameter, rates: SgdRates): void {
  expected.gradient.forEach((gradient, i) => {
    const g = gradient + rates.weightDecay * expected.weight[i];
    const old = velocity ? expected.velocity[i] : 0;
    expected.velocity[i] = rates.momentum * old + g;
    expected.weight[i] -= rates.learningRate * expected.velocity[i];
  });
}

async function _check(
  { weight, velocity, gradient, expected }: Parameter,
): Promise<void> {
  const close = async (tensor: Tensor, values: Float64Array, what: string) =>
    assertClose(await tensor.data(), values, { absolute: ABSOLUTE, what });
  await close(weight, expected.weight, "weights");
  if (velocity) await close(velocity, expected.velocity, "velocities");
  assertEquals(await gradient.data(), expected.gradient);
}

function _dispose({ weight, velocity, gradient }: Parameter): void {
  tf.dispose([weight, gradient, ...velocity ? [velocity] : []]);
}
