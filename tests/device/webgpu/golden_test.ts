/** Compares shaders with the ones in `tests/golden`, so that a reviewer sees what a change does to the WGSL. */

import type { ConvSizes } from "../../../src/device/sizes.ts";
import {
  inputPatches,
  inputTaps,
} from "../../../src/device/webgpu/conv/conv_view.ts";
import { gemm } from "../../../src/device/webgpu/gemm/product.ts";
import type {
  GemmPlan,
  Tile,
} from "../../../src/device/webgpu/gemm/gemm_store.ts";
import { completeShader } from "../../../src/device/webgpu/wgsl/operand.ts";
import { matrix } from "../../../src/device/webgpu/gemm/view.ts";
import { assert } from "@std/assert";

/** AlexNet's second convolution, 96 to 256 channels by 5x5, padded to the same size, for two images. */
const SIZES: ConvSizes = {
  batch: 2,
  inHeight: 27,
  inWidth: 27,
  inChannels: 96,
  outHeight: 27,
  outWidth: 27,
  outChannels: 256,
  filterHeight: 5,
  filterWidth: 5,
  strideHeight: 1,
  strideWidth: 1,
  padTop: 2,
  padLeft: 2,
};
const PIXELS = 2 * 27 * 27;
const WEIGHTS = 5 * 5 * 96;

/** The shortest of the tiles for software adapters. */
const REGISTERS: Tile = {
  form: "registers",
  rows: 8,
  columns: 4,
  lanes: 8,
  step: 4,
};
const STAGED: Tile = { form: "staged", rows: 64, columns: 64, step: 16 };

const PLANS: Readonly<Record<string, GemmPlan>> = {
  conv2d_forward_registers: forward(REGISTERS),
  conv2d_forward_staged: forward(STAGED),
  conv2d_filter_gradient_registers: filterGradient(REGISTERS),
  conv2d_filter_gradient_staged: filterGradient(STAGED),
};

for (const [name, plan] of Object.entries(PLANS)) {
  Deno.test(`gemm() writes ${name} as in tests/golden`, async () => {
    const file = new URL(`../../golden/${name}.wgsl`, import.meta.url);
    const { code } = completeShader(gemm(plan).code, 0);
    if (Deno.env.get("UPDATE_GOLDEN") === "1") {
      await Deno.writeTextFile(file, code);
      return;
    }
    const golden = await Deno.readTextFile(file).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return "";
      throw error;
    });
    assert(code === golden, difference(name, { code, golden }));
  });
}

function forward(tile: Tile): GemmPlan {
  return {
    rows: PIXELS,
    columns: SIZES.outChannels,
    depth: WEIGHTS,
    batch: 1,
    left: inputPatches(SIZES),
    right: matrix({
      outer: SIZES.outChannels,
      depth: WEIGHTS,
      along: "outer",
    }),
    outputAlong: "column",
    epilogue: { hasBias: true, activation: "relu" },
    tile,
    splits: 1,
  };
}

function filterGradient(tile: Tile): GemmPlan {
  return {
    rows: WEIGHTS,
    columns: SIZES.outChannels,
    depth: PIXELS,
    batch: 1,
    left: inputTaps(SIZES),
    right: matrix({ outer: SIZES.outChannels, depth: PIXELS, along: "outer" }),
    outputAlong: "column",
    epilogue: {},
    tile,
    splits: 3,
  };
}

function difference(
  name: string,
  { code, golden }: { code: string; golden: string },
): string {
  const lines = golden.split("\n");
  const written = code.split("\n");
  const at = written.findIndex((line, i) => line !== lines[i]);
  const line = at < 0 ? written.length : at;
  return `tests/golden/${name}.wgsl differs from line ${line + 1}: "${
    lines[line] ?? ""
  }" is now "${
    written[line] ?? ""
  }". If that is meant, rewrite the files with UPDATE_GOLDEN=1 deno test -A tests/device/webgpu/golden_test.ts and look at git diff tests/golden`;
}
