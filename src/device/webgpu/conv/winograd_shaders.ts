/**
 * The transforms of Winograd convolution in WGSL. Each invocation transforms four channels of one tile; the products
 * between them are a batch of matrix products.
 *
 * @module
 */

import {
  type Epilogue,
  finishFunction,
  gridOf,
  indexOf,
  range,
  type Shader,
} from "../wgsl/wgsl.ts";
import { declareOperand, declareResult, type Source } from "../wgsl/operand.ts";
import type { Matrix } from "./winograd_matrices.ts";

/** Images that are cut into square tiles, NHWC. */
export interface TiledImages {
  readonly images: number;
  readonly height: number;
  readonly width: number;
  /** A multiple of 4. */
  readonly channels: number;
  readonly tilesDown: number;
  readonly tilesAcross: number;
  /** Rows and columns from one tile to the next. */
  readonly stride: number;
  /** Rows before the image where the first tile begins. */
  readonly top: number;
  /** Columns before the image where the first tile begins. */
  readonly left: number;
}

/** Counts the tiles of all images. */
export function countTiles(t: TiledImages): number {
  return t.images * t.tilesDown * t.tilesAcross;
}

/**
 * Writes the transform of tiles to places: `output[place, tile, channel]`. What of a tile is outside of the image is 0.
 * Bindings: output, images.
 */
export function tilesToPlaces(
  t: TiledImages,
  matrix: Matrix,
  source: Source,
): Shader {
  const vectors = countTiles(t) * t.channels / 4;
  const workgroups = gridOf(vectors);
  const code = `
${declareResult("output", { binding: 0, width: 4 })}
${declareOperand("images", { binding: 1, width: 4, source })}

fn at(image: u32, y: i32, x: i32, channel: u32) -> vec4f {
  let inside = (u32(y) < ${t.height}u) & (u32(x) < ${t.width}u);
  let pixel = (image * ${t.height}u + u32(y)) * ${t.width}u + u32(x);
  return select(vec4f(), imagesRead(select(0u, pixel * ${
    t.channels / 4
  }u + channel, inside)), inside);
}

${indexOf(vectors, workgroups)}
${findTile(t)}
${
    transform(matrix, {
      load: (y, x) => `at(image, y + ${y}, x + ${x}, channel)`,
      store: (place, value) =>
        `outputWrite(${place * vectors}u + i, ${value});`,
    })
  }
}
`;
  return { code, workgroups };
}

/**
 * Writes the transform of square filters, which lie place by place: `[columns * columns, size]` to
 * `[rows * rows, size]`. Bindings: output, input.
 */
export function placesToPlaces(
  size: number,
  matrix: Matrix,
  source: Source,
): Shader {
  const vectors = size / 4;
  const workgroups = gridOf(vectors);
  const columns = matrix.rows[0].length;
  const code = `
${declareResult("output", { binding: 0, width: 4 })}
${declareOperand("taps", { binding: 1, width: 4, source })}

${indexOf(vectors, workgroups)}
${
    transform(matrix, {
      load: (y, x) => `tapsRead(${(y * columns + x) * vectors}u + i)`,
      store: (place, value) =>
        `outputWrite(${place * vectors}u + i, ${value});`,
    })
  }
}
`;
  return { code, workgroups };
}

/**
 * Writes the transform of products to the tiles of images: `products[place, tile, channel]`, with what follows the sums.
 * Bindings: images, products, and the bias.
 */
export function productsToTiles(
  t: TiledImages,
  matrix: Matrix,
  { source, epilogue }: { source: Source; epilogue: Epilogue },
): Shader {
  const vectors = countTiles(t) * t.channels / 4;
  const workgroups = gridOf(vectors);
  const columns = matrix.rows[0].length;
  const rows = matrix.rows.length;
  const code = `
${declareResult("images", { binding: 0, width: 4 })}
${declareOperand("products", { binding: 1, width: 4, source })}
${finishFunction(epilogue, { binding: 2, type: "vec4f" })}

${indexOf(vectors, workgroups)}
${findTile(t)}
  let bias = ${
    epilogue.hasBias
      ? `vec4f(${
        range(4).map((j) => `biases[4u * channel + ${j}u]`).join(", ")
      })`
      : "vec4f()"
  };
  let first = ((image * ${t.height}u + u32(y)) * ${t.width}u + u32(x)) * ${
    t.channels / 4
  }u + channel;
${
    transform(matrix, {
      load: (row, column) =>
        `productsRead(${(row * columns + column) * vectors}u + i)`,
      store: (place, value) => {
        const [dy, dx] = [Math.floor(place / rows), place % rows];
        return `if (y + ${dy} < ${t.height} && x + ${dx} < ${t.width}) {
    imagesWrite(first + ${
          (dy * t.width + dx) * t.channels / 4
        }u, finish(${value}, bias));
  }`;
      },
    })
  }
}
`;
  return { code, workgroups };
}

/** Declares `image`, the first row `y` and column `x` of the tile, and `channel`, of vector `i`. */
function findTile(t: TiledImages): string {
  return `  let channel = i % ${t.channels / 4}u;
  let tile = i / ${t.channels / 4}u;
  let image = tile / ${t.tilesDown * t.tilesAcross}u;
  let y = i32(tile / ${t.tilesAcross}u % ${t.tilesDown}u) * ${t.stride} - ${t.top};
  let x = i32(tile % ${t.tilesAcross}u) * ${t.stride} - ${t.left};`;
}

/** Loads a square, applies the matrix along its columns and then its rows, and stores the square that this gives. */
function transform(
  matrix: Matrix,
  { load, store }: {
    load: (row: number, column: number) => string;
    store: (place: number, value: string) => string;
  },
): string {
  const rows = range(matrix.rows.length);
  const columns = range(matrix.rows[0].length);
  const lines = columns.flatMap((x) => [
    ...columns.map((y) => `let d${y}_${x} = ${load(y, x)};`),
    ...rows.map((i) =>
      `let t${i}_${x} = ${combine(matrix.rows[i], (y) => `d${y}_${x}`)};`
    ),
  ]);
  const stores = rows.flatMap((i) =>
    rows.map((j) =>
      store(
        i * rows.length + j,
        combine(matrix.rows[j], (x) => `t${i}_${x}`),
      )
    )
  );
  return [...lines, ...stores].map((line) => `  ${line}`).join("\n");
}

/** A sum of vectors times numbers that are known: in WGSL, without those that are 0. */
function combine(
  factors: readonly number[],
  vector: (j: number) => string,
): string {
  const terms = factors.map((factor, j) => ({ factor, name: vector(j) }))
    .filter(({ factor }) => factor !== 0);
  const [first, ...others] = terms;
  const head = first.factor === 1
    ? first.name
    : first.factor === -1
    ? `-${first.name}`
    : `${formatNumber(first.factor)} * ${first.name}`;
  return others.reduce(
    (sum, { factor, name }) =>
      factor === 1
        ? `(${sum} + ${name})`
        : factor === -1
        ? `(${sum} - ${name})`
        : `fma(vec4f(${formatNumber(factor)}), ${name}, ${sum})`,
    head,
  );
}

function formatNumber(value: number): string {
  return `f32(${Math.fround(value)})`;
}
