/**
 * Operations that oneDNN has made ready: run on arrays, as often as wanted.
 *
 * @module
 */

import {
  describe,
  describeMemory,
  type Layout,
  type NativeOperation,
} from "./describe.ts";
import type { Handle, OneDnn } from "./library.ts";
import { BackendError } from "../../../errors.ts";

/** Numbers of what an operation reads and writes. */
const ARGUMENTS = {
  x: 1,
  x2: 2,
  y: 17,
  kernel: 33,
  bias: 41,
  places: 64,
  dx: 129,
  dy: 145,
  dKernel: 161,
  dBias: 169,
} as const;

/** What an operation reads or writes. */
export type ArgumentName = keyof typeof ARGUMENTS;

/** Where an argument lies: its layout or, for what the library keeps for the gradient, its bytes. */
type Place = Layout | "bytes";

/** Arrays by argument. */
export type Arrays = Partial<
  Readonly<Record<ArgumentName, Float32Array | Uint8Array>>
>;

const QUERY = { argument: 255, implementation: 8 };
const NO_MEMORY = null;

/** An argument that is ready to be bound. */
interface Bound {
  readonly name: ArgumentName;
  /** The library's name of the array. */
  readonly memory: Handle;
  readonly length: number;
  readonly type: typeof Float32Array | typeof Uint8Array;
}

/** A primitive and what it is executed with. */
interface Call {
  readonly primitive: Handle;
  readonly numArguments: number;
  readonly list: BigUint64Array<ArrayBuffer>;
}

/** An operation that is ready. */
export interface Primitive {
  /** How the library computes it, in its own words, for example "brgconv:avx512_core". */
  readonly implementation: string;
  /** Bytes of `places`, where the operation has them. */
  readonly placesBytes: number;
  /** Computes. Arrays that are written must not be those that are read, but for operations of single elements. */
  run(arrays: Arrays): void;
}

/**
 * Has the library make an operation ready. Where it likes another layout of an argument better, what the caller has is
 * copied before or after.
 */
export function makePrimitive(
  library: OneDnn,
  operation: NativeOperation,
  given: Partial<Readonly<Record<ArgumentName, Place>>>,
): Primitive {
  const descriptor = describe(library, operation);
  const { engine, stream, queries } = library;
  const before: Call[] = [];
  const after: Call[] = [];
  const bound: Bound[] = [];
  const inner: [number, Handle][] = [];
  const copies: Handle[] = [];
  let placesBytes = 0;
  for (const [key, place] of Object.entries(given)) {
    const name = key as ArgumentName;
    const wanted = queries.dnnl_primitive_desc_query_md(
      descriptor,
      QUERY.argument,
      ARGUMENTS[name],
    );
    const own = place === "bytes" ? wanted : describeMemory(library, place);
    const bytes = Number(queries.dnnl_memory_desc_get_size(own));
    const memory = library.make("dnnl_memory_create", own, engine, NO_MEMORY);
    const isBytes = place === "bytes";
    bound.push({
      name,
      memory,
      length: isBytes ? bytes : bytes / Float32Array.BYTES_PER_ELEMENT,
      type: isBytes ? Uint8Array : Float32Array,
    });
    if (isBytes) placesBytes = bytes;
    if (isBytes || queries.dnnl_memory_desc_equal(own, wanted) !== 0) {
      inner.push([ARGUMENTS[name], memory]);
      continue;
    }
    const liked = library.make("dnnl_memory_create", wanted, engine, NO_MEMORY);
    inner.push([ARGUMENTS[name], liked]);
    reserveScratch(
      copies.length,
      Number(queries.dnnl_memory_desc_get_size(wanted)),
    );
    copies.push(liked);
    if (isWritten(operation, name)) {
      after.push(reorder(library, [wanted, own], [liked, memory]));
    } else before.push(reorder(library, [own, wanted], [memory, liked]));
  }
  const calls = [...before, call(library, descriptor, inner), ...after];
  const check = (arrays: Arrays) => {
    for (const { name, length, type } of bound) {
      requireArray(operation.kind, name, arrays[name], { length, type });
    }
  };
  return {
    implementation: nameOfImplementation(library, descriptor),
    placesBytes,
    run(arrays) {
      check(arrays);
      for (const { name, memory } of bound) {
        library.call(
          "dnnl_memory_set_data_handle",
          memory,
          arrays[name] as BufferSource,
        );
      }
      copies.forEach((memory, slot) =>
        library.call("dnnl_memory_set_data_handle", memory, scratchOf(slot))
      );
      for (const { primitive, numArguments, list } of calls) {
        library.call(
          "dnnl_primitive_execute",
          primitive,
          stream,
          numArguments,
          list,
        );
      }
      // Nothing may be freed, or moved, while the library works on it.
      library.call("dnnl_stream_wait", stream);
      // The library has only their addresses: what is used once more is not collected before.
      check(arrays);
    },
  };
}

function isWritten(operation: NativeOperation, name: ArgumentName): boolean {
  return operation.gradient
    ? name === "dx" || name === "dKernel" || name === "dBias"
    : name === "y" || name === "places";
}

function reorder(
  library: OneDnn,
  [from, to]: readonly [Handle, Handle],
  [source, target]: readonly [Handle, Handle],
): Call {
  const { engine } = library;
  const descriptor = library.make(
    "dnnl_reorder_primitive_desc_create",
    from,
    engine,
    to,
    engine,
    null,
  );
  const { x, y } = ARGUMENTS;
  return call(library, descriptor, [[x, source], [y, target]]);
}

/** Lists arguments as `dnnl_exec_arg_t`: a number in the first half of 16 bytes, a pointer in the second. */
function call(
  library: OneDnn,
  descriptor: Handle,
  pairs: readonly (readonly [number, Handle])[],
): Call {
  const list = BigUint64Array.from(
    pairs.flatMap(([number, memory]) => [
      BigInt(number),
      Deno.UnsafePointer.value(memory),
    ]),
  );
  const primitive = library.make("dnnl_primitive_create", descriptor);
  return { primitive, numArguments: pairs.length, list };
}

/** Asks how the library would compute an operation, without making it ready. */
export function implementationOf(
  library: OneDnn,
  operation: NativeOperation,
): string {
  const descriptor = describe(library, operation);
  const implementation = nameOfImplementation(library, descriptor);
  library.call("dnnl_primitive_desc_destroy", descriptor);
  return implementation;
}

function nameOfImplementation(library: OneDnn, descriptor: Handle): string {
  const place = new BigUint64Array(1);
  const query = QUERY.implementation;
  library.call("dnnl_primitive_desc_query", descriptor, query, 0, place);
  const text = Deno.UnsafePointer.create(place[0]);
  return text === null ? "unknown" : Deno.UnsafePointerView.getCString(text);
}

/** What an array must be. */
export interface ArraySpec {
  readonly type: typeof Float32Array | typeof Uint8Array;
  readonly length: number;
}

/** Checks an array: the library reads and writes as much as it was told to, whatever there is. All arrays pass here. */
export function requireArray(
  operation: string,
  name: string,
  array: Float32Array | Uint8Array | undefined,
  { type, length }: ArraySpec,
): asserts array {
  if (array instanceof type && array.length === length) return;
  const what = array === undefined
    ? "nothing"
    : `${array.constructor.name} of ${array.length}`;
  throw new BackendError(
    `Cannot compute ${operation} as its ${name} is ${what}: expected ${type.name} of ${length}`,
  );
}

/** What arrays begin at a multiple of: a cache line, and the widest vector. */
export const ALIGNMENT = 64;

/** An array for each of the copies that an operation needs at a time. */
const slots: Uint8Array<ArrayBuffer>[] = [];

/** Reserves memory. */
export function reserveScratch(slot: number, bytes: number): void {
  if ((slots[slot]?.length ?? 0) >= bytes) return;
  const buffer = new ArrayBuffer(bytes + ALIGNMENT);
  slots[slot] = new Uint8Array(buffer, alignedOffset(buffer), bytes);
}

/** The memory of a copy, which moves when more is reserved. */
export function scratchOf(slot: number): Uint8Array<ArrayBuffer> {
  return slots[slot];
}

/** Looks for the first aligned place. */
export function alignedOffset(buffer: ArrayBuffer): number {
  const address = Deno.UnsafePointer.value(Deno.UnsafePointer.of(buffer));
  return Number(-address & BigInt(ALIGNMENT - 1));
}

/** One element, for {@linkcode addScaled}. */
const ONE = Float32Array.of(1);
const NOT_TRANSPOSED = "N".charCodeAt(0);

/** Computes `y = alpha * x + beta * y`: as a product of one row, as this takes its factors when it is called. */
export function addScaled(
  library: OneDnn,
  terms: {
    alpha: number;
    x: Float32Array<ArrayBuffer>;
    beta: number;
    y: Float32Array<ArrayBuffer>;
  },
): void {
  const { alpha, x, beta, y } = terms;
  const { length } = y;
  for (const [name, array] of Object.entries({ x, y })) {
    requireArray("a sum", name, array, { length, type: Float32Array });
  }
  if (length === 0) return;
  const [rows, depth, columns] = [1n, 1n, BigInt(length)];
  library.call(
    "dnnl_sgemm",
    NOT_TRANSPOSED,
    NOT_TRANSPOSED,
    rows,
    columns,
    depth,
    alpha,
    ONE,
    depth,
    x,
    columns,
    beta,
    y,
    columns,
  );
}
