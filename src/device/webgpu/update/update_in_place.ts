/** Changes weights, and what an optimizer keeps of each, where they are: the optimizer's formula as a shader. */

import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { Parameter } from "../../device.ts";
import {
  type Expression,
  type TracedFormula,
  traceFormula,
  type UpdateFormula,
} from "../../formula.ts";
import { asNumbers } from "../../tape.ts";
import { type Tensor1D, tf, type Variable } from "../../tf.ts";
import { dispatchInPlace, makeFilled, programOf } from "../run/dispatch.ts";
import { storedType } from "../run/recorder.ts";
import { sourceOfPass, traitsOf } from "../run/ways.ts";
import { gridOf, indexOf, range, type Shader } from "../wgsl/wgsl.ts";
import { declareOperand, type Source } from "../wgsl/operand.ts";
import { declareScale, FACTOR, unitScale } from "./gradient_scale.ts";

/** Storage buffers that every adapter can bind to a shader. */
const MAX_STORAGE_BUFFERS = 8;

/**
 * Applies a formula to each parameter: as many in a dispatch as a shader can bind. A variable whose memory another tensor
 * shares, as a clone does, is moved to new memory first.
 */
export function updateInPlace(
  formula: UpdateFormula,
  parameters: readonly Parameter[],
  { step, scale: given }: { step?: Variable; scale?: Tensor1D } = {},
): void {
  const backend = tf.backend() as WebGPUBackend;
  const names = Object.keys(parameters[0]?.variables ?? {});
  if (names.length === 0) return;
  const countsSteps = step !== undefined;
  const traced = traceFormula(formula, names, { countsSteps });
  const { numbers, prepared, changes } = writeFormula(traced);
  const name = nameOf(names, [...prepared, ...changes].join("\n"));
  const rates = makeFilled(backend, Float32Array.from(numbers));
  const scale = given ?? unitScale(backend);
  if (countsSteps) {
    makeSole(backend, step);
    const key = `count step of ${name}`;
    const program = programOf(backend, key, () => countShader(prepared));
    const written = [step, rates];
    dispatchInPlace(backend, program, { written, read: [scale] });
  }
  for (const { members, source } of groupsOf(backend, parameters, names)) {
    const gradients = members.map(({ gradient }) => asNumbers(gradient));
    const written = members.flatMap(({ variables }) =>
      names.map((name) => variables[name])
    );
    written.forEach((variable) => makeSole(backend, variable));
    const read: TensorInfo[] = [rates, scale, ...gradients];
    if (source === "textures") read.push(...written);
    const sizes = members.map(({ gradient }) => gradient.size);
    const key = `update ${name},${sizes},${source}`;
    const program = programOf(
      backend,
      key,
      () => updateShader({ names, changes }, sizes, source),
    );
    dispatchInPlace(backend, program, { written, read });
    gradients.forEach((gradient, i) => {
      if (gradient !== members[i].gradient) gradient.dispose();
    });
  }
  backend.disposeData(rates.dataId);
}

/** The code of each formula so far. Its index is in the names of its shaders. */
const formulas: string[] = [];

/** Names a formula by its variables and its index, as several formulas may change the same. */
function nameOf(names: readonly string[], code: string): string {
  if (!formulas.includes(code)) formulas.push(code);
  return `${names.join(", ")} by formula ${formulas.indexOf(code)}`;
}

const SIGNS = { plus: "+", minus: "-", times: "*", over: "/" };

/** Least logarithm of a beta: of 0, which has none, all powers are 0 to float32. */
const LEAST_LOG = -200;

/** Writes a formula in WGSL, without its numbers: another learning rate needs no other shader. */
function writeFormula(traced: TracedFormula) {
  // They are `rates[0]`, `rates[1]` and so on.
  const numbers: number[] = [];
  // Assignments to those that depend on the step `t`.
  const prepared: string[] = [];
  const rateOf = (value: number) => `rates[${numbers.push(value) - 1}]`;
  const write = (x: Expression, [a, b]: string[]): string => {
    switch (x.kind) {
      case "element":
        return x.name;
      case "number":
        return rateOf(x.value);
      case "correction": {
        const log = Math.max(Math.log(x.value), LEAST_LOG);
        return prepare(`oneMinusExp(t * ${rateOf(log)})`);
      }
      case "sqrt":
        return x.isScalar ? prepare(`sqrt(${a})`) : `sqrt(${a})`;
      default: {
        const text = `(${a} ${SIGNS[x.kind]} ${b})`;
        return x.isScalar ? prepare(text) : text;
      }
    }
  };
  const prepare = (text: string) => {
    const rate = rateOf(0);
    prepared.push(`${rate} = ${text};`);
    return rate;
  };
  const known = new Map<Expression, string>();
  // Declarations of the new values, such as `weightNext`, from the old ones and `gradient`.
  const changes = traced.map(([name, value]) => {
    const change = `let ${name}Next = ${value.fold(known, write)};`;
    known.set(value, `${name}Next`);
    return change;
  });
  return { numbers, prepared, changes };
}

/** Moves a variable to float32 memory of its own, unless it has that already. */
function makeSole(backend: WebGPUBackend, variable: Variable): void {
  const isSole = backend.refCount(variable.dataId) <= 1;
  if (isSole && storedType(backend, variable) === "float32") return;
  tf.tidy(() => variable.assign(tf.add(variable, 0)));
}

/** Groups parameters, as many as a shader can bind; one that is read from textures is alone. */
function groupsOf(
  backend: WebGPUBackend,
  parameters: readonly Parameter[],
  names: readonly string[],
) {
  const most = Math.floor((MAX_STORAGE_BUFFERS - 2) / (names.length + 1));
  const groups: { members: Parameter[]; source: Source }[] = [];
  for (const parameter of parameters) {
    const source = sourceOfPass(traitsOf(backend), parameter.gradient.size);
    const last = groups.findLast((group) => group.source !== "textures");
    if (source !== "textures" && last && last.members.length < most) {
      last.members.push(parameter);
    } else groups.push({ members: [parameter], source });
  }
  return groups;
}

/** One invocation per number or vector of all parameters, one parameter after the other. */
function updateShader(
  { names, changes }: { names: readonly string[]; changes: readonly string[] },
  sizes: readonly number[],
  source: Source,
): Shader {
  const widths = sizes.map((size) => size % 4 === 0 ? 4 : 1);
  const counts = sizes.map((size, k) => size / widths[k]);
  const rates = sizes.length * names.length;
  const gradients = rates + 2;
  const olds = gradients + sizes.length;
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
${names.map((name) => `  let ${name} = ${old(name)};`).join("\n")}
  let gradient = ${FACTOR} * gradient${k}Read(i);
  ${changes.join("\n  ")}
${names.map((name) => `  ${name}${k}[i] = ${name}Next;`).join("\n")}
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
${declareScale(rates + 1)}
${updates.join("\n")}
${indexOf(total, workgroups)}
${SKIP}
  ${calls.join(" else ")}
}
`,
    workgroups,
  };
}

/** A step whose gradients are not finite changes nothing. */
const SKIP = `  if (${FACTOR} == 0.0) {
    return;
  }`;

/** Counts the step, unless it is skipped, and works out the rates that depend on it. */
function countShader(prepared: readonly string[]): Shader {
  return {
    code: `
@group(0) @binding(0) var<storage, read_write> step: array<f32, 1>;
@group(0) @binding(1) var<storage, read_write> rates: array<f32>;
${declareScale(2)}

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
${SKIP}
  let t = step[0] + 1.0;
  step[0] = t;
  ${prepared.join("\n  ")}
}
`,
    workgroups: [1, 1, 1],
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
