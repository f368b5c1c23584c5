/**
 * The matrices of Winograd's minimal filtering, made by Toom and Cook's rule for any sizes.
 *
 * `m` outputs of a filter of `r` taps are `output * ((filter * taps) .* (input * places))` for `m + r - 1` places: that
 * many products instead of `m * r`. In two dimensions the matrices are applied along both, and the products are the
 * square of that. (S. Winograd, Arithmetic Complexity of Computations, 1980; A. Lavin and S. Gray, Fast Algorithms for
 * Convolutional Neural Networks, 2016.)
 *
 * @module
 */

/** A matrix and a name for it. */
export interface Matrix {
  /** Tells it from every other. */
  readonly name: string;
  readonly rows: readonly (readonly number[])[];
}

/** What turns places, taps and products into one another. */
export interface WinogradMatrices {
  /** `[m + r - 1][m + r - 1]`: applied to the places of a tile. */
  readonly input: Matrix;
  /** `[m + r - 1][r]`: applied to the taps. */
  readonly filter: Matrix;
  /** The same for a filter that is turned around. */
  readonly turnedFilter: Matrix;
  /** `[m][m + r - 1]`: applied to the products. */
  readonly output: Matrix;
}

/**
 * Where the polynomials are evaluated, besides infinity: numbers whose powers are small and exact, in an order that keeps
 * the errors of float32 small.
 */
const POINTS = [0, 1, -1, 2, -2, 1 / 2, -1 / 2];

/** Most places of a tile: with more, float32 has not the digits. */
export const MOST_PLACES = POINTS.length + 1;

const known = new Map<string, WinogradMatrices>();

/** Makes the matrices, once. */
export function winogradMatrices(m: number, r: number): WinogradMatrices {
  const key = `${m},${r}`;
  let matrices = known.get(key);
  if (matrices === undefined) known.set(key, matrices = make(m, r));
  return matrices;
}

function make(m: number, r: number): WinogradMatrices {
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
