/** Changes weights, and what an optimizer keeps of each, where they are: the optimizer's formula by native kernels. */

import type { Expression, TracedFormula } from "../formula.ts";
import { updateOnCpu } from "../cpu.ts";
import { apply, combine } from "./elementwise.ts";
import { addScaled } from "./library/primitive.ts";
import {
  cpuBackend,
  type Floats,
  floatsOf,
  libraryInUse,
  soleFloats,
} from "./tensors.ts";

/** Elements that are computed at a time: the arrays in between stay small, and in a core's cache. */
const CHUNK = 1 << 18;

/** Makes a step. A variable whose memory another tensor shares, as a clone does, is moved to new memory first. */
export const nativeUpdate = updateOnCpu(
  (results, { gradient, variables }, t) => {
    const arrays = Object.entries(variables).map(([name, variable]) =>
      [name, soleFloats(variable)] as const
    );
    arrays.push(["gradient", floatsOf(gradient)]);
    const { arrays: memory } = cpuBackend();
    for (let begin = 0; begin < gradient.size; begin += CHUNK) {
      const parts = arrays.map(([name, array]) =>
        [name, array.subarray(begin, begin + CHUNK)] as const
      );
      const lent: Floats[] = [];
      const lend = () => {
        lent.push(memory.floats(Math.min(CHUNK, gradient.size - begin)));
        return lent.at(-1)!;
      };
      try {
        updatePart(results, new Map(parts), { t, lend });
      } finally {
        lent.forEach((array) => memory.release(array));
      }
    }
  },
);

/** A weighted sum of arrays plus a number. It is computed only where an operation needs it as one array. */
interface Sum {
  readonly terms: ReadonlyMap<Floats, number>;
  readonly constant: number;
}

function updatePart(
  results: TracedFormula,
  arrays: ReadonlyMap<string, Floats>,
  { t, lend }: { t: number; lend: () => Floats },
): void {
  const known = new Map<Expression, Sum>();

  /** Computes an expression into one array, once. The expression is that array times the factor. */
  const arrayOf = (x: Expression): [array: Floats, factor: number] => {
    const sum = known.get(x)!;
    const [[first, factor] = []] = sum.terms;
    const isSingle = sum.terms.size === 1;
    if (isSingle && sum.constant === 0) return [first!, factor!];
    const y = lend();
    if (isSingle) {
      const b = Float32Array.of(sum.constant / factor!);
      combine("add", { a: first!, b, y });
    } else addUp(sum, y);
    known.set(x, times(sumOf(y), isSingle ? factor! : 1));
    return arrayOf(x);
  };
  const compute = (x: Expression, [left, right]: Sum[]): Sum => {
    if (x.isScalar) return { terms: new Map(), constant: x.at(t) };
    switch (x.kind) {
      case "plus":
        return plus(left, right);
      case "minus":
        return plus(left, right, -1);
      case "times":
      case "over": {
        const isProduct = x.kind === "times";
        if (isProduct && right.terms.size === 0) {
          return times(left, right.constant);
        }
        if (isProduct && left.terms.size === 0) {
          return times(right, left.constant);
        }
        const [[a, p], [b, q]] = x.parts.map(arrayOf);
        const y = lend();
        combine(isProduct ? "multiply" : "divide", { a, b, y });
        return times(sumOf(y), isProduct ? p * q : p / q);
      }
      case "sqrt": {
        const [square, factor] = arrayOf(x.parts[0]);
        const y = lend();
        apply("sqrt", { x: square, y });
        return times(sumOf(y), Math.sqrt(factor));
      }
      default:
        return sumOf(arrays.get(x.name)!);
    }
  };

  const written = new Set<Expression>();
  // A new value whose old one is still needed is written at the end.
  const late: (() => void)[] = [];
  for (const [i, [name, x]] of results.entries()) {
    const sum = x.fold(known, compute);
    written.add(x);
    const variable = arrays.get(name)!;
    const isNeeded = results.slice(i + 1).some(([, later]) =>
      reads(later, name, written)
    );
    const target = isNeeded ? lend() : variable;
    addUp(sum, target);
    known.set(x, sumOf(target));
    if (isNeeded) late.push(() => variable.set(target));
  }
  late.forEach((write) => write());
}

/** Whether an expression still needs an old value; those that are `written` have an array. */
function reads(
  x: Expression,
  name: string,
  written: ReadonlySet<Expression>,
): boolean {
  if (written.has(x)) return false;
  return x.kind === "element"
    ? x.name === name
    : x.parts.some((part) => reads(part, name, written));
}

function sumOf(array: Floats): Sum {
  return { terms: new Map([[array, 1]]), constant: 0 };
}

function times(sum: Sum, factor: number): Sum {
  return plus({ terms: new Map(), constant: 0 }, sum, factor);
}

function plus(a: Sum, b: Sum, factor = 1): Sum {
  const terms = new Map(a.terms);
  for (const [array, n] of b.terms) {
    const sum = (terms.get(array) ?? 0) + factor * n;
    if (sum === 0) terms.delete(array);
    else terms.set(array, sum);
  }
  return { terms, constant: a.constant + factor * b.constant };
}

/** Computes a sum into an array, which may be one of its terms. */
function addUp({ terms, constant }: Sum, target: Floats): void {
  const library = libraryInUse();
  let beta = terms.get(target) ?? 0;
  for (const [array, alpha] of terms) {
    if (array === target) continue;
    addScaled(library, { alpha, x: array, beta, y: target });
    beta = 1;
  }
  if (beta === 0) target.fill(0);
  else if (beta !== 1) {
    combine("multiply", { a: target, b: Float32Array.of(beta), y: target });
  }
  if (constant !== 0) {
    combine("add", { a: target, b: Float32Array.of(constant), y: target });
  }
}
