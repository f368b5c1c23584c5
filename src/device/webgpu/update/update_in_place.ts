/**
 * Changes weights, and what an optimizer keeps of each, where they are, by a rule that each optimizer states.
 *
 * @module
 */

import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import {
  type AdamRates,
  type AdamTensors,
  SCALE_STATE,
  type SgdRates,
  type SgdTensors,
} from "../../device.ts";
import { asNumbers } from "../../tape.ts";
import { type Tensor, tf, type Variable } from "../../tf.ts";
import { dispatchInPlace, makeFilled, programOf } from "../run/dispatch.ts";
import { storedType } from "../run/recorder.ts";
import { sourceOfPass, traitsOf } from "../run/ways.ts";
import { gridOf, indexOf, range, type Shader } from "../wgsl/wgsl.ts";
import { declareOperand, type Source } from "../wgsl/operand.ts";

/** Storage buffers that every adapter can bind to a shader. */
const MAX_STORAGE_BUFFERS = 8;

/** What changes, and how. */
export interface UpdateRule {
  /** Names the rule. */
  readonly key: string;
  /** Names of what changes, the weight and at most two more: every adapter reads four textures in a shader. */
  readonly names: readonly string[];
  /**
   * WGSL statements that change the variables of those names, from their old values, from `gradient` and from the numbers
   * `rates[0]`, `rates[1]` and so on. The variables and `gradient` are all f32 or all vec4f.
   */
  readonly code: string;
}

/** What changes of a parameter, in the order of the rule's names, and its gradient, which may store float16: of one shape. */
export interface Updated {
  readonly variables: readonly Variable[];
  readonly gradient: Tensor;
}

/** What a rule is given besides. */
export interface UpdateInputs {
  /** The numbers of the step, float32. */
  readonly rates: TensorInfo;
  /** float32 `[4]`, whose number {@linkcode SCALE_STATE}`.factor` gradients are multiplied by; where it is 0, nothing changes. */
  readonly scale?: TensorInfo;
}

/**
 * Applies a rule to each parameter, where it is: as many in a dispatch as a shader can bind. A variable whose memory another
 * tensor shares, as a clone does, is moved to new memory first.
 */
export function updateInPlace(
  rule: UpdateRule,
  parameters: readonly Updated[],
  { rates, scale }: UpdateInputs,
): void {
  const backend = tf.backend() as WebGPUBackend;
  const others = scale === undefined ? [rates] : [rates, scale];
  const most = Math.floor(
    (MAX_STORAGE_BUFFERS - others.length) / (rule.names.length + 1),
  );
  for (const { members, source } of groupsOf(backend, parameters, most)) {
    const gradients = members.map(({ gradient }) => asNumbers(gradient));
    const written = members.flatMap(({ variables }) => variables);
    written.forEach((variable) => makeSole(backend, variable));
    const read: TensorInfo[] = [...others, ...gradients];
    if (source === "textures") read.push(...written);
    const sizes = members.map(({ gradient }) => gradient.size);
    const program = programOf(
      backend,
      `${rule.key},${sizes},${others.length},${source}`,
      () => shader(rule, sizes, { isScaled: scale !== undefined, source }),
    );
    dispatchInPlace(backend, program, { written, read });
    gradients.forEach((gradient, i) => {
      if (gradient !== members[i].gradient) gradient.dispose();
    });
  }
}

/** Moves a variable to float32 memory of its own, where it is not alone on such. */
export function makeSole(backend: WebGPUBackend, variable: Variable): void {
  const isSole = backend.refCount(variable.dataId) <= 1;
  if (isSole && storedType(backend, variable) === "float32") return;
  tf.tidy(() => variable.assign(tf.add(variable, 0)));
}

/** Parameters that one dispatch is for. */
interface Group {
  readonly members: Updated[];
  readonly source: Source;
}

/** Groups parameters, at most so many; one that is read from textures is alone. */
function groupsOf(
  backend: WebGPUBackend,
  parameters: readonly Updated[],
  most: number,
): Group[] {
  const traits = traitsOf(backend);
  const groups: Group[] = [];
  let last: Group | undefined;
  for (const parameter of parameters) {
    const source = sourceOfPass(traits, parameter.gradient.size);
    if (source === "textures") {
      groups.push({ members: [parameter], source });
    } else if (last === undefined || last.members.length === most) {
      groups.push(last = { members: [parameter], source });
    } else {
      last.members.push(parameter);
    }
  }
  return groups;
}

/** One invocation per number or vector of all parameters, one parameter after the other. */
function shader(
  { names, code }: UpdateRule,
  sizes: readonly number[],
  { isScaled, source }: { isScaled: boolean; source: Source },
): Shader {
  const widths = sizes.map((size) => size % 4 === 0 ? 4 : 1);
  const counts = sizes.map((size, k) => size / widths[k]);
  const rates = sizes.length * names.length;
  const gradients = rates + (isScaled ? 2 : 1);
  const olds = gradients + sizes.length;
  const factor = isScaled ? `scale[${SCALE_STATE.factor}] * ` : "";
  const updates = range(sizes.length).map((k) => {
    const width = widths[k];
    const type = width === 4 ? "vec4f" : "f32";
    const first = k * names.length;
    const buffers = names.map((name, j) =>
      `@group(0) @binding(${
        first + j
      }) var<storage, read_write> ${name}${k}: array<${type}>;`
    );
    const copies = source === "textures"
      ? names.map((name, j) =>
        declareOperand(`${name}Old`, { binding: olds + j, width, source })
      )
      : [];
    const old = (name: string) =>
      source === "textures" ? `${name}OldRead(i)` : `${name}${k}[i]`;
    const binding = gradients + k;
    return `${buffers.join("\n")}
${declareOperand(`gradient${k}`, { binding, width, source })}
${copies.join("\n")}

fn update${k}(i: u32) {
${names.map((name) => `  var ${name} = ${old(name)};`).join("\n")}
  let gradient = ${factor}gradient${k}Read(i);
${code}
${names.map((name) => `  ${name}${k}[i] = ${name};`).join("\n")}
}
`;
  });
  const ends = counts.map((_, k) =>
    counts.slice(0, k + 1).reduce((sum, count) => sum + count, 0)
  );
  const total = ends.at(-1)!;
  const workgroups = gridOf(total);
  const calls = ends.map((end, k) =>
    `if (i < ${end}u) {
    update${k}(i - ${end - counts[k]}u);
  }`
  );
  return {
    code: `
@group(0) @binding(${rates}) var<storage, read> rates: array<f32>;
${
      isScaled
        ? `@group(0) @binding(${
          rates + 1
        }) var<storage, read> scale: array<f32, 4>;`
        : ""
    }
${updates.join("\n")}
${indexOf(total, workgroups)}
${
      isScaled
        ? `  if (scale[${SCALE_STATE.factor}] == 0.0) {
    return;
  }`
        : ""
    }
  ${calls.join(" else ")}
}
`,
    workgroups,
  };
}

/** Computes `sum += term`. */
export function addInPlace(
  backend: WebGPUBackend,
  sum: TensorInfo,
  term: TensorInfo,
): void {
  const size = sum.shape.reduce((product, n) => product * n, 1);
  const program = programOf(backend, `add in place,${size}`, () => {
    const workgroups = gridOf(size);
    return {
      code: `
@group(0) @binding(0) var<storage, read_write> sum: array<f32>;
@group(0) @binding(1) var<storage, read> term: array<f32>;

${indexOf(size, workgroups)}
  sum[i] = sum[i] + term[i];
}
`,
      workgroups,
    };
  });
  dispatchInPlace(backend, program, { written: [sum], read: [term] });
}

/** Rates are learning rate, momentum and weight decay. */
const WITH_VELOCITY: UpdateRule = {
  key: "sgd with velocity",
  names: ["weight", "velocity"],
  code: `  velocity = rates[1] * velocity + (gradient + rates[2] * weight);
  weight = weight - rates[0] * velocity;`,
};

const WITHOUT_VELOCITY: UpdateRule = {
  key: "sgd",
  names: ["weight"],
  code: `  weight = weight - rates[0] * (gradient + rates[2] * weight);`,
};

/**
 * Computes `g = gradient + weightDecay * weight`, `velocity = momentum * velocity + g`, `weight -= learningRate *
 * velocity` (without a velocity: `g`) for each weight, where it is. A weight or velocity whose memory another tensor
 * shares, as a clone does, is moved to new memory first.
 */
export function sgdInPlace(
  parameters: readonly SgdTensors[],
  rates: SgdRates,
  scale?: TensorInfo,
): void {
  const backend = tf.backend() as WebGPUBackend;
  const { learningRate, momentum, weightDecay } = rates;
  const numbers = Float32Array.of(learningRate, momentum, weightDecay);
  const inputs = { rates: makeFilled(backend, numbers), scale };
  const [moving, others] = [true, false].map((hasVelocity) =>
    parameters
      .filter(({ velocity }) => (velocity !== undefined) === hasVelocity)
      .map(({ weight, velocity, gradient }) => ({
        variables: velocity === undefined ? [weight] : [weight, velocity],
        gradient,
      }))
  );
  updateInPlace(WITH_VELOCITY, moving, inputs);
  updateInPlace(WITHOUT_VELOCITY, others, inputs);
  backend.disposeData(inputs.rates.dataId);
}

/** Places of the rates. */
const RATES = {
  /** Learning rate; once {@linkcode correct} has run, over `1 - beta1^t`. */
  size: 0,
  /** `1 / sqrt(1 - beta2^t)` once {@linkcode correct} has run. */
  correction: 1,
  /** `1 - beta1`, which float32 holds better than `beta1`; `beta2` likewise. */
  rest1: 2,
  rest2: 3,
  epsilon: 4,
  weightDecay: 5,
  /** Learning rate times decoupled decay. */
  shrinkage: 6,
  logBeta1: 7,
  logBeta2: 8,
} as const;

const RULE: UpdateRule = {
  key: "adam",
  names: ["weight", "firstMoment", "secondMoment"],
  code: `  let g = gradient + rates[${RATES.weightDecay}] * weight;
  firstMoment = firstMoment + rates[${RATES.rest1}] * (g - firstMoment);
  secondMoment = secondMoment + rates[${RATES.rest2}] * (g * g - secondMoment);
  let root = sqrt(secondMoment) * rates[${RATES.correction}];
  weight = weight - rates[${RATES.shrinkage}] * weight -
    rates[${RATES.size}] * firstMoment / (root + rates[${RATES.epsilon}]);`,
};

/** Least logarithm of a beta: of 0, which has none, all powers are 0 to float32. */
const LEAST_LOG = -200;

/**
 * Computes `t += 1`, `g = gradient + weightDecay * weight`, `m = beta1 * m + (1 - beta1) * g`, `v = beta2 * v + (1 - beta2) *
 * g^2`, `weight -= learningRate * (decoupledDecay * weight + m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon))` for
 * each weight, where it is. What shares memory with another tensor, as a clone does, is moved to new memory first.
 */
export function adamInPlace(
  parameters: readonly AdamTensors[],
  rates: AdamRates,
  { step, scale }: { step: Variable; scale?: TensorInfo },
): void {
  const backend = tf.backend() as WebGPUBackend;
  const numbers = new Float32Array(Object.keys(RATES).length);
  const log = (beta: number) => Math.max(Math.log(beta), LEAST_LOG);
  numbers[RATES.size] = rates.learningRate;
  numbers[RATES.rest1] = 1 - rates.beta1;
  numbers[RATES.rest2] = 1 - rates.beta2;
  numbers[RATES.epsilon] = rates.epsilon;
  numbers[RATES.weightDecay] = rates.weightDecay;
  numbers[RATES.shrinkage] = rates.learningRate * rates.decoupledDecay;
  numbers[RATES.logBeta1] = log(rates.beta1);
  numbers[RATES.logBeta2] = log(rates.beta2);
  const filled = makeFilled(backend, numbers);
  makeSole(backend, step);
  correct(backend, { step, rates: filled, scale });
  updateInPlace(
    RULE,
    parameters.map(({ weight, gradient, firstMoment, secondMoment }) => ({
      variables: [weight, firstMoment, secondMoment],
      gradient,
    })),
    { rates: filled, scale },
  );
  backend.disposeData(filled.dataId);
}

/** Counts the step, unless it is skipped, and corrects the rates for the moments' beginning at 0. */
function correct(
  backend: WebGPUBackend,
  { step, rates, scale }: {
    step: TensorInfo;
    rates: TensorInfo;
    scale?: TensorInfo;
  },
): void {
  const isScaled = scale !== undefined;
  const program = programOf(backend, `adam's correction,${isScaled}`, () => ({
    code: `
@group(0) @binding(0) var<storage, read_write> step: array<f32, 1>;
@group(0) @binding(1) var<storage, read_write> rates: array<f32>;
${
      isScaled
        ? "@group(0) @binding(2) var<storage, read> scale: array<f32, 4>;"
        : ""
    }

// 1 - e^x of a negative x. For small ones by the series, as the difference would have few digits.
fn oneMinusExp(x: f32) -> f32 {
  if (x < -1.0) {
    return 1.0 - exp(x);
  }
  var sum = 1.0;
  for (var n = 12.0; n >= 2.0; n = n - 1.0) {
    sum = 1.0 + x / n * sum;
  }
  return -x * sum;
}

@compute @workgroup_size(1)
fn main() {
${
      isScaled
        ? `  if (scale[${SCALE_STATE.factor}] == 0.0) {
    return;
  }`
        : ""
    }
  let t = step[0] + 1.0;
  step[0] = t;
  rates[${RATES.size}] = rates[${RATES.size}] / oneMinusExp(t * rates[${RATES.logBeta1}]);
  rates[${RATES.correction}] = 1.0 / sqrt(oneMinusExp(t * rates[${RATES.logBeta2}]));
}
`,
    workgroups: [1, 1, 1],
  }));
  dispatchInPlace(backend, program, {
    written: [step, rates],
    read: isScaled ? [scale] : [],
  });
}
