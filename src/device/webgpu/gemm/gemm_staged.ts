/** The matrix product whose tiles go through workgroup memory. */

import {
  COMPONENTS,
  declarations,
  declareSums,
  type GemmPlan,
  multiplyAdd,
  spreadTiles,
  storeTile,
  type Tile,
} from "./gemm_store.ts";
import { range, type Shader } from "../wgsl/wgsl.ts";
import type { View } from "./view.ts";

/** Workgroups are 16 by 16 invocations, WebGPU's default limit of 256. */
const SIDE = 16;

/** An operand's part of workgroup memory. */
interface Staged {
  readonly name: "left" | "right";
  readonly view: View;
  /** Rows (left) or columns (right) of the tile. */
  readonly size: number;
  /** Rows or columns of an invocation. */
  readonly each: number;
  /** Terms of the sum per turn. */
  readonly step: number;
}

/**
 * Writes the shader. In each turn the workgroup copies some terms of its rows and columns to workgroup memory, every
 * invocation the same number of vectors and neighbours reading neighbours, and each invocation adds up a 4x4 (or larger)
 * tile. The vectors stay as they are read, along the sum or across it, as invocations must not share a vector to write
 * to. All barriers are in uniform control flow.
 */
export function stagedForm(
  plan: GemmPlan,
  tile: Tile & { form: "staged" },
): Shader {
  const { rows, columns, step } = tile;
  const [height, width] = [rows / SIDE, columns / SIDE];
  const { findTile, workgroups } = spreadTiles(plan, tile);
  const operand = (name: "left" | "right", size: number): Staged => ({
    name,
    view: plan[name],
    size,
    each: size / SIDE,
    step,
  });
  const [left, right] = [operand("left", rows), operand("right", columns)];
  const code = `${declarations(plan)}

var<workgroup> leftTile: array<vec4f, ${vectors(left)}>;
var<workgroup> rightTile: array<vec4f, ${vectors(right)}>;

@compute @workgroup_size(${SIDE}, ${SIDE})
fn main(
  @builtin(workgroup_id) id: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) invocation: u32,
) {${findTile}
  let firstRow = group.y * ${rows}u;
  let firstColumn = group.x * ${columns}u;
${prepare(left)}
${prepare(right)}
${declareSums(height, width / 4)}
  for (var k = first; k < end; k = k + ${step}u) {
${copy(left)}
${copy(right)}
    workgroupBarrier();
    for (var kk = 0u; kk < ${step / 4}u; kk = kk + 1u) {
${loads(left, "local.y")}
${loads(right, "local.x")}
${columnsOf(right)}
${multiplyAdd(height, width / 4, (i) => rowOf(left, i))}
    }
    workgroupBarrier();
  }
  let row = firstRow + local.y * ${height}u;
  let column = firstColumn + local.x * ${width}u;
${
    storeTile(plan, {
      rows: height,
      quads: width / 4,
      row: (i) => `row + ${i}u`,
      column: (j) => `column + ${4 * j}u`,
    })
  }
}
`;
  return { code, workgroups };
}

/** Vectors from one row or column to the next where they lie along the sum: one more than there are, against bank conflicts. */
function stride({ step }: Staged): number {
  return step / 4 + 1;
}

function vectors(staged: Staged): number {
  const { view, size, step } = staged;
  return view.along === "depth" ? size * stride(staged) : step * size / 4;
}

/** Where the vectors that an invocation copies lie in the tile: row or column, and term of the sum. */
function positionsOf({ view, size, step }: Staged): string[] {
  const perInvocation = size * step / 4 / SIDE ** 2;
  return range(perInvocation).map((v) => {
    const vector = `(invocation + ${v * SIDE ** 2}u)`;
    return view.along === "depth"
      ? `vec2u(${vector} / ${step / 4}u, ${vector} % ${step / 4}u * 4u)`
      : `vec2u(${vector} % ${size / 4}u * 4u, ${vector} / ${size / 4}u)`;
  });
}

function prepare(staged: Staged): string {
  const { name } = staged;
  const first = name === "left" ? "firstRow" : "firstColumn";
  return positionsOf(staged).map((position, v) => `
  let ${name}Position${v} = ${position};
  let ${name}${v} = ${name}Prepare(${first} + ${name}Position${v}.x, batch);`)
    .join("");
}

function copy(staged: Staged): string {
  const { name, view, size } = staged;
  return positionsOf(staged).map((_, v) => {
    const position = `${name}Position${v}`;
    const at = view.along === "depth"
      ? `${position}.x * ${stride(staged)}u + ${position}.y / 4u`
      : `${position}.y * ${size / 4}u + ${position}.x / 4u`;
    // The range of a split is a multiple of the terms of a turn, so only the end of the whole sum is beyond it.
    return `    ${name}Tile[${at}] = ${name}Load(${name}${v}, ${name}Step(k + ${position}.y));`;
  }).join("\n");
}

/**
 * Declares what an invocation multiplies for four terms: `${name}${term}_${quad}`, four rows or columns, or
 * `${name}${index}`, four terms of one.
 */
function loads(staged: Staged, local: string): string {
  const { name, view, size, each } = staged;
  const lines = view.along === "depth"
    ? range(each).map((i) =>
      `let ${name}Of${i} = ${name}Tile[(${local} * ${each}u + ${i}u) * ${
        stride(staged)
      }u + kk];`
    )
    : range(4).flatMap((term) =>
      range(each / 4).map((quad) =>
        `let ${name}${term}_${quad} = ${name}Tile[(kk * 4u + ${term}u) * ${
          size / 4
        }u + ${local} * ${each / 4}u + ${quad}u];`
      )
    );
  return lines.map((line) => `      ${line}`).join("\n");
}

/** Declares `b${term}_${quad}`: four columns for each of the four terms. */
function columnsOf({ name, view, each }: Staged): string {
  return range(4).flatMap((term) =>
    range(each / 4).map((quad) => {
      const columns = range(4).map((c) =>
        `${name}Of${4 * quad + c}.${COMPONENTS[term]}`
      );
      const value = view.along === "depth"
        ? `vec4f(${columns.join(", ")})`
        : `${name}${term}_${quad}`;
      return `      let b${term}_${quad} = ${value};`;
    })
  ).join("\n");
}

/** Row `i` for the four terms. */
function rowOf({ name, view }: Staged, i: number): string {
  if (view.along === "depth") return `${name}Of${i}`;
  const quad = Math.floor(i / 4);
  const component = COMPONENTS[i % 4];
  const terms = range(4).map((term) => `${name}${term}_${quad}.${component}`);
  return `vec4f(${terms.join(", ")})`;
}
