/** Tests of the choice of tiles, for adapters that this machine need not have. */

import { assert, assertEquals } from "@std/assert";
import {
  chooseTilings,
  type GemmSizes,
  type Tiling,
} from "../../../../src/device/webgpu/gemm/tile.ts";
import type { AdapterTraits } from "../../../../src/device/webgpu/run/ways.ts";

const MIB = 2 ** 20;
const SOFTWARE: AdapterTraits = {
  isSoftware: true,
  lanes: 8,
  maxBindingBytes: 128 * MIB,
  source: "textures",
  leastCopied: 0,
};
const ADAPTERS: Readonly<Record<string, AdapterTraits>> = {
  "a GPU": {
    ...SOFTWARE,
    isSoftware: false,
    lanes: 1,
    maxBindingBytes: 2048 * MIB,
  },
  "software of 8 lanes": SOFTWARE,
  "software of 4 lanes": { ...SOFTWARE, lanes: 4 },
  "software without subgroups": { ...SOFTWARE, lanes: 1 },
};

/** Where loops of llvmpipe before Mesa 25 stop. */
const MAX_ITERATIONS = 65_535;

const PRODUCTS: Readonly<Record<string, GemmSizes>> = {
  "one number": _product(1, 1, 1),
  "AlexNet's conv1, batch 128": _product(128 * 55 * 55, 96, 363),
  "AlexNet's conv2 filter gradient, batch 128": _product(
    2400,
    256,
    128 * 27 * 27,
  ),
  "AlexNet's first dense layer, batch 1": _product(1, 4096, 9216),
  "LeNet's conv1, batch 256": _product(256 * 28 * 28, 6, 25),
  "LeNet's conv1 filter gradient, batch 256": _product(25, 6, 256 * 28 * 28),
  "a long sum": _product(3, 2, 1_000_003),
  "a very long sum": _product(1, 1, 30_000_000),
  "many long sums": _product(2048, 2048, 500_000),
  "64 small products": { ..._product(5, 7, 3000), batch: 64 },
};

for (const [name, traits] of Object.entries(ADAPTERS)) {
  Deno.test(`chooseTilings() takes the form for ${name}`, () => {
    for (const product of Object.values(PRODUCTS)) {
      for (const { tile } of chooseTilings(product, traits)) {
        assertEquals(tile.form, traits.lanes > 1 ? "registers" : "staged");
        if (tile.form === "registers") assertEquals(tile.lanes, traits.lanes);
      }
    }
  });

  Deno.test(`chooseTilings() cuts sums before loops get too long, on ${name}`, () => {
    for (const [what, product] of Object.entries(PRODUCTS)) {
      for (const tiling of chooseTilings(product, traits)) {
        const iterations = countIterations(product, tiling);
        assert(
          iterations <= MAX_ITERATIONS,
          `${what}: ${iterations} iterations, ${JSON.stringify(tiling)}`,
        );
      }
    }
  });

  Deno.test(`chooseTilings() cuts sums into parts that fit a binding, on ${name}`, () => {
    for (const maxBindingBytes of [MIB, 16 * MIB, traits.maxBindingBytes]) {
      for (const [what, product] of Object.entries(PRODUCTS)) {
        const { rows, columns, batch } = product;
        const bytes = 4 * rows * columns * batch;
        // Long sums have to be cut, whatever the size of the parts.
        if (bytes > maxBindingBytes || what === "many long sums") continue;
        const limited = { ...traits, maxBindingBytes };
        for (const { splits } of chooseTilings(product, limited)) {
          assert(
            splits * bytes <= maxBindingBytes,
            `${what}: ${splits} parts of ${bytes} bytes`,
          );
        }
      }
    }
  });
}

Deno.test("chooseTilings() cuts sums where a product would keep few invocations busy", () => {
  for (const traits of Object.values(ADAPTERS)) {
    const splits = (...sizes: [number, number, number]) =>
      chooseTilings(_product(...sizes), traits)[0].splits;
    assert(splits(10, 10, 9216) >= 8);
    assertEquals(splits(10, 10, 100), 1);
    assertEquals(splits(4096, 4096, 9216), 1);
  }
});

Deno.test("chooseTilings() takes the tiles that are known to be fast on llvmpipe, and on GPUs the smallest", () => {
  const usual = (traits: AdapterTraits, ...sizes: [number, number, number]) => {
    const [{ tile, isTransposed }] = chooseTilings(_product(...sizes), traits);
    const name = `${tile.rows}x${tile.columns}`;
    return isTransposed ? `${name} transposed` : name;
  };
  // Products of AlexNet at batch 8.
  const known: [sizes: [number, number, number], name: string][] = [
    [[23_328, 96, 121], "48x4"],
    [[8, 4096, 6400], "8x16"],
    [[8, 10, 4096], "8x4"],
    [[4096, 10, 8], "8x4 transposed"],
    [[6400, 4096, 8], "48x4"],
  ];
  for (const [sizes, name] of known) {
    assertEquals(usual(SOFTWARE, ...sizes), name);
    assertEquals(usual(ADAPTERS["a GPU"], ...sizes), "64x64");
  }
});

for (const lanes of [8, 4]) {
  Deno.test(`chooseTilings() wastes little of a tile, with ${lanes} lanes`, () => {
    const traits = { ...SOFTWARE, lanes };
    for (
      const [rows, columns] of [
        // LeNet's convolutions, batch 256: their channels have to become the rows of a tile.
        [256 * 28 * 28, 6],
        [256 * 10 * 10, 16],
        [6, 256 * 28 * 28],
        // AlexNet's convolutions, batch 128.
        [128 * 55 * 55, 96],
        [128 * 27 * 27, 256],
        [128 * 13 * 13, 384],
      ]
    ) {
      const waste = _waste(rows, columns, traits);
      // The smallest tile has 8 rows, which is a third too much for 6; large sizes are rounded up by at most a twentieth.
      const limit = Math.min(rows, columns) === 6 ? 1.34 : 1.05;
      assert(
        waste <= limit,
        `${rows}x${columns}: computes ${waste} times as many numbers as it needs`,
      );
    }
  });
}

function _product(rows: number, columns: number, depth: number): GemmSizes {
  return { rows, columns, depth, batch: 1 };
}

/** Iterations of all loops of one invocation: a turn each, and of staged tiles one for each four places of it. */
function countIterations(
  { depth }: GemmSizes,
  { tile, splits }: Tiling,
): number {
  const turns = Math.ceil(depth / splits / tile.step);
  return tile.form === "registers" ? turns : turns * (1 + tile.step / 4);
}

/** How many sums invocations hold, those of idle ones included, for each that is wanted. */
function _waste(rows: number, columns: number, traits: AdapterTraits): number {
  const [{ tile, isTransposed }] = chooseTilings(
    _product(rows, columns, 100),
    traits,
  );
  assert(tile.form === "registers");
  // A workgroup is a subgroup, or 64 invocations side by side.
  const width = tile.columns * tile.lanes;
  const [down, across] = isTransposed ? [columns, rows] : [rows, columns];
  return Math.ceil(down / tile.rows) * tile.rows *
    Math.ceil(across / width) * width / (rows * columns);
}
