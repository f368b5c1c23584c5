/**
 * Operations that oneDNN has made ready: run on arrays, as often as wanted.
 *
 * @module
 */

import { describe } from "./describe.ts";
import { requireArray } from "./arrays.ts";
import type { Handle, OneDnn } from "./library.ts";
import { describeMemory } from "./memory.ts";
import type { Layout, Operation } from "./operation.ts";
import { reserveScratch, scratchOf } from "./scratch.ts";

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
type _Place = Layout | "bytes";

/** Arrays by argument. */
export type Arrays = Partial<
  Readonly<Record<ArgumentName, Float32Array | Uint8Array>>
>;

const QUERY = { argument: 255, implementation: 8 };
const NO_MEMORY = null;

/** An argument that is ready to be bound. */
interface _Bound {
  readonly name: ArgumentName;
  /** The library's name of the array. */
  readonly memory: Handle;
  readonly length: number;
  readonly type: typeof Float32Array | typeof Uint8Array;
}

/** A primitive and what it is executed with. */
interface _Call {
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
  /**
   * Computes. Arrays that are written must not be those that are read, but for operations of single elements.
   *
   * @param arrays An array per argument.
   * @throws {BackendError} If an array is missing, or is not of the right type and length: nothing is called then.
   */
  run(arrays: Arrays): void;
}

/**
 * Has the library make an operation ready. Where it likes another layout of an argument better, what the caller has is
 * copied before or after.
 *
 * @param library The library.
 * @param operation The operation, of which what `given` gives the place of may have the layout "any".
 * @param given How each argument lies in the caller's arrays.
 * @returns The primitive, which lives as long as the library.
 * @throws {BackendError} If the library cannot compute it.
 */
export function makePrimitive(
  library: OneDnn,
  operation: Operation,
  given: Partial<Readonly<Record<ArgumentName, _Place>>>,
): Primitive {
  const descriptor = describe(library, operation);
  const { engine, stream, queries } = library;
  const before: _Call[] = [];
  const after: _Call[] = [];
  const bound: _Bound[] = [];
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
    if (_isWritten(operation, name)) {
      after.push(_reorder(library, [wanted, own], [liked, memory]));
    } else before.push(_reorder(library, [own, wanted], [memory, liked]));
  }
  const calls = [...before, _call(library, descriptor, inner), ...after];
  const check = (arrays: Arrays) => {
    for (const { name, length, type } of bound) {
      requireArray(operation.kind, name, arrays[name], { length, type });
    }
  };
  return {
    implementation: _implementation(library, descriptor),
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

function _isWritten(operation: Operation, name: ArgumentName): boolean {
  return operation.gradient
    ? name === "dx" || name === "dKernel" || name === "dBias"
    : name === "y" || name === "places";
}

function _reorder(
  library: OneDnn,
  [from, to]: readonly [Handle, Handle],
  [source, target]: readonly [Handle, Handle],
): _Call {
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
  return _call(library, descriptor, [[x, source], [y, target]]);
}

/** Lists arguments as `dnnl_exec_arg_t`: a number in the first half of 16 bytes, a pointer in the second. */
function _call(
  library: OneDnn,
  descriptor: Handle,
  pairs: readonly (readonly [number, Handle])[],
): _Call {
  const list = BigUint64Array.from(
    pairs.flatMap(([number, memory]) => [
      BigInt(number),
      Deno.UnsafePointer.value(memory),
    ]),
  );
  const primitive = library.make("dnnl_primitive_create", descriptor);
  return { primitive, numArguments: pairs.length, list };
}

/**
 * Asks how the library would compute an operation, without making it ready.
 *
 * @param library The library.
 * @param operation The operation.
 * @returns The library's own words, for example "jit_wino_4x3:avx512_core".
 * @throws {BackendError} If the library cannot compute it.
 */
export function implementationOf(
  library: OneDnn,
  operation: Operation,
): string {
  const descriptor = describe(library, operation);
  const implementation = _implementation(library, descriptor);
  library.call("dnnl_primitive_desc_destroy", descriptor);
  return implementation;
}

function _implementation(library: OneDnn, descriptor: Handle): string {
  const place = new BigUint64Array(1);
  const query = QUERY.implementation;
  library.call("dnnl_primitive_desc_query", descriptor, query, 0, place);
  const text = Deno.UnsafePointer.create(place[0]);
  return text === null ? "unknown" : Deno.UnsafePointerView.getCString(text);
}
