/**
 * The matrices and the shaders of Winograd's minimal filtering.
 *
 * `m` outputs of a filter of `r` taps are `output * ((filter * taps) .* (input * places))` for `m + r - 1` places: that
 * many products instead of `m * r`. In two dimensions the matrices are applied along both, and the products are the
 * square of that. (S. Winograd, Arithmetic Complexity of Computations, 1980; A. Lavin and S. Gray, Fast Algorithms for
 * Convolutional Neural Networks, 2016.) The matrices are made by Toom and Cook's rule for any sizes. Each invocation of a
 * shader transforms four channels of one tile; the products between the transforms are a batch of matrix products.
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

/** A matrix and a name for it. */
export interface Matrix {
  /** Tells it from every other. */
  readonly name: string;
  readonly rows: readonly (readonly number[])[];
}

/**
 * Where the polynomials are evaluated, besides infinity: numbers whose powers are small and exact, in an order that keeps
 * the errors of float32 small.
 */
const POINTS = [0, 1, -1, 2, -2, 1 / 2, -1 / 2];

/** Most places of a tile: with more, float32 has not the digits. */
export const MOST_PLACES = POINTS.length + 1;

/**
 * What turns places, taps and products into one another: `input`, `[m + r - 1][m + r - 1]`, is applied to the places of a tile,
 * `filter` and, for one that is turned around, `turnedFilter`, `[m + r - 1][r]`, to the taps, and `output`, `[m][m + r - 1]`, to
 * the products.
 */
export function winogradMatrices(m: number, r: number) {
  const points = POINTS.slice(0, m + r - 2);
  const powers = (point: number, count: number) =>
    Array.from({ length: count }, (_, j) => point ** j);
  const infinity = (count: number) => powers(0, count).reverse();
  const others = points.map((point) => points.filter((p) => p !== point));
  const columns = [...points.map((p) => powers(p, m)), infinity(m)];
  const filter = [
    ...points.map((point, i) => {
      const scale = others[i].reduce((s, root) => s * (point - root), 1);
      return powers(point, r).map((power) => power / scale);
    }),
    infinity(r),
  ];
  const named = (name: string, rows: readonly number[][]): Matrix => ({
    name: `${name} ${m},${r}`,
    rows,
  });
  return {
    input: named("input", [
      ...others.map((roots) => [...polynomial(roots), 0]),
      polynomial(points),
    ]),
    filter: named("filter", filter),
    turnedFilter: named("turned", filter.map((row) => row.toReversed())),
    output: named(
      "output",
      powers(0, m).map((_, j) => columns.map((column) => column[j])),
    ),
  };
}

/** Coefficients of the polynomial with these roots, the constant first. */
function polynomial(roots: readonly number[]): number[] {
  return roots.reduce(
    (coefficients, root) =>
      [...coefficients, 0].map((c, j) =>
        (j > 0 ? coefficients[j - 1] : 0) -
        root * (j < coefficients.length ? c : 0)
      ),
    [1],
  );
}

/** A transform whose shader is still to be written. */
export interface Pass {
  /** Names it and all that the shader depends on but where it reads from. */
  readonly key: string;
  /** Numbers that it reads. */
  readonly size: number;
  /** Shape of what it gives. */
  readonly shape: readonly number[];
  readonly write: (source: Source) => Shader;
}

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
  /** Rows and columns before the image where the first tile begins. */
  readonly top: number;
  readonly left: number;
}

/** Counts the tiles of all images. */
export function countTiles(t: TiledImages): number {
  return t.images * t.tilesDown * t.tilesAcross;
}

/**
 * The transform of tiles to places: `output[place, tile, channel]`. What of a tile is outside of the image is 0.
 * Bindings: output, images.
 */
export function tilesToPlaces(t: TiledImages, matrix: Matrix): Pass {
  const { height, width, channels } = t;
  const count = countTiles(t);
  const vectors = count * channels / 4;
  const workgroups = gridOf(vectors);
  return {
    key: `tiles to places,${Object.values(t)},${matrix.name}`,
    size: t.images * height * width * channels,
    shape: [matrix.rows.length ** 2, count, channels],
    write: (source) => ({
      workgroups,
      code: `
${declareResult("output", { binding: 0, width: 4 })}
${declareOperand("images", { binding: 1, width: 4, source })}

fn at(image: u32, y: i32, x: i32, channel: u32) -> vec4f {
  let inside = (u32(y) < ${height}u) & (u32(x) < ${width}u);
  let pixel = (image * ${height}u + u32(y)) * ${width}u + u32(x);
  return select(vec4f(), imagesRead(select(0u, pixel * ${
        channels / 4
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
`,
    }),
  };
}

/**
 * The transform of square filters, which lie place by place: to the places or, for a gradient, to the taps that `shape` ends
 * with. Bindings: output, input.
 */
export function placesToPlaces(
  shape: readonly number[],
  matrix: Matrix,
): Pass {
  const size = shape.at(-1)! * shape.at(-2)!;
  const vectors = size / 4;
  const workgroups = gridOf(vectors);
  const columns = matrix.rows[0].length;
  return {
    key: `places to places,${size},${matrix.name}`,
    size: columns ** 2 * size,
    shape,
    write: (source) => ({
      workgroups,
      code: `
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
`,
    }),
  };
}

/**
 * The transform of products to the tiles of images: `products[place, tile, channel]`, with what follows the sums.
 * Bindings: images, products, and the bias.
 */
export function productsToTiles(
  t: TiledImages,
  matrix: Matrix,
  epilogue: Epilogue,
): Pass {
  const { height, width, channels } = t;
  const vectors = countTiles(t) * channels / 4;
  const workgroups = gridOf(vectors);
  const columns = matrix.rows[0].length;
  const rows = matrix.rows.length;
  return {
    key: `products to tiles,${Object.values(t)},${matrix.name},${
      Object.values(epilogue)
    }`,
    size: columns ** 2 * vectors * 4,
    shape: [t.images, height, width, channels],
    write: (source) => ({
      workgroups,
      code: `
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
  let first = ((image * ${height}u + u32(y)) * ${width}u + u32(x)) * ${
        channels / 4
      }u + channel;
${
        transform(matrix, {
          load: (row, column) =>
            `productsRead(${(row * columns + column) * vectors}u + i)`,
          store: (place, value) => {
            const [dy, dx] = [Math.floor(place / rows), place % rows];
            return `if (y + ${dy} < ${height} && x + ${dx} < ${width}) {
    imagesWrite(first + ${
              (dy * width + dx) * channels / 4
            }u, finish(${value}, bias));
  }`;
          },
        })
      }
}
`,
    }),
  };
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
