/**
 * The binary interfaces of MPI libraries: how they pass handles, and what their constants are.
 *
 * Sources: `mpi.h` of MPICH 4 and of Open MPI 4; MPI: A Message-Passing Interface Standard, version 5.0, "Application Binary
 * Interface".
 *
 * @module
 */

import { DistributedError } from "../errors.ts";

/** A communicator, datatype, operation, error handler or request. */
export type Handle = number | bigint;

/** How a library is called. */
export interface Abi {
  /** Its name. */
  readonly name: "Open MPI" | "MPICH" | "MPI 5";
  /** What handles are. */
  readonly handle: "i32" | "usize";
  readonly commWorld: Handle;
  readonly errorsReturn: Handle;
  readonly byte: Handle;
  readonly int: Handle;
  readonly float: Handle;
  readonly sum: Handle;
  /** Given as the send buffer of a collective operation whose values are replaced. */
  readonly inPlace: Deno.PointerValue;
  /** Given where nobody wants a status. */
  readonly statusIgnore: Deno.PointerValue;
  /** Level of a program that has threads, one of which calls the library. */
  readonly funneled: number;
}

const { create, value } = Deno.UnsafePointer;

/** Libraries that share MPICH's interface, by how they name themselves. */
const LIKE_MPICH = /MPICH|Intel\(R\) MPI|MVAPICH|Cray/i;

/** The longest text of any interface. */
const MAX_TEXT = 8192;

const INT_POINTER = ["buffer", "buffer"] as const;

/** What libraries are told apart by. */
const MARKS = {
  MPI_Get_library_version: { parameters: INT_POINTER, result: "i32" },
  MPI_Abi_get_version: {
    parameters: INT_POINTER,
    result: "i32",
    optional: true,
  },
  ompi_mpi_comm_world: { type: "pointer", optional: true },
  ompi_mpi_errors_return: { type: "pointer", optional: true },
  ompi_mpi_byte: { type: "pointer", optional: true },
  ompi_mpi_int: { type: "pointer", optional: true },
  ompi_mpi_float: { type: "pointer", optional: true },
  ompi_mpi_op_sum: { type: "pointer", optional: true },
} as const satisfies Deno.ForeignLibraryInterface;

/** Handles are numbers in themselves. A function, as pointers need `--allow-ffi`, without which the package can be imported. */
const _mpich = (): Abi => ({
  name: "MPICH",
  handle: "i32",
  commWorld: 0x44000000,
  errorsReturn: 0x54000001,
  byte: 0x4c00010d,
  int: 0x4c000405,
  float: 0x4c00040a,
  sum: 0x58000003,
  inPlace: create(2n ** 64n - 1n),
  statusIgnore: create(1n),
  funneled: 1,
});

/** Handles are as wide as pointers, and constants small numbers. */
const _standard = (): Abi => ({
  name: "MPI 5",
  handle: "usize",
  commWorld: 0x101n,
  errorsReturn: 0x143n,
  byte: 0x247n,
  int: 0x209n,
  float: 0x210n,
  sum: 0x21n,
  inPlace: create(1n),
  statusIgnore: null,
  funneled: 1024,
});

/**
 * Finds out how a library is called.
 *
 * @param path The library.
 * @returns Its interface, and what it says of itself, for example "Open MPI v4.1.4".
 * @throws {DistributedError} If it is of a kind that is not known.
 */
export function detectAbi(path: string): { abi: Abi; version: string } {
  const { symbols } = Deno.dlopen(path, MARKS);
  const version = _versionOf(symbols.MPI_Get_library_version);
  if (_isStandard(symbols.MPI_Abi_get_version)) {
    return { abi: _standard(), version };
  }
  const world = symbols.ompi_mpi_comm_world;
  if (world) {
    // Handles are the addresses of the library's own objects.
    return {
      version,
      abi: {
        name: "Open MPI",
        handle: "usize",
        commWorld: value(world),
        errorsReturn: value(symbols.ompi_mpi_errors_return),
        byte: value(symbols.ompi_mpi_byte),
        int: value(symbols.ompi_mpi_int),
        float: value(symbols.ompi_mpi_float),
        sum: value(symbols.ompi_mpi_op_sum),
        inPlace: create(1n),
        statusIgnore: null,
        funneled: 1,
      },
    };
  }
  if (LIKE_MPICH.test(version)) return { abi: _mpich(), version };
  throw new DistributedError(
    `Cannot use ${path} as it is neither Open MPI nor MPICH, nor has the interface of MPI 5: it says "${version}"`,
  );
}

/**
 * Whether a library has the interface of the standard: those that have another one say that the version is -1, as MPICH 5.0.2 and
 * Open MPI 6.0.0 do. It is asked first, as Open MPI's symbols are behind both of its interfaces.
 */
function _isStandard(
  getVersion: ((major: BufferSource, minor: BufferSource) => number) | null,
): boolean {
  if (getVersion === null) return false;
  const [major, minor] = [new Int32Array(1), new Int32Array(1)];
  return getVersion(major, minor) === 0 && major[0] >= 1;
}

/** The first line, without what follows a comma. */
function _versionOf(
  getVersion: (text: BufferSource, length: BufferSource) => number,
): string {
  const text = new Uint8Array(MAX_TEXT);
  const length = new Int32Array(1);
  getVersion(text, length);
  const all = new TextDecoder().decode(text.subarray(0, length[0]));
  const [first] = all.split(/[\n,]/);
  return first.replace(/\s+/g, " ").replace("Version: ", "").trim();
}
