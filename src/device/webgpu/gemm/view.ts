/**
 * Operand views: how a matrix product reads its operands out of tensors, so that convolutions and their gradients need
 * no copies.
 *
 * A view gives WGSL with three functions. `prepare(i, batch)` is called once per row (or column) `i`, `step(k)` once per
 * term `k` of the sum, and `load(prepared, step)` gives four consecutive values, either along the sum ("depth") or
 * across it ("outer"). Values beyond the sum are zero; what is read for rows beyond the matrix is never stored.
 */

/** An operand of a matrix product. */
export interface View {
  /** Along which of its two directions `load` gives four consecutive values. */
  readonly along: "depth" | "outer";
  /** Whether the tensor is bound as an array of `vec4f` rather than of `f32`. */
  readonly isVector: boolean;
  /** Writes the three functions. */
  readonly code: (name: string) => string;
}

interface MatrixOptions {
  /** Number of rows (left operand) or columns (right operand). */
  readonly outer: number;
  /** Length of the sum. */
  readonly depth: number;
  /** Which index is contiguous in memory. */
  readonly along: "depth" | "outer";
  /** Elements from one matrix of a batch to the next; 0 where all products share it. Default 0. */
  readonly batchStride?: number;
}

/** A plain matrix, or a batch of them. */
export function matrix(options: MatrixOptions): View {
  const { outer, depth, along, batchStride = 0 } = options;
  const isVector = (along === "depth" ? depth : outer) % 4 === 0 &&
    batchStride % 4 === 0;
  const address = along === "depth"
    ? { prepared: `min(i, ${outer - 1}u) * ${depth}u`, step: "k" }
    : { prepared: "i", step: `k * ${outer}u` };
  return {
    along,
    isVector,
    code: (name) => `
struct ${name}P { base: u32, outer: u32 }
struct ${name}S { offset: u32, k: u32 }

fn ${name}Prepare(i: u32, batch: u32) -> ${name}P {
  return ${name}P(batch * ${batchStride}u + ${address.prepared}, i);
}

fn ${name}Step(k: u32) -> ${name}S {
  return ${name}S(${address.step}, k);
}

${
      loadFunction(name, isVector, (j) => ({
        inside: along === "depth"
          ? `s.k + ${j}u < ${depth}u`
          : `(s.k < ${depth}u) & (p.outer + ${j}u < ${outer}u)`,
        address: `p.base + s.offset + ${j}u`,
      }))
    }`,
  };
}

/** Where one element of a load is, in WGSL. */
interface ElementAddress {
  /** Whether there is such an element: type bool. */
  readonly inside: string;
  /** Its index in the tensor, if there is: type u32. */
  readonly address: string;
}

/** Writes the function `${name}Load` of a view. Nothing outside of the tensor is read. */
export function loadFunction(
  name: string,
  isVector: boolean,
  element: (j: number) => ElementAddress,
): string {
  const head = `fn ${name}Load(p: ${name}P, s: ${name}S) -> vec4f {`;
  if (isVector) {
    const { inside, address } = element(0);
    return `${head}
  let inside = ${inside};
  return select(vec4f(), ${name}Read(select(0u, (${address}) / 4u, inside)), inside);
}`;
  }
  const elements = [0, 1, 2, 3].map(element).map(({ inside, address }) =>
    `    ${name}Element(${inside}, ${address}),`
  );
  return `fn ${name}Element(inside: bool, address: u32) -> f32 {
  return select(0.0, ${name}Read(select(0u, address, inside)), inside);
}

${head}
  return vec4f(
${elements.join("\n")}
  );
}`;
}
