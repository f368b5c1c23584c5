/**
 * The operations of oneDNN that are used, and how they are described to it. Version 2 takes a structure that
 * describes the operation first; version 3 has none. What they are described by is nearly the same.
 */

import { memo } from "../../memo.ts";
import type { Handle, NativeValue, OneDnn } from "./library.ts";

/** Memory of float32, wherever it is: a length and a stride per dimension, or the layout that the library likes best. */
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

/** For what an operation is computed: it keeps what its gradient needs. */
const FORWARD_TRAINING = 64;

/** Numbers of what operations compute. */
const CONVOLUTIONS = { direct: 1, any: 3 } as const;
const POOLINGS = { max: 511, average: 1023 } as const;
const BINARY_FUNCTIONS = {
  add: 131056,
  multiply: 131057,
  divide: 131060,
  subtract: 131061,
} as const;

/** Numbers of functions of one number, by version. */
const UNARY_FUNCTIONS = {
  relu: { 2: 31, 3: 32 },
  sigmoid: { 2: 175, 3: 41 },
  sqrt: { 2: 111, 3: 37 },
  linear: { 2: 127, 3: 38 },
  // Their gradients are computed from what they gave.
  "relu by output": { 2: 256, 3: 256 },
  "sigmoid by output": { 2: 260, 3: 260 },
} as const;

/** A function of one number. */
export type UnaryFunction = keyof typeof UNARY_FUNCTIONS;

/** A function of two numbers. */
export type BinaryFunction = keyof typeof BINARY_FUNCTIONS;

/** A convolution. */
export interface Convolution {
  readonly kind: "convolution";
  /** "any" lets the library rearrange sums, by tiles as Winograd's. */
  readonly by: keyof typeof CONVOLUTIONS;
  readonly gradient?: "input" | "kernel";
  readonly x: Layout;
  readonly kernel: Layout;
  readonly bias?: Layout;
  readonly y: Layout;
  readonly windows: Windows;
}

/** An operation, in the library's terms: images are NCHW and kernels OIHW whatever their layout. */
export type NativeOperation =
  | Convolution
  | {
    readonly kind: "pooling";
    readonly gradient?: true;
    readonly takes: keyof typeof POOLINGS;
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
    readonly gradient?: true;
    readonly of: UnaryFunction;
    /** What "linear" multiplies by. */
    readonly alpha?: number;
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

/** Bytes that are enough for any structure of version 2; the largest has 5,976. */
const STRUCTURE_BYTES = 16384;

const NO_ATTRIBUTES = null;

/** Describes an operation, and has the library choose how to compute it. */
export function describe(library: OneDnn, operation: NativeOperation): Handle {
  // The library wants to know what a gradient is the gradient of.
  const forward = { ...operation, gradient: undefined };
  const hints = operation.gradient ? [describe(library, forward)] : [];
  const [stem, ...values] = description(library, operation);
  const { engine } = library;
  if (library.major === 2) {
    const structure = new Uint8Array(STRUCTURE_BYTES);
    library.call(`dnnl_${stem}_desc_init`, structure, ...values);
    const others = [NO_ATTRIBUTES, engine, hints[0] ?? null];
    return library.make("dnnl_primitive_desc_create", structure, ...others);
  }
  const all = [engine, ...values, ...hints, NO_ATTRIBUTES];
  return library.make(`dnnl_${stem}_primitive_desc_create`, ...all);
}

/** The middle of a function's name, and its parameters but for those that all have. */
function description(
  library: OneDnn,
  operation: NativeOperation,
): [stem: string, ...values: NativeValue[]] {
  const isOld = library.major === 2;
  const memory = (layout?: Layout) => describeMemory(library, layout);
  const direction = operation.gradient ? "backward" : "forward";
  // A gradient says so by its name alone.
  const purpose = operation.gradient ? [] : [FORWARD_TRAINING];
  const numbersOf = (windows: Windows, ...size: (readonly number[])[]) => {
    const { strides, padBefore, padAfter } = windows;
    // Dilations that leave windows as they are.
    const dilations = isOld ? [] : [strides.map(() => 0)];
    return [strides, ...size, ...dilations, padBefore, padAfter].map(longs);
  };
  switch (operation.kind) {
    case "convolution": {
      const { gradient, x, kernel, bias, y, windows } = operation;
      const of = { input: "_data", kernel: "_weights" };
      const layouts = gradient === "input"
        ? [x, kernel, y]
        : [x, kernel, bias, y];
      return [
        `convolution_${direction}${gradient ? of[gradient] : ""}`,
        ...purpose,
        CONVOLUTIONS[operation.by],
        ...layouts.map(memory),
        ...numbersOf(windows),
      ];
    }
    case "pooling": {
      const { takes, x, y, size, windows } = operation;
      return [
        `pooling_${direction}`,
        ...purpose,
        POOLINGS[takes],
        memory(x),
        memory(y),
        ...numbersOf(windows, size),
      ];
    }
    case "product": {
      const { a, b, bias, y } = operation;
      return ["matmul", ...[a, b, bias, y].map(memory)];
    }
    case "elementwise": {
      const { gradient, of, alpha = 0, x } = operation;
      const count = (gradient ? 2 : 1) + (isOld ? 0 : 1);
      return [
        `eltwise_${direction}`,
        ...purpose,
        UNARY_FUNCTIONS[of][isOld ? 2 : 3],
        ...Array<Handle>(count).fill(memory(x)),
        alpha,
        0,
      ];
    }
    case "binary": {
      const { of, a, b, y } = operation;
      return ["binary", BINARY_FUNCTIONS[of], ...[a, b, y].map(memory)];
    }
  }
}

/** Numbers of a type and of a layout, the same in versions 2 and 3. */
const FLOAT32 = 3;
const ANY_LAYOUT = 1;

/** Bytes that are enough for a descriptor of version 2; it has 696. */
const DESCRIPTOR_BYTES = 2048;

/** Descriptors of memory, by layout; those of version 2 are arrays of ours. */
const descriptors = memo<{ handle: Handle; structure?: Uint8Array }>();

/** Describes memory. */
export function describeMemory(
  library: OneDnn,
  layout: Layout | undefined,
): Handle {
  if (layout === undefined) return null;
  const { dims, strides } = layout;
  return descriptors(library, `${dims};${strides}`, () => {
    const by = strides === "any" ? "tag" : "strides";
    const last = strides === "any" ? ANY_LAYOUT : longs(strides);
    const values = [dims.length, longs(dims), FLOAT32, last];
    if (library.major !== 2) {
      const name = `dnnl_memory_desc_create_with_${by}` as const;
      return { handle: library.make(name, ...values) };
    }
    const structure = new Uint8Array(DESCRIPTOR_BYTES);
    library.call(`dnnl_memory_desc_init_by_${by}`, structure, ...values);
    return { handle: Deno.UnsafePointer.of(structure), structure };
  }).handle;
}

/** Numbers as the library takes them. */
function longs(values: readonly number[]): BigInt64Array<ArrayBuffer> {
  return BigInt64Array.from(values, BigInt);
}
