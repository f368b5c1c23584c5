/** Formulas of optimizers: an optimizer states its own once, and each device computes it in its own way. */

import { BackendError } from "../errors.ts";

/**
 * What becomes of a parameter in a step: a new value for each of its variables, by name, from the old ones and from
 * `gradient`. The variables are `weight` and at most {@linkcode MAX_KEPT} more.
 */
export type UpdateFormula = (old: Expressions) => Expressions;

/** Most variables that are kept of each weight: WebGPU reads the old ones from textures, of which a shader binds four. */
const MAX_KEPT = 2;

/** Values of a parameter by name. */
export type Expressions = Readonly<Record<string, Expression>>;

/** A part of a formula: a number for each element of a parameter or, if it is a scalar, one number for all of them. */
export class Expression {
  readonly isScalar: boolean;
  /** Whether it depends on the step. */
  readonly isCorrected: boolean;
  readonly name: string;
  readonly value: number;

  /** `name` is that of an element, `value` that of a number or the beta of a correction. */
  constructor(
    readonly kind: ExpressionKind,
    readonly parts: readonly Expression[] = [],
    { name = "", value = 0 } = {},
  ) {
    this.name = name;
    this.value = value;
    this.isScalar = kind !== "element" && parts.every((x) => x.isScalar);
    this.isCorrected = kind === "correction" ||
      parts.some((x) => x.isCorrected);
  }

  plus(other: Expression | number): Expression {
    return compose("plus", this, expressionOf(other));
  }

  minus(other: Expression | number): Expression {
    return compose("minus", this, expressionOf(other));
  }

  times(other: Expression | number): Expression {
    return compose("times", this, expressionOf(other));
  }

  /** Divides. A scalar divisor is inverted once, and all elements are multiplied by that. */
  over(other: Expression | number): Expression {
    const divisor = expressionOf(other);
    return divisor.isScalar && !this.isScalar
      ? this.times(expressionOf(1).over(divisor))
      : compose("over", this, divisor);
  }

  square(): Expression {
    return this.times(this);
  }

  sqrt(): Expression {
    return compose("sqrt", this);
  }

  /** Works this out from its parts, each of them once; `known` has what is worked out already. */
  fold<X>(
    known: Map<Expression, X>,
    compute: (x: Expression, parts: X[]) => X,
  ): X {
    let value = known.get(this);
    if (value === undefined) {
      const parts = this.parts.map((part) => part.fold(known, compute));
      known.set(this, value = compute(this, parts));
    }
    return value;
  }

  /** The value of a scalar at a step, from 1. */
  at(step: number): number {
    const { kind, parts, value } = this;
    // 1 - beta^t, without the loss of digits of a difference.
    if (kind === "correction") return -Math.expm1(step * Math.log(value));
    const [a, b] = parts.map((part) => part.at(step));
    return kind in OPERATIONS ? OPERATIONS[kind](a, b) : value;
  }
}

const OPERATIONS: Readonly<Record<string, (a: number, b: number) => number>> = {
  plus: (a, b) => a + b,
  minus: (a, b) => a - b,
  times: (a, b) => a * b,
  over: (a, b) => a / b,
  sqrt: (a) => Math.sqrt(a),
};

/** Kinds of expressions. The first three have no parts. */
type ExpressionKind =
  | "element"
  | "number"
  | "correction"
  | "plus"
  | "minus"
  | "times"
  | "over"
  | "sqrt";

/** Makes an expression of its parts: of numbers alone a number, so that other scalars depend on the step. */
function compose(kind: ExpressionKind, ...parts: Expression[]): Expression {
  const [a, b] = parts.map(({ value }) => value);
  return parts.every((part) => part.kind === "number")
    ? expressionOf(OPERATIONS[kind](a, b))
    : new Expression(kind, parts);
}

/** A number as a part of a formula; it may be another number in each step. */
export function expressionOf(value: Expression | number): Expression {
  return typeof value === "number"
    ? new Expression("number", [], { value })
    : value;
}

/** `1 - beta^t` at step `t`, from 1: the divisor that corrects a running mean which began at 0. */
export function biasCorrection(beta: number): Expression {
  return new Expression("correction", [], { value: beta });
}

/** What a formula makes of variables, by name. */
export type TracedFormula = readonly (readonly [name: string, x: Expression])[];

/**
 * Lists what a formula makes of variables of those names, and of gradients, which are first multiplied by a factor. Throws if it
 * breaks the rules of {@linkcode UpdateFormula}, or depends on steps that are not counted.
 */
export function traceFormula(
  formula: UpdateFormula,
  names: readonly string[],
  { countsSteps, factor }: { countsSteps: boolean; factor?: number },
): TracedFormula {
  const fail = (why: string): never => {
    throw new BackendError(`Cannot compute an optimizer's formula as ${why}`);
  };
  if (names.length > 1 + MAX_KEPT) {
    fail(`it has ${names.join(", ")}: keep at most ${MAX_KEPT} per weight`);
  }
  const [gradient, ...old] = ["gradient", ...names].map((name) =>
    new Expression("element", [], { name })
  );
  const results = formula({
    gradient: factor === undefined ? gradient : gradient.times(factor),
    ...Object.fromEntries(old.map((x) => [x.name, x])),
  });
  const changed = Object.keys(results);
  if (`${changed.toSorted()}` !== `${names.toSorted()}`) {
    fail(
      `it changes ${changed.join(", ")}: give new values of ${
        names.join(", ")
      }`,
    );
  }
  if (!countsSteps && Object.values(results).some((x) => x.isCorrected)) {
    fail(
      "it has a bias correction, for which steps are to be counted: set countsSteps",
    );
  }
  return Object.entries(results);
}
