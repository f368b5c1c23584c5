/**
 * Rows of numbers that a lane keeps in registers, in WGSL: as vectors where their length allows it.
 *
 * @module
 */

import { range } from "./wgsl.ts";

/** How a row lies in memory. */
export interface RowVectors {
  /** Numbers in the row. */
  readonly length: number;
  /** Numbers in a vector: 4, or 1 where 4 do not divide the row. */
  readonly width: 1 | 4;
  /** Vectors in the row. */
  readonly count: number;
  /** Their type in WGSL. */
  readonly type: "f32" | "vec4f";
}

/**
 * Lays out rows of one length.
 *
 * @param length Numbers in a row.
 * @returns The layout.
 */
export function rowVectors(length: number): RowVectors {
  return length % 4 === 0
    ? { length, width: 4, count: length / 4, type: "vec4f" }
    : { length, width: 1, count: length, type: "f32" };
}

/**
 * Loads a row into variables `${name}0`, `${name}1` and so on.
 *
 * @param name Name of the variables.
 * @param row Its layout.
 * @param from Name of the operand, index of the row's first vector, and whether there is such a row (else it is zeros).
 * @returns Statements in WGSL.
 */
export function loadRow(
  name: string,
  { count, type }: RowVectors,
  from: { operand: string; first: string; inside: string },
): string {
  const { operand, first, inside } = from;
  return range(count).map((i) =>
    `let ${name}${i} = select(${type}(), ${operand}Read(${first} + ${i}u), ${inside});`
  ).join("\n");
}

/**
 * A number of a row that was loaded.
 *
 * @param name Name of the variables.
 * @param row The row's layout.
 * @param i Which number.
 * @returns An expression in WGSL.
 */
export function elementOf(name: string, { width }: RowVectors, i: number) {
  return width === 1
    ? `${name}${i}`
    : `${name}${Math.floor(i / 4)}.${"xyzw"[i % 4]}`;
}

/**
 * Stores a row.
 *
 * @param row Its layout.
 * @param to Name of the result, and index of the row's first vector.
 * @param value Number `i`, in WGSL.
 * @returns Statements in WGSL.
 */
export function storeRow(
  { count, width, type }: RowVectors,
  to: { result: string; first: string },
  value: (i: number) => string,
): string {
  return range(count).map((i) => {
    const values = range(width).map((j) => value(i * width + j));
    return `${to.result}Write(${to.first} + ${i}u, ${type}(${
      values.join(", ")
    }));`;
  }).join("\n");
}

/**
 * Adds up products, in order.
 *
 * @param sum Name of the variable.
 * @param products Pairs of factors, in WGSL.
 * @returns A statement in WGSL.
 */
export function addProducts(
  sum: string,
  products: readonly (readonly [string, string])[],
): string {
  const chain = products.reduce((v, [a, b]) => `fma(${a}, ${b}, ${v})`, sum);
  return `${sum} = ${chain};`;
}
