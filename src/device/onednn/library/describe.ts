/**
 * Describes operations to oneDNN. Version 2 has them described in a structure first, which version 3 has no more; what
 * they are described by is nearly the same.
 *
 * @module
 */

import type { Handle, NativeValue, OneDnn } from "./library.ts";
import {
  ALGORITHMS,
  BY_OUTPUT,
  FORWARD_TRAINING,
  forwardOf,
  FUNCTIONS,
  type Layout,
  type Operation,
  type Windows,
} from "./operation.ts";

/** Bytes that are enough for any structure of version 2; the largest has 5,976. */
const STRUCTURE_BYTES = 16384;

/** Nothing follows an operation. */
const NO_ATTRIBUTES = null;

/** The middle of a function's name, and its parameters but for those that all have. */
type Description = readonly [stem: string, ...values: NativeValue[]];

/** Describes an operation, and has the library choose how to compute it. */
export function describe(library: OneDnn, operation: Operation): Handle {
  const forward = forwardOf(operation);
  const hint = forward === undefined ? undefined : describe(library, forward);
  const [stem, ...values] = description(library, operation);
  const { engine } = library;
  if (library.major === 2) {
    const structure = new Uint8Array(STRUCTURE_BYTES);
    library.call(`dnnl_${stem}_desc_init`, structure, ...values);
    return library.make(
      "dnnl_primitive_desc_create",
      structure,
      NO_ATTRIBUTES,
      engine,
      hint ?? null,
    );
  }
  const hints = hint === undefined ? [] : [hint];
  return library.make(
    `dnnl_${stem}_primitive_desc_create`,
    engine,
    ...values,
    ...hints,
    NO_ATTRIBUTES,
  );
}

function description(library: OneDnn, operation: Operation): Description {
  const isOld = library.major === 2;
  const memory = (layout?: Layout) => describeMemory(library, layout);
  const direction = operation.gradient ? "backward" : "forward";
  // A gradient says so by its name alone.
  const purpose = operation.gradient ? [] : [FORWARD_TRAINING];
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
        ALGORITHMS.convolution[operation.by],
        ...layouts.map(memory),
        ...windowsOf(windows, isOld ? [] : [none(windows)]),
      ];
    }
    case "pooling": {
      const { takes, x, y, size, windows } = operation;
      return [
        `pooling_${direction}`,
        ...purpose,
        ALGORITHMS.pooling[takes],
        memory(x),
        memory(y),
        ...windowsOf(windows, isOld ? [size] : [size, none(windows)]),
      ];
    }
    case "product": {
      const { a, b, bias, y } = operation;
      return ["matmul", ...[a, b, bias, y].map(memory)];
    }
    case "elementwise":
    case "activation": {
      const x = memory(operation.x);
      const isGradient = operation.gradient === true;
      const count = (isGradient ? 2 : 1) + (isOld ? 0 : 1);
      const [algorithm, alpha, beta] = operation.kind === "activation"
        ? [BY_OUTPUT[operation.of], 0, 0]
        : [
          FUNCTIONS[operation.of][isOld ? 2 : 3],
          operation.alpha,
          operation.beta,
        ];
      return [
        `eltwise_${direction}`,
        ...purpose,
        algorithm,
        ...Array<Handle>(count).fill(x),
        alpha,
        beta,
      ];
    }
    case "binary": {
      const { of, a, b, y } = operation;
      return ["binary", ALGORITHMS.binary[of], ...[a, b, y].map(memory)];
    }
  }
}

/** Strides, something more, padding before and padding after. */
function windowsOf(
  { strides, padBefore, padAfter }: Windows,
  others: readonly (readonly number[])[],
): BigInt64Array<ArrayBuffer>[] {
  return [strides, ...others, padBefore, padAfter].map(longs);
}

/** Dilations that leave windows as they are. */
function none({ strides }: Windows): number[] {
  return strides.map(() => 0);
}

/** Numbers of a type and of a layout, the same in versions 2 and 3. */
const FLOAT32 = 3;
const ANY_LAYOUT = 1;

/** Bytes that are enough for a descriptor of version 2; it has 696. */
const DESCRIPTOR_BYTES = 2048;

/** By layout; they live as long as the library. */
const descriptors = new Map<string, Handle>();
/** The memory of descriptors of version 2. */
const held: Uint8Array[] = [];

/** Describes memory. */
export function describeMemory(
  library: OneDnn,
  layout: Layout | undefined,
): Handle {
  if (layout === undefined) return null;
  const { dims, strides } = layout;
  const key = `${dims};${strides}`;
  let descriptor = descriptors.get(key);
  if (descriptor === undefined) {
    descriptor = strides === "any"
      ? make(library, "tag", [dims.length, longs(dims), FLOAT32, ANY_LAYOUT])
      : make(library, "strides", [
        dims.length,
        longs(dims),
        FLOAT32,
        longs(strides),
      ]);
    descriptors.set(key, descriptor);
  }
  return descriptor;
}

/** Numbers as the library takes them. */
export function longs(values: readonly number[]): BigInt64Array<ArrayBuffer> {
  return BigInt64Array.from(values, BigInt);
}

function make(
  library: OneDnn,
  by: "tag" | "strides",
  values: readonly (number | BufferSource)[],
): Handle {
  if (library.major !== 2) {
    return library.make(`dnnl_memory_desc_create_with_${by}`, ...values);
  }
  const structure = new Uint8Array(DESCRIPTOR_BYTES);
  library.call(`dnnl_memory_desc_init_by_${by}`, structure, ...values);
  held.push(structure);
  return Deno.UnsafePointer.of(structure);
}
