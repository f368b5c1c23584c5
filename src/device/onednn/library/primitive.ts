/** Operations that oneDNN has made ready: run on arrays, as often as wanted. */

import {
  describe,
  describeMemory,
  type Layout,
  type NativeOperation,
} from "./describe.ts";
import type { Handle, OneDnn } from "./library.ts";
import { BackendError } from "../../../errors.ts";
import { alignedOffset, ALIGNMENT } from "../../tfjs/cpu_backend.ts";

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

type ArgumentName = keyof typeof ARGUMENTS;

/** Arrays by argument. */
export type Arrays = Partial<
  Readonly<Record<ArgumentName, Float32Array | Uint8Array>>
>;

const QUERY = { argument: 255, implementation: 8 };
const NO_MEMORY = null;

/** An array that an operation reads or writes. */
interface Argument {
  readonly name: ArgumentName;
  readonly type: typeof Float32Array | typeof Uint8Array;
  readonly length: number;
}

/** A primitive and what it is executed with. */
type Call = readonly [primitive: Handle, count: number, list: BigUint64Array];

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
 * Has the library make an operation ready, whose arguments have given layouts; "bytes" is what it keeps for the gradient. Where
 * it likes another layout better, what the caller has is copied before or after.
 */
export function makePrimitive(
  library: OneDnn,
  operation: NativeOperation,
  given: Partial<Readonly<Record<ArgumentName, Layout | "bytes">>>,
): Primitive {
  const descriptor = describe(library, operation);
  const { engine, stream, queries } = library;
  const sizeOf = (memory: Handle) =>
    Number(queries.dnnl_memory_desc_get_size(memory));
  const makeMemory = (memory: Handle) =>
    library.make("dnnl_memory_create", memory, engine, NO_MEMORY);
  const before: Call[] = [];
  const after: Call[] = [];
  const bound: (Argument & { readonly memory: Handle })[] = [];
  const inner: [number, Handle][] = [];
  const copies: Handle[] = [];
  for (const name of Object.keys(given) as ArgumentName[]) {
    const layout = given[name]!;
    const number = ARGUMENTS[name];
    const wanted = queries.dnnl_primitive_desc_query_md(
      descriptor,
      QUERY.argument,
      number,
    );
    const isBytes = layout === "bytes";
    const own = isBytes ? wanted : describeMemory(library, layout);
    const type = isBytes ? Uint8Array : Float32Array;
    const length = sizeOf(own) / type.BYTES_PER_ELEMENT;
    const memory = makeMemory(own);
    bound.push({ name, type, length, memory });
    if (isBytes || queries.dnnl_memory_desc_equal(own, wanted) !== 0) {
      inner.push([number, memory]);
      continue;
    }
    const liked = makeMemory(wanted);
    inner.push([number, liked]);
    reserveScratch(copies.length, sizeOf(wanted));
    copies.push(liked);
    const isWritten = operation.gradient
      ? name === "dx" || name === "dKernel" || name === "dBias"
      : name === "y";
    if (isWritten) {
      after.push(reorder(library, [wanted, own], [liked, memory]));
    } else before.push(reorder(library, [own, wanted], [memory, liked]));
  }
  const calls = [...before, call(library, descriptor, inner), ...after];
  const check = (arrays: Arrays) => {
    for (const argument of bound) {
      requireArray(operation.kind, argument, arrays[argument.name]);
    }
  };
  const setData = (memory: Handle, array: BufferSource) =>
    library.call("dnnl_memory_set_data_handle", memory, array);
  return {
    implementation: nameOfImplementation(library, descriptor),
    placesBytes: bound.find(({ name }) => name === "places")?.length ?? 0,
    run(arrays) {
      check(arrays);
      for (const { name, memory } of bound) {
        setData(memory, arrays[name] as BufferSource);
      }
      copies.forEach((memory, slot) => setData(memory, slots[slot]));
      for (const [primitive, count, list] of calls) {
        const values = [primitive, stream, count, list as BufferSource];
        library.call("dnnl_primitive_execute", ...values);
      }
      // Nothing may be freed, or moved, while the library works on it.
      library.call("dnnl_stream_wait", stream);
      // The library has only their addresses: what is used once more is not collected before.
      check(arrays);
    },
  };
}

function reorder(
  library: OneDnn,
  [from, to]: readonly [Handle, Handle],
  [source, target]: readonly [Handle, Handle],
): Call {
  const descriptor = library.make(
    "dnnl_reorder_primitive_desc_create",
    from,
    library.engine,
    to,
    library.engine,
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
  const list = pairs.flatMap(([number, memory]) => [
    BigInt(number),
    Deno.UnsafePointer.value(memory),
  ]);
  const primitive = library.make("dnnl_primitive_create", descriptor);
  return [primitive, pairs.length, BigUint64Array.from(list)];
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
  const out = new BigUint64Array(1);
  const query = QUERY.implementation;
  library.call("dnnl_primitive_desc_query", descriptor, query, 0, out);
  const text = Deno.UnsafePointer.create(out[0]);
  return text === null ? "unknown" : Deno.UnsafePointerView.getCString(text);
}

/** Checks an array: the library reads and writes as much as it was told to, whatever there is. All arrays pass here. */
function requireArray(
  operation: string,
  { name, type, length }: Argument,
  array: Float32Array | Uint8Array | undefined,
): void {
  if (array instanceof type && array.length === length) return;
  const what = array === undefined
    ? "nothing"
    : `${array.constructor.name} of ${array.length}`;
  throw new BackendError(
    `Cannot compute ${operation} as its ${name} is ${what}: expected ${type.name} of ${length}`,
  );
}

/** An array for each of the copies that an operation needs at a time; it moves when more is reserved. */
const slots: Uint8Array<ArrayBuffer>[] = [];

function reserveScratch(slot: number, bytes: number): void {
  if ((slots[slot]?.length ?? 0) >= bytes) return;
  const buffer = new ArrayBuffer(bytes + ALIGNMENT);
  slots[slot] = new Uint8Array(buffer, alignedOffset(buffer), bytes);
}

/** One element, for {@linkcode addScaled}. */
const ONE = Float32Array.of(1);
const NOT_TRANSPOSED = "N".charCodeAt(0);

/** Computes `y = alpha * x + beta * y`: as a product of one row, as this takes its factors when it is called. */
export function addScaled(
  library: OneDnn,
  { alpha, x, beta, y }: {
    alpha: number;
    x: Float32Array<ArrayBuffer>;
    beta: number;
    y: Float32Array<ArrayBuffer>;
  },
): void {
  const { length } = y;
  for (const [name, array] of [["x", x], ["y", y]] as const) {
    requireArray("a sum", { name, type: Float32Array, length }, array);
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
