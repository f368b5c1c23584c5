/**
 * The operations of oneDNN that are used, and their numbers in it.
 *
 * @module
 */

/** For what an operation is computed: it keeps what its gradient needs. */
export const FORWARD_TRAINING = 64;

/** Numbers of what an operation computes. */
export const ALGORITHMS = {
  convolution: { direct: 1, any: 3 },
  pooling: { max: 511, average: 1023 },
  binary: { add: 131056, multiply: 131057, divide: 131060, subtract: 131061 },
} as const;

/** Numbers of functions of one number, by version. */
export const FUNCTIONS = {
  relu: { 2: 31, 3: 32 },
  sigmoid: { 2: 175, 3: 41 },
  sqrt: { 2: 111, 3: 37 },
  linear: { 2: 127, 3: 38 },
} as const;

/** Numbers of activations whose gradient is computed from their output, the same in both versions. */
export const BY_OUTPUT = { relu: 256, sigmoid: 260 } as const;

/** A function of one number. */
export type ElementwiseFunction = keyof typeof FUNCTIONS;

/** An activation, whose gradient follows from its output. */
export type NativeActivation = keyof typeof BY_OUTPUT;

/** A function of two numbers. */
export type BinaryFunction = keyof typeof ALGORITHMS.binary;

/** Memory of float32, without its place: a length and a stride per dimension, or the layout that the library likes best. */
export interface Layout {
  readonly dims: readonly number[];
  readonly strides: readonly number[] | "any";
}

/** How windows lie. */
export interface Windows {
  readonly strides: readonly number[];
  readonly padBefore: readonly number[];
  readonly padAfter: readonly number[];
}

/** An operation, in the library's terms: images are NCHW and kernels OIHW whatever their layout. */
export type Operation =
  | {
    readonly kind: "convolution";
    /** Whether sums may be rearranged, by tiles as Winograd's. */
    readonly by: keyof typeof ALGORITHMS.convolution;
    readonly gradient?: "input" | "kernel";
    readonly x: Layout;
    readonly kernel: Layout;
    readonly bias?: Layout;
    readonly y: Layout;
    readonly windows: Windows;
  }
  | {
    readonly kind: "pooling";
    readonly gradient?: true;
    readonly takes: "max" | "average";
    readonly x: Layout;
    readonly y: Layout;
    readonly size: readonly number[];
    readonly windows: Windows;
  }
  | {
    readonly kind: "product";
    readonly gradient?: undefined;
    readonly a: Layout;
    readonly b: Layout;
    readonly bias?: Layout;
    readonly y: Layout;
  }
  | {
    readonly kind: "elementwise";
    readonly gradient?: undefined;
    readonly of: ElementwiseFunction;
    /** Of "linear": what to multiply by, and what to add. */
    readonly alpha: number;
    readonly beta: number;
    readonly x: Layout;
  }
  | {
    readonly kind: "activation";
    readonly gradient?: true;
    readonly of: NativeActivation;
    readonly x: Layout;
  }
  | {
    readonly kind: "binary";
    readonly gradient?: undefined;
    readonly of: BinaryFunction;
    readonly a: Layout;
    readonly b: Layout;
    readonly y: Layout;
  };

/** The operation that another is the gradient of, which the library wants to know. */
export function forwardOf(operation: Operation): Operation | undefined {
  return operation.gradient ? { ...operation, gradient: undefined } : undefined;
}

/** A convolution. */
export type Convolution = Extract<Operation, { kind: "convolution" }>;
