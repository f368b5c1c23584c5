/** Tests of the matrix product's generator: what its shaders compute and that they keep to WebGPU's default limits. */

import { assert, assertEquals } from "@std/assert";
import {
  dispatch,
  makeOutput,
  programOf,
} from "../../../../src/device/webgpu/run/dispatch.ts";
import { gemm } from "../../../../src/device/webgpu/gemm/product.ts";
import type { GemmPlan } from "../../../../src/device/webgpu/gemm/gemm_store.ts";
import { traitsOf } from "../../../../src/device/webgpu/run/ways.ts";
import { assertClose } from "../../../compare.ts";
import { webgpuTest } from "../../../device.ts";
import { numbers } from "../../../numbers.ts";
import { type PlanCase, plansOf, TILES } from "./gemm_cases.ts";
import { activate, referenceMatmul } from "../reference.ts";
import { runKernel, sumTolerance, webgpuBackend } from "../run.ts";

for (const [index, { name, tile }] of TILES.entries()) {
  webgpuTest(`gemm() ${name} is the reference's`, async () => {
    const { lanes } = traitsOf(await webgpuBackend());
    if (tile.form === "registers" && tile.lanes !== lanes) {
      console.log(
        `not run: this device has no subgroups of ${tile.lanes} lanes (${lanes})`,
      );
      return;
    }
    for (const planCase of plansOf(index)) await check(name, planCase);
  });

  Deno.test(`gemm() ${name} keeps to WebGPU's default limits`, () => {
    for (const { name: what, plan } of plansOf(index)) {
      const { code } = gemm(plan);
      assert(countInvocations(code) <= 256, `invocations of ${what}`);
      assert(
        countWorkgroupBytes(code) <= 16384,
        `workgroup memory of ${what}`,
      );
      assertEquals(barriersUnderCondition(code), 0, `barriers of ${what}`);
    }
  });
}

Deno.test("gemm() staged waits for the copies and for the sums of each turn", () => {
  const index = TILES.findIndex(({ tile }) => tile.form === "staged");
  for (const { plan } of plansOf(index)) {
    const { code } = gemm(plan);
    assertEquals(code.split("workgroupBarrier()").length - 1, 2);
    assertEquals(countInvocations(code), 256);
    // 16 places of 64 rows or columns, and a vector more of each where they lie along the sum.
    const bytes = [plan.left, plan.right].map(({ along }) =>
      64 * (along === "depth" ? 20 : 16) * 4
    );
    assertEquals(countWorkgroupBytes(code), bytes[0] + bytes[1]);
  }
});

Deno.test("barriersUnderCondition() finds a barrier after and within an if", () => {
  const barrier = "workgroupBarrier();";
  for (
    const [code, count] of [
      [`for (;;) { if (a) { b(); } ${barrier} }`, 0],
      [`if (a) { for (;;) { ${barrier} } }`, 1],
      [`if (a) { } else { ${barrier} }`, 1],
      [`if (a) { return; } ${barrier}`, 1],
    ] as const
  ) assertEquals(barriersUnderCondition(code), count, code);
});

/** Runs a product and compares it. */
async function check(tile: string, { name, plan }: PlanCase): Promise<void> {
  const { rows, columns, depth, splits, epilogue } = plan;
  const left = numbers(rows * depth, [-1, 1], 1);
  const right = numbers(columns * depth, [-1, 1], 2);
  const biasSize = plan.outputAlong === "row" ? rows : columns;
  const bias = numbers(biasSize, [-1, 1], 3);
  const values = await runKernel({
    inputs: [left, right, bias].map((v) => ({ values: v, shape: [v.length] })),
    makes: [splits * rows * columns],
    kernel: (backend, [left, right, bias]) => {
      const key = `test of gemm() ${tile} ${name}`;
      const program = programOf(backend, key, () => gemm(plan));
      const output = makeOutput(backend, [splits, rows * columns]);
      const rest = splits === 1 && epilogue.hasBias ? [bias] : [];
      dispatch(backend, program, [output, left, right, ...rest]);
      return output;
    },
  });
  assertClose(
    addSplits(plan, values),
    expected(plan, { left, right, bias }),
    {
      ...sumTolerance(left, right, depth),
      what: name,
    },
  );
}

/** Adds the parts of each sum; where there are several, the generator leaves that and the epilogue to its caller. */
function addSplits(plan: GemmPlan, values: Float32Array): Float64Array {
  const size = plan.rows * plan.columns;
  const sums = new Float64Array(size);
  values.forEach((value, i) => sums[i % size] += value);
  return sums;
}

/** The reference, as the plan stores it. */
function expected(
  plan: GemmPlan,
  { left, right, bias }: Record<"left" | "right" | "bias", Float32Array>,
): Float64Array {
  const { rows, columns, epilogue } = plan;
  const sums = referenceMatmul({ a: left, b: right }, {
    ...plan,
    batchA: 1,
    batchB: 1,
    transposeA: plan.left.along === "outer",
    transposeB: plan.right.along === "depth",
  });
  const stored = new Float64Array(rows * columns);
  sums.forEach((sum, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    const at = plan.outputAlong === "column" ? i : column * rows + row;
    if (plan.splits > 1) {
      stored[at] = sum;
      return;
    }
    const place = plan.outputAlong === "row" ? row : column;
    const biased = sum + (epilogue.hasBias ? bias[place] : 0);
    stored[at] = activate(biased, epilogue.activation);
  });
  return stored;
}

function countInvocations(code: string): number {
  const [, sizes] = code.match(/@workgroup_size\(([^)]*)\)/)!;
  return sizes.split(",").reduce((product, size) => product * Number(size), 1);
}

function countWorkgroupBytes(code: string): number {
  const declared = code.match(/var<workgroup>/g)?.length ?? 0;
  const arrays = [
    ...code.matchAll(/var<workgroup> \w+: array<(f32|vec4f), (\d+)>;/g),
  ];
  assertEquals(arrays.length, declared, "workgroup variables understood");
  return arrays.reduce(
    (bytes, [, type, length]) =>
      bytes + (type === "f32" ? 4 : 16) * Number(length),
    0,
  );
}

/** Barriers inside of an `if` or `else`, or after a return, which not all invocations of a workgroup may reach. */
function barriersUnderCondition(code: string): number {
  const scopes: boolean[] = [];
  let count = 0;
  let hasReturned = false;
  let statement = "";
  for (const [token] of code.matchAll(/[{};]|[^{};]+/g)) {
    if (token === "{") {
      scopes.push(/\b(if|else|switch)\b/.test(statement));
      // A function begins: what other functions returned does not matter.
      if (/\bfn\b/.test(statement)) hasReturned = false;
    } else if (token === "}") {
      scopes.pop();
    } else if (token === ";") {
      const isConditional = scopes.includes(true);
      if (/\breturn\b/.test(statement)) hasReturned ||= isConditional;
      if (/Barrier\(\)/.test(statement) && (isConditional || hasReturned)) {
        count++;
      }
    }
    statement = /[{};]/.test(token) ? "" : token;
  }
  return count;
}
