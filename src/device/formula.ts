/**
 * Formulas of optimizers: an optimizer states its own once, and each device computes it in its own way.
 *
 * @module
 */

/** What becomes of a parameter in a step: the new values by name, from the old ones and from `gradient`. */
export type UpdateFormula = (old: Expressions) => Expressions;

/** Values of a parameter by name. */
export type Expressions = Readonly<Record<string, Expression>>;

/** A part of a formula: a number for each element of a parameter or, if it is a scalar, one number for all of them. */
export class Expression {
  readonly isScalar: boolean;
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
  }

  plus(other: Expression | number): Expression {
    return new Expression("plus", [this, expressionOf(other)]);
  }

  minus(other: Expression | number): Expression {
    return new Expression("minus", [this, expressionOf(other)]);
  }

  times(other: Expression | number): Expression {
    return new Expression("times", [this, expressionOf(other)]);
  }

  /** Divides; by a scalar, this multiplies by what is 1 over it, which is worked out once for all elements. */
  over(other: Expression | number): Expression {
    const divisor = expressionOf(other);
    return divisor.isScalar && !this.isScalar
      ? this.times(new Expression("over", [expressionOf(1), divisor]))
      : new Expression("over", [this, divisor]);
  }

  square(): Expression {
    return this.times(this);
  }

  sqrt(): Expression {
    return new Expression("sqrt", [this]);
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

/** How an expression comes from its parts, of which the first three have none. */
type ExpressionKind =
  | "element"
  | "number"
  | "correction"
  | "plus"
  | "minus"
  | "times"
  | "over"
  | "sqrt";

/** A number as a part of a formula; it may be another number in each step. */
export function expressionOf(value: Expression | number): Expression {
  return typeof value === "number"
    ? new Expression("number", [], { value })
    : value;
}

/** `1 - beta^t` at step `t`, from 1: what a mean that began at 0 and keeps this share each time is to be divided by. */
export function biasCorrection(beta: number): Expression {
  return new Expression("correction", [], { value: beta });
}

/** What a formula makes of variables, by name. */
export type TracedFormula = readonly (readonly [name: string, x: Expression])[];

/** Lists what a formula makes of variables of those names, and of gradients, which are first multiplied by a factor. */
export function traceFormula(
  formula: UpdateFormula,
  names: readonly string[],
  factor?: number,
): TracedFormula {
  const [gradient, ...old] = ["gradient", ...names].map((name) =>
    new Expression("element", [], { name })
  );
  return Object.entries(formula({
    gradient: factor === undefined ? gradient : gradient.times(factor),
    ...Object.fromEntries(old.map((x) => [x.name, x])),
  }));
}
