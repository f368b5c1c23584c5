/**
 * Average pooling and its gradient in WGSL, a row per lane: for software adapters, where few channels would otherwise be
 * loaded one number at a time.
 *
 * @module
 */

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

/**
 * Writes average pooling: a lane per row of the output.
 *
 * @param s Sizes of the pooling.
 * @param lanes Invocations of a workgroup.
 * @returns The shader. It binds the output and the input.
 */
export function averageRowShader(s: PoolSizes, lanes: number): Shader {
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
  return _rowShader(
    { from, to, lanes, rows: s.batch * s.outHeight },
    `
  let image = row / ${s.outHeight}u;
  let top = i32(row % ${s.outHeight}u) * ${s.strideHeight} - ${s.padTop};
  ${_height(s)}
${
      range(s.windowHeight).map((tap) => `
  let y${tap} = top + ${tap};
  let inside${tap} = u32(y${tap}) < ${s.inHeight}u;
  let first${tap} = select(0u, (image * ${s.inHeight}u + u32(y${tap})) * ${from.count}u, inside${tap});
${_load(tap, from)}`).join("\n")
    }`,
    means,
  );
}

/**
 * Writes the gradient of average pooling: a lane per row of the input.
 *
 * @param s Sizes of the pooling.
 * @param lanes Invocations of a workgroup.
 * @returns The shader. It binds the gradients of the input and of the output.
 */
export function averageGradientRowShader(s: PoolSizes, lanes: number): Shader {
  const from = rowVectors(s.outWidth * s.channels);
  const to = rowVectors(s.inWidth * s.channels);
  // The rows of windows that can cover one row.
  const covers = Math.ceil(s.windowHeight / s.strideHeight);
  const gradient = (i: number) => {
    const [column, channel] = [Math.floor(i / s.channels), i % s.channels];
    const values = range(s.outWidth).flatMap((x) => {
      const columns = _window(s, x);
      return columns.includes(column)
        ? range(covers).map((cover) =>
          `${
            elementOf(`a${cover}_`, from, x * s.channels + channel)
          } / (height${cover} * ${columns.length}.0)`
        )
        : [];
    });
    return values.length === 0 ? "0.0" : values.join(" + ");
  };
  return _rowShader(
    { from, to, lanes, rows: s.batch * s.inHeight },
    `
  let image = row / ${s.inHeight}u;
  let y = i32(row % ${s.inHeight}u) + ${s.padTop};
  let last = y / ${s.strideHeight};
${
      range(covers).map((cover) => `
  let at${cover} = last - ${cover};
  let inside${cover} = (u32(at${cover}) < ${s.outHeight}u) & (y - at${cover} * ${s.strideHeight} < ${s.windowHeight});
  let first${cover} = select(0u, (image * ${s.outHeight}u + u32(at${cover})) * ${from.count}u, inside${cover});
  let top${cover} = at${cover} * ${s.strideHeight} - ${s.padTop};
  ${_height(s, cover)}
${_load(cover, from)}`).join("\n")
    }`,
    gradient,
  );
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
    binding: "source",
    first: `first${i}`,
    inside: `inside${i}`,
  });
}

function _rowShader(
  sizes: { from: RowVectors; to: RowVectors; rows: number; lanes: number },
  load: string,
  value: (i: number) => string,
): Shader {
  const { from, to, rows, lanes } = sizes;
  const code = `
@group(0) @binding(0) var<storage, read_write> output: array<${to.type}>;
@group(0) @binding(1) var<storage, read> source: array<${from.type}>;

@compute @workgroup_size(${lanes})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = id.x;
  if (row >= ${rows}u) {
    return;
  }
${load}
  let at = row * ${to.count}u;
${storeRow(to, { binding: "output", first: "at" }, value)}
}
`;
  return { code, workgroups: [Math.ceil(rows / lanes), 1, 1] };
}
