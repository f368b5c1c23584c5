/**
 * Products of matrices by a BLAS library on the CPU.
 *
 * @module
 */

/** Row-major matrices of float32, each at least as long as it needs to be. */
export interface Operands {
  readonly a: Float32Array<ArrayBuffer>;
  readonly b: Float32Array<ArrayBuffer>;
  readonly c: Float32Array<ArrayBuffer>;
}

/** Which product: `[rows, depth]` by `[depth, columns]`. */
export interface ProductSizes {
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  /** Whether `a` is stored as `[depth, rows]`. */
  readonly transposeA: boolean;
  /** Whether `b` is stored as `[columns, depth]`. */
  readonly transposeB: boolean;
  /** Whether the product is added to `c`. */
  readonly accumulate: boolean;
}

/** A BLAS library. */
export interface Blas {
  /** What it says of itself, and its threads. */
  readonly name: string;
  /** Writes a product to `c`. */
  product(operands: Operands, sizes: ProductSizes): void;
}

/** The library that is used unless the environment variable CBLAS_LIBRARY names another. */
const OPENBLAS = "libopenblas.so.0";

/** The values of cblas.h. */
const [ROW_MAJOR, NO_TRANSPOSE, TRANSPOSE] = [101, 111, 112];

/** Layout, two transpositions, three sizes; alpha, a, its row length, b, its row length; beta, c, its row length. */
const SYMBOLS = {
  // deno-fmt-ignore
  cblas_sgemm: {
    parameters: [
      "i32", "i32", "i32", "i32", "i32", "i32",
      "f32", "buffer", "i32", "buffer", "i32",
      "f32", "buffer", "i32",
    ],
    result: "void",
  },
  openblas_get_config: { parameters: [], result: "pointer", optional: true },
  openblas_get_num_threads: { parameters: [], result: "i32", optional: true },
} as const;

/**
 * Opens the library.
 *
 * @returns The library, which computes with as many threads as it starts by itself; or why there is none, in one line.
 */
export function openBlas(): Blas | string {
  const path = Deno.env.get("CBLAS_LIBRARY") || OPENBLAS;
  try {
    const { symbols } = Deno.dlopen(path, SYMBOLS);
    const { cblas_sgemm: multiply } = symbols;
    return {
      name: describe(path, symbols),
      product({ a, b, c }, sizes) {
        const { rows, columns, depth, transposeA, transposeB } = sizes;
        multiply(
          ROW_MAJOR,
          transposeA ? TRANSPOSE : NO_TRANSPOSE,
          transposeB ? TRANSPOSE : NO_TRANSPOSE,
          ...[rows, columns, depth] as const,
          ...[1, a, transposeA ? rows : depth] as const,
          ...[b, transposeB ? depth : columns] as const,
          ...[sizes.accumulate ? 1 : 0, c, columns] as const,
        );
      },
    };
  } catch (error) {
    // Deno's words come twice.
    const [line] = (error as Error).message.split("\n");
    const reason = line.replace(/^(.*?: )\1/, "$1");
    return `CBLAS is left out: ${reason}; on Debian or Ubuntu \`apt-get install libopenblas0-pthread\`, or name a library in CBLAS_LIBRARY`;
  }
}

/** Libraries other than OpenBLAS lack what it is asked here. */
function describe(
  path: string,
  symbols: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"],
): string {
  const config = symbols.openblas_get_config?.();
  const threads = symbols.openblas_get_num_threads?.();
  if (!config || !threads) return path;
  const text = Deno.UnsafePointerView.getCString(config).trim();
  return `${text}, ${threads} threads`;
}
