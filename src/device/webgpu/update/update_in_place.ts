/**
 * Changes weights, and what an optimizer keeps of each, where they are, by a rule that each optimizer states.
 *
 * @module
 */

import { SCALE_STATE } from "../../device.ts";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { type Tensor, tf, type Variable } from "../../tf.ts";
import { asNumbers } from "../../tape.ts";
import { dispatchInPlace } from "../run/dispatch.ts";
import { gridOf, indexOf } from "../wgsl/elementwise.ts";
import { declareOperand, type Source } from "../wgsl/operand.ts";
import { programOf } from "../run/program.ts";
import { storedType } from "../run/recorder.ts";
import type { Shader } from "../wgsl/shader.ts";
import { sourceOfPass, traitsOf } from "../run/traits.ts";
import { range } from "../wgsl/wgsl.ts";

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
 *
 * @param rule The rule.
 * @param parameters The parameters of a network, on the WebGPU backend in use.
 * @param inputs The numbers of the step, and what gradients are still multiplied by.
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
  for (const { members, source } of _groupsOf(backend, parameters, most)) {
    const gradients = members.map(({ gradient }) => asNumbers(gradient));
    const written = members.flatMap(({ variables }) => variables);
    written.forEach((variable) => makeSole(backend, variable));
    const read: TensorInfo[] = [...others, ...gradients];
    if (source === "textures") read.push(...written);
    const sizes = members.map(({ gradient }) => gradient.size);
    const program = programOf(
      backend,
      `${rule.key},${sizes},${others.length},${source}`,
      () => _shader(rule, sizes, { isScaled: scale !== undefined, source }),
    );
    dispatchInPlace(backend, program, { written, read });
    gradients.forEach((gradient, i) => {
      if (gradient !== members[i].gradient) gradient.dispose();
    });
  }
}

/**
 * Moves a variable to float32 memory of its own, where it is not alone on such.
 *
 * @param backend The backend that holds it.
 * @param variable The variable, which is about to change where it is.
 */
export function makeSole(backend: WebGPUBackend, variable: Variable): void {
  const isSole = backend.refCount(variable.dataId) <= 1;
  if (isSole && storedType(backend, variable) === "float32") return;
  tf.tidy(() => variable.assign(tf.add(variable, 0)));
}

/** Parameters that one dispatch is for. */
interface _Group {
  readonly members: Updated[];
  readonly source: Source;
}

/** Groups parameters, at most so many; one that is read from textures is alone. */
function _groupsOf(
  backend: WebGPUBackend,
  parameters: readonly Updated[],
  most: number,
): _Group[] {
  const traits = traitsOf(backend);
  const groups: _Group[] = [];
  let last: _Group | undefined;
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
function _shader(
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
