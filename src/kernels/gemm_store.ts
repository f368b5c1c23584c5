/**
 * The parts that both forms of the matrix product share: bindings, the range of the sum, and the store.
 *
 * @module
 */

import type { GemmPlan } from "./gemm_plan.ts";

/** Whether four neighbouring outputs are stored as one vector. */
function _isVectorStore(plan: GemmPlan): boolean {
  return (plan.outputAlong === "column" ? plan.columns : plan.rows) % 4 === 0;
}

/** Declares the bindings and the functions of the views. */
export function declarations(plan: GemmPlan): string {
  const { left, right, epilogue } = plan;
  const type = (isVector: boolean) => isVector ? "vec4f" : "f32";
  const bias = epilogue.bias !== undefined && plan.splits === 1
    ? "@group(0) @binding(3) var<storage, read> bias: array<f32>;"
    : "";
  return `
@group(0) @binding(0) var<storage, read_write> output: array<${
    type(_isVectorStore(plan))
  }>;
@group(0) @binding(1) var<storage, read> left: array<${type(left.isVector)}>;
@group(0) @binding(2) var<storage, read> right: array<${type(right.isVector)}>;
${bias}
${left.code("left")}
${right.code("right")}
${_storeFunction(plan)}`;
}

/** Workgroups of a product: tiles across, tiles down, and products times splits. */
export type Tiles = readonly [across: number, down: number, deep: number];

/** Most workgroups in one direction, by WebGPU's default limits. */
const MAX_GROUPS = 65_535;

/** Spreads the tiles over two directions, as there may be more than fit in one. */
export function gridOfTiles(tiles: Tiles): [x: number, y: number, z: number] {
  const count = tiles.reduce((product, n) => product * n, 1);
  const x = Math.min(count, MAX_GROUPS);
  return [x, Math.ceil(count / x), 1];
}

/**
 * Finds the tile of the workgroup `id` and its part of the sum: declares `group` (tile across, tile down, product and
 * split), `batch`, `first` and `end`. Workgroups beyond the last tile leave, all their invocations alike.
 */
export function findTile(
  { depth, splits }: GemmPlan,
  tiles: Tiles,
  step: number,
): string {
  const length = Math.ceil(depth / splits / step) * step;
  const [across, down, deep] = tiles;
  const count = across * down * deep;
  const [x, y] = gridOfTiles(tiles);
  // The condition is the same for a whole workgroup, so that barriers after it stay in uniform control flow.
  const leave = x * y === count ? "" : `
  if (index >= ${count}u) {
    return;
  }`;
  return `
  let index = id.y * ${x}u + id.x;${leave}
  let group = vec3u(
    index % ${across}u,
    index / ${across}u % ${down}u,
    index / ${across * down}u,
  );
  let batch = group.z / ${splits}u;
  let first = group.z % ${splits}u * ${length}u;
  let end = min(first + ${length}u, ${depth}u);`;
}

/** `store(z, row, column, values)`: four sums that are neighbours in memory, the first at (row, column). */
function _storeFunction(plan: GemmPlan): string {
  const { rows, columns, outputAlong } = plan;
  const isColumn = outputAlong === "column";
  const [fixed, moving] = isColumn ? ["row", "column"] : ["column", "row"];
  const [fixedEnd, movingEnd] = isColumn ? [rows, columns] : [columns, rows];
  const address = `z * ${
    rows * columns
  }u + ${fixed} * ${movingEnd}u + ${moving}`;
  const store = _isVectorStore(plan)
    ? `
  if (${fixed} < ${fixedEnd}u && ${moving} < ${movingEnd}u) {
    output[(${address}) / 4u] = finish(row, column, values);
  }`
    : `
  let finished = finish(row, column, values);
${
      [0, 1, 2, 3].map((j) =>
        `  if (${fixed} < ${fixedEnd}u && ${moving} + ${j}u < ${movingEnd}u) {
    output[${address} + ${j}u] = finished[${j}];
  }`
      ).join("\n")
    }`;
  return `
${_finishFunction(plan)}

fn store(z: u32, row: u32, column: u32, values: vec4f) {${store}
}`;
}

/** `finish(row, column, values)`: the epilogue. */
function _finishFunction(plan: GemmPlan): string {
  const { epilogue: { bias, activation }, outputAlong, splits } = plan;
  const lines: string[] = [];
  if (splits === 1 && bias !== undefined) {
    const size = bias === "row" ? plan.rows : plan.columns;
    const at = (j: number) => `bias[min(${bias} + ${j}u, ${size - 1}u)]`;
    lines.push(
      bias === outputAlong
        ? `v = v + vec4f(${[0, 1, 2, 3].map(at).join(", ")});`
        : `v = v + ${at(0)};`,
    );
  }
  if (splits === 1 && activation === "relu") {
    // Unlike max, lets NaN through.
    lines.push("v = select(v, vec4f(), v < vec4f());");
  }
  return `fn finish(row: u32, column: u32, values: vec4f) -> vec4f {
  var v = values;
${lines.map((line) => `  ${line}`).join("\n")}
  return v;
}`;
}
