/**
 * Changes weights, and what an optimizer keeps of each, where they are: the optimizer's formula by native kernels.
 *
 * @module
 */

import type { Expression, TracedFormula } from "../formula.ts";
import { updateOnCpu } from "../tfjs/tfjs_device.ts";
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
    for (let begin = 0; begin < gradient.size; begin += CHUNK) {
      const parts = arrays.map(([name, array]) =>
        [name, array.subarray(begin, begin + CHUNK)] as const
      );
      updatePart(results, new Map(parts), t);
    }
  },
);

/** A sum of arrays, each times a number, and of a number, which is added up where it is needed and no earlier. */
interface Sum {
  readonly terms: ReadonlyMap<Floats, number>;
  readonly constant: number;
}

function updatePart(
  results: TracedFormula,
  arrays: ReadonlyMap<string, Floats>,
  t: number,
): void {
  const { arrays: memory } = cpuBackend();
  const { length } = arrays.get("gradient")!;
  const lent: Floats[] = [];
  const lend = () => {
    const array = memory.floats(length);
    lent.push(array);
    return array;
  };
  const known = new Map<Expression, Sum>();

  /** Adds up the terms of an expression, once, but for a number that they are multiplied by. */
  const arrayOf = (x: Expression): [array: Floats, factor: number] => {
    const { terms, constant } = known.get(x)!;
    const [[first, factor] = []] = terms;
    if (terms.size === 1 && constant === 0) return [first!, factor!];
    const array = lend();
    if (terms.size === 1) {
      combine("add", {
        a: first!,
        b: Float32Array.of(constant / factor!),
        y: array,
      });
      known.set(x, times(sumOf(array), factor!));
    } else {
      addUp({ terms, constant }, array);
      known.set(x, sumOf(array));
    }
    return arrayOf(x);
  };
  const compute = (x: Expression, [a, b]: Sum[]): Sum => {
    if (x.isScalar) return { terms: new Map(), constant: x.at(t) };
    switch (x.kind) {
      case "plus":
        return plus(a, b);
      case "minus":
        return plus(a, b, -1);
      case "times":
      case "over": {
        const isProduct = x.kind === "times";
        if (b.terms.size === 0) {
          return times(a, isProduct ? b.constant : 1 / b.constant);
        }
        if (isProduct && a.terms.size === 0) return times(b, a.constant);
        const [[left, p], [right, q]] = x.parts.map(arrayOf);
        const array = lend();
        combine(isProduct ? "multiply" : "divide", {
          a: left,
          b: right,
          y: array,
        });
        return times(sumOf(array), isProduct ? p * q : p / q);
      }
      case "sqrt": {
        const [square, factor] = arrayOf(x.parts[0]);
        const array = lend();
        apply("sqrt", { x: square, y: array });
        return times(sumOf(array), Math.sqrt(factor));
      }
      default:
        return sumOf(arrays.get(x.name)!);
    }
  };

  const written = new Set<Expression>();
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
  lent.forEach((array) => memory.release(array));
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

function times({ terms, constant }: Sum, factor: number): Sum {
  const none: Sum = { terms: new Map(), constant: 0 };
  return plus(none, { terms, constant }, factor);
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
