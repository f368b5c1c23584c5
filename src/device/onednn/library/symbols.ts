/**
 * The C functions of oneDNN that are called, of version 2 and of version 3.
 *
 * @module
 */

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
export type StatusFunction = `dnnl_${string}`;

/** Functions that give something else, of either version. */
export const QUERIES = {
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
export function statusFunctions(
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
