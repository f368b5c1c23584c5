/** Types of `parseArgs`: what it is told and what it returns. */

/** Options of `parseArgs`; the type parameters are the option names, the defaults and the aliases. */
export interface ParseOptions<
  TBooleans extends string = string,
  TStrings extends string = string,
  TCollectable extends string = string,
  TNegatable extends string = string,
  TDefault extends Record<string, unknown> = Record<string, unknown>,
  TAliases extends Aliases = Aliases,
  TDoubleDash extends boolean | undefined = boolean | undefined,
> {
  /** Whether what follows `--` goes to `["--"]` rather than to `_`. */
  "--"?: TDoubleDash;
  /** Other names of an option. */
  alias?: TAliases;
  /** Options that are flags, false unless given; `true` makes every `--name` without a value one. */
  boolean?: boolean | TBooleans | readonly TBooleans[];
  /** Values of options that are not given. */
  default?: TDefault;
  /** Whether everything after the first positional argument is positional. */
  stopEarly?: boolean;
  /** Options whose value stays a string; "" where it is given without one. */
  string?: TStrings | readonly TStrings[];
  /** Options that may be repeated; their values become an array. */
  collect?: TCollectable | readonly TCollectable[];
  /** Options that `--no-name` sets to false. */
  negatable?: TNegatable | readonly TNegatable[];
  /** Called for what is not declared; returning `false` leaves it out. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/** Other names of options. */
export type Aliases = Readonly<Record<string, string | readonly string[]>>;

/** What `parseArgs` returns: the options by name, and the positional arguments. */
export type Args<
  TArgs extends Record<string, unknown> = Record<string, unknown>,
  TDoubleDash extends boolean | undefined = undefined,
> =
  & TArgs
  & {
    /** Positional arguments, in order; those that look like numbers are numbers. */
    _: Array<string | number>;
  }
  & (true extends TDoubleDash ? { "--": string[] } : Record<never, never>);

/** The options by name, each with its type. */
export type Values<
  TBooleans extends string,
  TStrings extends string,
  TCollectable extends string,
  TNegatable extends string,
  TDefault extends Record<string, unknown>,
  TAliases extends Aliases,
> =
  & Record<string, unknown>
  & WithAliases<
    & {
      [K in Exclude<TBooleans, TCollectable>]: boolean | Default<TDefault, K>;
    }
    & {
      [K in Exclude<TStrings, TCollectable | keyof TDefault>]?:
        | string
        | Negated<TNegatable, K>;
    }
    & {
      [K in Extract<Exclude<TStrings, TCollectable>, keyof TDefault>]:
        | string
        | Negated<TNegatable, K>
        | Default<TDefault, K>;
    }
    & {
      [K in TCollectable]:
        | Array<Item<K, TBooleans, TStrings>>
        | Negated<TNegatable, K>
        | Default<TDefault, K>;
    },
    TAliases
  >;

type Item<K, TBooleans, TStrings> = K extends TStrings ? string
  : K extends TBooleans ? boolean
  : unknown;

type Negated<TNegatable, K> = K extends TNegatable ? false : never;

type Default<TDefault, K> = K extends keyof TDefault ? TDefault[K] : never;

type WithAliases<TArgs, TAliases> = {
  [K in keyof TArgs as K | AliasesOf<K, TAliases>]: TArgs[K];
};

type AliasesOf<K, TAliases> = K extends keyof TAliases
  ? TAliases[K] extends string ? TAliases[K]
  : TAliases[K] extends readonly string[] ? TAliases[K][number]
  : never
  : never;
