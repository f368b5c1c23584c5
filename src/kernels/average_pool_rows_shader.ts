/**
 * Average pooling and its gradient in WGSL, a row per lane: for software adapters, where few channels would otherwise be
 * loaded one number at a time.
 *
 * @module
 */

import { activationGradientOf, type FusedActivation } from "./activation.ts";
import { declareOperand, declareResult, type Source } from "./operand.ts";
import type { PoolSizes } from "./pool_shader.ts";
import {
  elementOf,
  loadRow,
  type RowVectors,
  rowVectors,
  storeRow,
} from "./row_vectors.ts";
import type { Shader } from "./shader.ts";
import { range } from "./wgsl.ts";

/** What these shaders depend on of an adapter. */
interface RowTraits {
  /** Invocations of a workgroup. */
  readonly lanes: number;
  /** Where to read from. */
  readonly source: Source;
}

/**
 * Writes average pooling: a lane per row of the output.
 *
 * @param s Sizes of the pooling.
 * @param traits Invocations of a workgroup, and where to read from.
 * @returns The shader. It binds the output and the input.
 */
export function averageRowShader(
  s: PoolSizes,
  { lanes, source }: RowTraits,
): Shader {
  const from = rowVectors(s.inWidth * s.channels);
  const to = rowVectors(s.outWidth * s.channels);
  const means = (i: number) => {
    const [column, channel] = [Math.floor(i / s.channels), i % s.channels];
    const columns = _window(s, column);
    const values = range(s.windowHeight).flatMap((tap) =>
      columns.map((x) => elementOf(`a${tap}_`, from, x * s.channels + channel))
    );
    return `(${values.join(" + ")}) / (height * ${columns.length}.0)`;
  };
  const load = `
  let image = row / ${s.outHeight}u;
  let top = i32(row % ${s.outHeight}u) * ${s.strideHeight} - ${s.padTop};
  ${_height(s)}
${
    range(s.windowHeight).map((tap) => `
  let y${tap} = top + ${tap};
  let inside${tap} = u32(y${tap}) < ${s.inHeight}u;
  let first${tap} = select(0u, (image * ${s.inHeight}u + u32(y${tap})) * ${from.count}u, inside${tap});
${_load(tap, from)}`).join("\n")
  }`;
  const sizes = { to, lanes, rows: s.batch * s.outHeight };
  const { width } = from;
  return _rowShader(sizes, {
    bindings: declareOperand("source", { binding: 1, width, source }),
    load,
    value: means,
  });
}

/** A row that is computed from others, in WGSL. */
export interface ComputedRow {
  /** Declares what it is computed from: `source` and others. */
  readonly bindings: string;
  /** Loads what it takes, given `row` (u32) and its `image`. */
  readonly load: string;
  /** Number `i` of the row. */
  readonly value: (i: number) => string;
}

/**
 * The gradient of average pooling and of an activation before it, for one row of the pooling's input.
 *
 * @param s Sizes of the pooling.
 * @param options The activation, if there is one; the number of the first binding; whether there is such a row, in
 * WGSL: else the gradient is 0; and where to read from.
 * @returns The gradient.
 */
export function averageGradientRow(
  s: PoolSizes,
  options: {
    activation?: FusedActivation;
    binding: number;
    isRow: string;
    source: Source;
  },
): ComputedRow {
  const { activation, binding, isRow, source } = options;
  const from = rowVectors(s.outWidth * s.channels);
  const to = rowVectors(s.inWidth * s.channels);
  // The rows of windows that can cover one row.
  const covers = range(Math.ceil(s.windowHeight / s.strideHeight));
  const value = (i: number) => {
    const [column, channel] = [Math.floor(i / s.channels), i % s.channels];
    const values = range(s.outWidth).flatMap((x) => {
      const columns = _window(s, x);
      return columns.includes(column)
        ? covers.map((cover) =>
          `${
            elementOf(`a${cover}_`, from, x * s.channels + channel)
          } / (height${cover} * ${columns.length}.0)`
        )
        : [];
    });
    const dy = values.length === 0 ? "0.0" : `(${values.join(" + ")})`;
    return activation === undefined ? dy : activationGradientOf(activation, {
      dy,
      y: elementOf("input", to, i),
      type: "f32",
    });
  };
  const load = `
  let place = i32(row % ${s.inHeight}u) + ${s.padTop};
${
    covers.map((cover) => `
  let at${cover} = place / ${s.strideHeight} - ${cover};
  let inside${cover} = ${isRow} & (u32(at${cover}) < ${s.outHeight}u) & (place - at${cover} * ${s.strideHeight} < ${s.windowHeight});
  let first${cover} = select(0u, (image * ${s.outHeight}u + u32(at${cover})) * ${from.count}u, inside${cover});
  let top${cover} = at${cover} * ${s.strideHeight} - ${s.padTop};
  ${_height(s, cover)}
${_load(cover, from)}`).join("\n")
  }`;
  const dy = declareOperand("source", { binding, width: from.width, source });
  if (activation === undefined) return { bindings: dy, load, value };
  const second = { binding: binding + 1, width: to.width, source };
  return {
    bindings: `${dy}
${declareOperand("input", second)}`,
    load: `${load}
  let firstInput = select(0u, row * ${to.count}u, ${isRow});
${
      loadRow("input", to, {
        operand: "input",
        first: "firstInput",
        inside: isRow,
      })
    }`,
    value,
  };
}

/**
 * Writes the gradient of average pooling, and of an activation and a bias before it: a lane per row of the input.
 *
 * @param s Sizes of the pooling.
 * @param traits Invocations of a workgroup, and where to read from.
 * @param activation What gave the input of the pooling, if its gradient and that of a bias before it are wanted too.
 * @returns The shader. It binds the gradients of the input (of the activation, where there is one) and of the output and
 * then, with an activation, the input and the sums of the gradient by row, `[batch * inHeight, channels]`.
 */
export function averageGradientRowShader(
  s: PoolSizes,
  { lanes, source }: RowTraits,
  activation?: FusedActivation,
): Shader {
  const to = rowVectors(s.inWidth * s.channels);
  const gradient = averageGradientRow(s, {
    activation,
    binding: 1,
    isRow: "true",
    source,
  });
  const load = `  let image = row / ${s.inHeight}u;${gradient.load}`;
  const sizes = { to, lanes, rows: s.batch * s.inHeight };
  if (activation === undefined) {
    return _rowShader(sizes, { ...gradient, load });
  }
  const sums = range(s.channels).map((channel) => {
    const column = range(s.inWidth).map((x) => `v${x * s.channels + channel}`);
    return `sums[row * ${s.channels}u + ${channel}u] = ${column.join(" + ")};`;
  });
  return _rowShader(sizes, {
    ...gradient,
    bindings: `${gradient.bindings}
@group(0) @binding(3) var<storage, read_write> sums: array<f32>;`,
    load,
    after: sums.join("\n"),
  });
}

/** Declares how many rows of the image the window at `top` holds: at least one where there is such a window. */
function _height(s: PoolSizes, suffix: number | "" = ""): string {
  return `let height${suffix} = f32(max(min(top${suffix} + ${s.windowHeight}, ${s.inHeight}) - max(top${suffix}, 0), 1));`;
}

/** Columns of the image in the window of one output. */
function _window(s: PoolSizes, column: number): number[] {
  return range(s.windowWidth)
    .map((tap) => column * s.strideWidth - s.padLeft + tap)
    .filter((x) => x >= 0 && x < s.inWidth);
}

function _load(i: number, from: RowVectors): string {
  return loadRow(`a${i}_`, from, {
    operand: "source",
    first: `first${i}`,
    inside: `inside${i}`,
  });
}

function _rowShader(
  sizes: { to: RowVectors; rows: number; lanes: number },
  parts: ComputedRow & { after?: string },
): Shader {
  const { to, rows, lanes } = sizes;
  const { bindings, load, value, after = "" } = parts;
  const code = `
${declareResult("output", { binding: 0, width: to.width })}
${bindings}

@compute @workgroup_size(${lanes})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = id.x;
  if (row >= arrayLength(&output) / ${to.count}u) {
    return;
  }
${load}
${range(to.length).map((i) => `let v${i} = ${value(i)};`).join("\n")}
  let at = row * ${to.count}u;
${storeRow(to, { result: "output", first: "at" }, (i) => `v${i}`)}
${after}
}
`;
  return { code, workgroups: [Math.ceil(rows / lanes), 1, 1] };
}
