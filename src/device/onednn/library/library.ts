/** Finds oneDNN, the library of kernels for CPUs that PyTorch and TensorFlow compute with, and calls it. */

import { BackendError } from "../../../errors.ts";
import { host } from "../../../platform/host.ts";
import { reasonOf } from "../../../reason.ts";

/** Environment variable that names the library, for where it is not among the usual ones. */
export const LIBRARY_VARIABLE = "ONEDNN_LIBRARY";

/** The usual names, the newest version first. */
const NAMES: Readonly<Record<string, readonly string[] | undefined>> = {
  // Debian 13 has version 3 as libdnnl.so.3.6.
  linux: ["libdnnl.so.3", "libdnnl.so.3.6", "libdnnl.so.2", "libdnnl.so"],
  darwin: [
    "libdnnl.3.dylib",
    "/opt/homebrew/lib/libdnnl.3.dylib",
    "/usr/local/lib/libdnnl.3.dylib",
    "libdnnl.2.dylib",
  ],
  windows: ["dnnl.dll"],
};

/** What to do where the library is missing. */
const NO_LIBRARY_REMEDY = {
  linux:
    "install it with `apt-get install libdnnl-dev`, or your system's package of oneDNN",
  darwin: "install it with `brew install onednn`",
}[host.system] ??
  `put oneDNN's library on the path, or name it in ${LIBRARY_VARIABLE}`;

/** By number. */
const STATUSES = [
  "success",
  "out of memory",
  "invalid arguments",
  "unimplemented",
  "no implementation left",
  "runtime error",
  "not required",
];

const OUT_OF_MEMORY = 1;

/** A pointer that the library gave. */
export type Handle = Deno.PointerValue;

export type NativeValue = number | bigint | Handle | BufferSource;

/** Kind of engine, and of stream, of every call. */
const CPU = 1;
const DEFAULT_STREAM = 1;

/** The library, opened. */
export interface OneDnn {
  /** Its file, as it was found. */
  readonly path: string;
  /** For example "2.6.3". */
  readonly version: string;
  readonly major: number;
  /** Threads that it computes with; undefined where it does not say. */
  readonly threads?: number;
  /** The CPU. */
  readonly engine: Handle;
  /** Where operations are executed, one after the other. */
  readonly stream: Handle;
  /** Functions that give no status. */
  readonly queries: Deno.DynamicLibrary<typeof QUERIES>["symbols"];
  /** Calls a function that gives a status. */
  call(name: StatusFunction, ...values: readonly NativeValue[]): void;
  /** Calls a function whose first parameter is where to put a pointer. */
  make(name: StatusFunction, ...values: readonly NativeValue[]): Handle;
}

/** The library, or why there is none, in words that complete "as ...". */
type FoundOneDnn =
  | { readonly library: OneDnn; readonly missing?: undefined }
  | { readonly library?: undefined; readonly missing: string };

let found: FoundOneDnn | undefined;

/** Opens the library, once. */
export function findOneDnn(): FoundOneDnn {
  return found ??= find();
}

function find(): FoundOneDnn {
  // Nobody is asked for what is not needed. Pointers need the permission for all files.
  if (!host.mayCallNative) {
    return { missing: "loading oneDNN needs --allow-ffi, without a path" };
  }
  const named = host.variable(LIBRARY_VARIABLE);
  let broken: string | undefined;
  for (const path of named ? [named] : NAMES[host.system] ?? []) {
    try {
      return { library: openLibrary(path) };
    } catch (error) {
      // Deno says some of it twice.
      const message = reasonOf(error)
        .replace(/^(Could not open library: )+/, "");
      if (named) {
        return {
          missing:
            `${LIBRARY_VARIABLE} names "${named}", which cannot be used (${message})`,
        };
      }
      if (ABSENT.test(message)) continue;
      broken ??= error instanceof BackendError
        ? message
        : `oneDNN in ${path} cannot be used (${message}): ${NO_LIBRARY_REMEDY}`;
    }
  }
  return { missing: broken ?? `oneDNN was not found: ${NO_LIBRARY_REMEDY}` };
}

/** Says that there is no such file. */
const ABSENT =
  /no such file|cannot open shared object|module could not be found/i;

function openLibrary(path: string): OneDnn {
  const { symbols: queries } = Deno.dlopen(path, QUERIES);
  // `dnnl_version_t` has three ints first.
  const view = new Deno.UnsafePointerView(queries.dnnl_version()!);
  const numbers = [0, 4, 8].map((offset) => view.getInt32(offset));
  const version = numbers.join(".");
  const [major] = numbers;
  if (major !== 2 && major !== 3) {
    throw new BackendError(
      `oneDNN ${version} in ${path} is neither version 2 nor 3: ${NO_LIBRARY_REMEDY}`,
    );
  }
  pin(path, queries);
  const functions = Deno.dlopen(path, statusFunctions(major)).symbols as Record<
    string,
    (...values: readonly NativeValue[]) => number
  >;
  const call: OneDnn["call"] = (name, ...values) => {
    const status = functions[name](...values);
    if (status === 0) return;
    const what = STATUSES[status] ?? `status ${status}`;
    const remedy = status === OUT_OF_MEMORY
      ? "use fewer or smaller images"
      : "please report it, and use `--device webgpu`";
    throw new BackendError(
      `oneDNN ${version} failed in ${name}: ${what}; ${remedy}`,
    );
  };
  const make: OneDnn["make"] = (name, ...values) => {
    const out = new BigUint64Array(1);
    call(name, out, ...values);
    return Deno.UnsafePointer.create(out[0]);
  };
  const engine = make("dnnl_engine_create", CPU, 0n);
  const stream = make("dnnl_stream_create", engine, DEFAULT_STREAM);
  const threads = limitThreads(queries);
  return { path, version, major, threads, engine, stream, queries, call, make };
}

/**
 * Has the library stay to the end of the process. Deno unloads it with the worker that opened it, while its threads wait in
 * its code: the process crashes then.
 */
function pin(path: string, { dlopen }: OneDnn["queries"]): void {
  const flags = { linux: 0x1001, darwin: 0x81 }[host.system];
  // The flags are RTLD_LAZY and RTLD_NODELETE.
  if (flags !== undefined) {
    dlopen?.(new TextEncoder().encode(`${path}\0`), flags);
  }
}

/** OpenMP counts the machine's cores, which may be more than this process may use. */
function limitThreads(queries: OneDnn["queries"]): number | undefined {
  const threads = queries.omp_get_max_threads?.();
  if (threads === undefined) return;
  const cores = navigator.hardwareConcurrency;
  if (threads > cores) queries.omp_set_num_threads?.(cores);
  return Math.min(threads, cores);
}

/** What the letters of a signature stand for; `b` is memory of JavaScript's, `p` a pointer that the library gave. */
const TYPES: Readonly<Record<string, Deno.NativeType>> = {
  b: "buffer",
  p: "pointer",
  i: "i32",
  l: "i64",
  z: "usize",
  f: "f32",
  c: "u8",
};

/** Functions that give a status: the letters of their parameters. */
const COMMON = {
  dnnl_engine_create: "biz",
  dnnl_stream_create: "bpi",
  dnnl_stream_wait: "p",
  dnnl_memory_create: "bppp",
  dnnl_memory_set_data_handle: "pb",
  dnnl_primitive_desc_query: "piib",
  dnnl_primitive_create: "bp",
  dnnl_primitive_desc_destroy: "p",
  dnnl_primitive_execute: "ppib",
  dnnl_reorder_primitive_desc_create: "bppppp",
  dnnl_sgemm: "cclllfblblfbl",
} as const;

/** Of version 2, where an operation is described in a structure first, and memory in another. */
const VERSION_2 = {
  dnnl_memory_desc_init_by_tag: "bibii",
  dnnl_memory_desc_init_by_strides: "bibib",
  dnnl_primitive_desc_create: "bbppp",
  dnnl_convolution_forward_desc_init: "biippppbbb",
  dnnl_convolution_backward_data_desc_init: "bipppbbb",
  dnnl_convolution_backward_weights_desc_init: "bippppbbb",
  dnnl_pooling_forward_desc_init: "biippbbbb",
  dnnl_pooling_backward_desc_init: "bippbbbb",
  dnnl_matmul_desc_init: "bpppp",
  dnnl_eltwise_forward_desc_init: "biipff",
  dnnl_eltwise_backward_desc_init: "bippff",
  dnnl_binary_desc_init: "bippp",
} as const;

/** Of version 3, where both are opaque. */
const VERSION_3 = {
  dnnl_memory_desc_create_with_tag: "bibii",
  dnnl_memory_desc_create_with_strides: "bibib",
  dnnl_convolution_forward_primitive_desc_create: "bpiippppbbbbp",
  dnnl_convolution_backward_data_primitive_desc_create: "bpipppbbbbpp",
  dnnl_convolution_backward_weights_primitive_desc_create: "bpippppbbbbpp",
  dnnl_pooling_forward_primitive_desc_create: "bpiippbbbbbp",
  dnnl_pooling_backward_primitive_desc_create: "bpippbbbbbpp",
  dnnl_matmul_primitive_desc_create: "bpppppp",
  dnnl_eltwise_forward_primitive_desc_create: "bpiippffp",
  dnnl_eltwise_backward_primitive_desc_create: "bpipppffpp",
  dnnl_binary_primitive_desc_create: "bpipppp",
} as const;

/** Name of a function that gives a status. */
type StatusFunction = `dnnl_${string}`;

/** Functions that give something else, of either version. */
const QUERIES = {
  dnnl_version: { parameters: [], result: "pointer" },
  dnnl_memory_desc_equal: { parameters: ["pointer", "pointer"], result: "i32" },
  dnnl_memory_desc_get_size: { parameters: ["pointer"], result: "usize" },
  dnnl_primitive_desc_query_md: {
    parameters: ["pointer", "i32", "i32"],
    result: "pointer",
  },
  // Of the system's C library, where there is one.
  dlopen: { parameters: ["buffer", "i32"], result: "pointer", optional: true },
  // Of the OpenMP runtime that the library brings, where it was built with one.
  omp_get_max_threads: { parameters: [], result: "i32", optional: true },
  omp_set_num_threads: { parameters: ["i32"], result: "void", optional: true },
} as const;

/** Lists the functions of a version that give a status. */
function statusFunctions(
  major: number,
): Record<string, Deno.ForeignFunction> {
  const signatures = { ...COMMON, ...(major === 2 ? VERSION_2 : VERSION_3) };
  return Object.fromEntries(
    Object.entries(signatures).map(([name, letters]) => [name, {
      parameters: [...letters].map((letter) => TYPES[letter]),
      result: "i32",
    }]),
  );
}
