/** The parts that both forms of the matrix product share: bindings, the range of the sum, and the store. */

import type { View } from "./view.ts";
import {
  type Epilogue,
  finishFunction,
  MAX_GROUPS,
  range,
  type Shader,
} from "../wgsl/wgsl.ts";
import { declareOperand, declareResult } from "../wgsl/operand.ts";

/**
 * How a product is cut into tiles, and how many terms of the sum a turn of the loop has, a multiple of 4.
 *
 * "registers": rows, a multiple of 8, are per subgroup, whose lanes share the left operand, and columns, a multiple of 4, per
 * invocation. "staged": both are per workgroup of 16x16 invocations, multiples of 64; times `step`, multiples of 1024, so that
 * invocations copy alike. Both operands of a turn have to fit into 16 KiB, with a vector more per row or column that lies along
 * it.
 */
export type Tile =
  & { readonly rows: number; readonly columns: number; readonly step: number }
  & (
    | { readonly form: "staged" }
    | { readonly form: "registers"; readonly lanes: number }
  );

/** A matrix product, or a batch of them. */
export interface GemmPlan {
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly batch: number;
  readonly left: View;
  readonly right: View;
  /** Which index of the output is contiguous in memory. */
  readonly outputAlong: "row" | "column";
  /** What follows the sums. A bias lies along the contiguous index of the output. */
  readonly epilogue: Epilogue;
  readonly tile: Tile;
  /**
   * Parts that each sum is cut into. With more than one, the output is `[batch, splits, ...]` and the parts are still to
   * be added and the epilogue to be applied.
   */
  readonly splits: number;
}

/** Names of the numbers of a vector. */
export const COMPONENTS = ["x", "y", "z", "w"] as const;

/** Whether four neighbouring outputs are stored as one vector. */
function isVectorStore(plan: GemmPlan): boolean {
  return (plan.outputAlong === "column" ? plan.columns : plan.rows) % 4 === 0;
}

/**
 * Declares the bindings (output, left, right and what the epilogue needs) and the functions of the views and of the
 * store.
 */
export function declarations(plan: GemmPlan): string {
  const { left, right, tile } = plan;
  const source = tile.form === "registers" ? "textures" : "buffers";
  const width = ({ isVector }: View) => isVector ? 4 : 1;
  return `
${declareResult("output", { binding: 0, width: isVectorStore(plan) ? 4 : 1 })}
${declareOperand("left", { binding: 1, width: width(left), source })}
${declareOperand("right", { binding: 2, width: width(right), source })}
${left.code("left")}
${right.code("right")}
${storeFunction(plan)}`;
}

/**
 * Spreads tiles of some rows and columns over workgroups, in two directions, as there may be more than fit in one. The WGSL
 * finds the tile of the workgroup `id` and its part of the sum: it declares `group` (tile across, tile down, product and split),
 * `batch`, `first` and `end`. Workgroups beyond the last tile leave, all their invocations alike.
 */
export function spreadTiles(
  plan: GemmPlan,
  { rows, columns, step }: { rows: number; columns: number; step: number },
): { findTile: string; workgroups: Shader["workgroups"] } {
  const { batch, depth, splits } = plan;
  const length = Math.ceil(depth / splits / step) * step;
  const across = Math.ceil(plan.columns / columns);
  const down = Math.ceil(plan.rows / rows);
  const count = across * down * batch * splits;
  const x = Math.min(count, MAX_GROUPS);
  const y = Math.ceil(count / x);
  // The condition is the same for a whole workgroup, so that barriers after it stay in uniform control flow.
  const leave = x * y === count ? "" : `
  if (index >= ${count}u) {
    return;
  }`;
  const findTile = `
  let index = id.y * ${x}u + id.x;${leave}
  let group = vec3u(
    index % ${across}u,
    index / ${across}u % ${down}u,
    index / ${across * down}u,
  );
  let batch = group.z / ${splits}u;
  let first = group.z % ${splits}u * ${length}u;
  let end = min(first + ${length}u, ${depth}u);`;
  return { findTile, workgroups: [x, y, 1] };
}

/** Declares the sums of an invocation: `c${row}_${quad}`, four columns each. */
export function declareSums(rows: number, quads: number): string {
  return range(rows).flatMap((i) =>
    range(quads).map((j) => `  var c${i}_${j} = vec4f();`)
  ).join("\n");
}

/**
 * Adds four terms to the sums: four multiply-adds in a row for each, so that one kept in memory is read and written once
 * for all.
 */
export function multiplyAdd(
  rows: number,
  quads: number,
  row: (i: number) => string,
): string {
  return range(rows).map((i) => {
    const sums = range(quads).map((j) =>
      `c${i}_${j} = fma(vec4f(a.w), b3_${j}, fma(vec4f(a.z), b2_${j}, fma(vec4f(a.y), b1_${j}, fma(vec4f(a.x), b0_${j}, c${i}_${j}))));`
    );
    return `    {
      let a = ${row(i)};
      ${sums.join("\n      ")}
    }`;
  }).join("\n");
}

/** Stores the sums of an invocation, four neighbours in memory at a time; their biases are loaded once and not per output. */
export function storeTile(
  plan: GemmPlan,
  { rows, quads, row, column }: {
    rows: number;
    quads: number;
    row: (i: number) => string;
    column: (j: number) => string;
  },
): string {
  const load = (name: string, channel: string) =>
    hasBias(plan) ? `  let ${name} = biasAt(${channel});` : "";
  const store = (row: string, column: string, sums: string, bias: string) => {
    const added = hasBias(plan) ? bias : "vec4f()";
    return `  store(group.z, ${row}, ${column}, finish(${sums}, ${added}));`;
  };
  if (plan.outputAlong === "column") {
    const stores = range(rows).flatMap((i) =>
      range(quads).map((j) =>
        store(row(i), column(j), `c${i}_${j}`, `bias${j}`)
      )
    );
    return [...range(quads).map((j) => load(`bias${j}`, column(j))), ...stores]
      .join("\n");
  }
  return range(Math.ceil(rows / 4)).flatMap((i) => [
    load(`bias${i}`, row(4 * i)),
    ...range(quads).flatMap((j) =>
      COMPONENTS.map((component, c) => {
        const sums = range(4).map((r) =>
          4 * i + r < rows ? `c${4 * i + r}_${j}.${component}` : "0.0"
        );
        const at = `${column(j)} + ${c}u`;
        return store(row(4 * i), at, `vec4f(${sums.join(", ")})`, `bias${i}`);
      })
    ),
  ]).join("\n");
}

function hasBias({ epilogue, splits }: GemmPlan): boolean {
  return splits === 1 && Boolean(epilogue.hasBias);
}

function storeFunction(plan: GemmPlan): string {
  const { rows, columns, outputAlong, epilogue, splits } = plan;
  const [fixed, fixedEnd, moving, movingEnd] = outputAlong === "column"
    ? ["row", rows, "column", columns] as const
    : ["column", columns, "row", rows] as const;
  const store = isVectorStore(plan)
    ? `
  if (${fixed} < ${fixedEnd}u && ${moving} < ${movingEnd}u) {
    outputWrite(at / 4u, values);
  }`
    : range(4).map((j) => `
  if (${fixed} < ${fixedEnd}u && ${moving} + ${j}u < ${movingEnd}u) {
    outputWrite(at + ${j}u, values[${j}]);
  }`).join("");
  const finish = finishFunction(splits === 1 ? epilogue : {}, {
    binding: 3,
    type: "vec4f",
  });
  const biases = range(4).map((j) =>
    `    biases[min(channel + ${j}u, ${movingEnd - 1}u)],`
  );
  const biasAt = hasBias(plan)
    ? `
fn biasAt(channel: u32) -> vec4f {
  return vec4f(
${biases.join("\n")}
  );
}
`
    : "";
  return `${finish}
${biasAt}
fn store(z: u32, row: u32, column: u32, values: vec4f) {
  let at = z * ${
    rows * columns
  }u + ${fixed} * ${movingEnd}u + ${moving};${store}
}`;
}
