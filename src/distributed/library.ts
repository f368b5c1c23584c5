/**
 * Finds the MPI library, and calls it.
 *
 * @module
 */

import { DistributedError } from "../errors.ts";
import { type Abi, detectAbi, type Handle } from "./abi.ts";
import type { Launcher } from "./launcher.ts";

/** Environment variable that names the library, for where it is not among the usual ones. */
export const LIBRARY_VARIABLE = "MPI_LIBRARY";

/** The usual names, first those of the library that the launcher belongs to. */
const NAMES: Record<Launcher["kind"], readonly string[]> = Deno.build.os ===
    "darwin"
  ? {
    "Open MPI": [
      "/opt/homebrew/lib/libmpi.40.dylib",
      "/usr/local/lib/libmpi.40.dylib",
      "libmpi.dylib",
    ],
    MPICH: [
      "/opt/homebrew/lib/libmpi.12.dylib",
      "/usr/local/lib/libmpi.12.dylib",
      "libmpi.dylib",
    ],
  }
  : {
    "Open MPI": ["libmpi.so.40", "libmpi.so", "libmpi_abi.so.1"],
    // Debian's name, then that which MPICH, Intel, MVAPICH and Cray agreed on.
    MPICH: ["libmpich.so.12", "libmpi.so.12", "libmpi_abi.so.1", "libmpi.so"],
  };

/** Longest text of an error, in any library. */
const MAX_ERROR = 512;

/** What a function of the library is given. */
export type MpiValue = Handle | Deno.PointerValue | ArrayBufferView;

/** Parameters of each function; "handle" is what the library's interface says. */
const FUNCTIONS = {
  MPI_Init_thread: ["pointer", "pointer", "i32", "buffer"],
  MPI_Finalize: [],
  MPI_Abort: ["handle", "i32"],
  MPI_Comm_set_errhandler: ["handle", "handle"],
  MPI_Comm_rank: ["handle", "buffer"],
  MPI_Comm_size: ["handle", "buffer"],
  MPI_Comm_dup: ["handle", "buffer"],
  MPI_Get_processor_name: ["buffer", "buffer"],
  MPI_Error_string: ["i32", "buffer", "buffer"],
  MPI_Test: ["buffer", "buffer", "pointer"],
  MPI_Ibarrier: ["handle", "buffer"],
  MPI_Ibcast: ["buffer", "i32", "handle", "i32", "handle", "buffer"],
  MPI_Iallreduce: [
    "pointer",
    "buffer",
    "i32",
    "handle",
    "handle",
    "handle",
    "buffer",
  ],
  MPI_Ialltoallv: [
    ...["buffer", "buffer", "buffer", "handle"],
    ...["buffer", "buffer", "buffer", "handle"],
    ...["handle", "buffer"],
  ],
  MPI_Iallgatherv: [
    ...["pointer", "i32", "handle"],
    ...["buffer", "buffer", "buffer", "handle"],
    ...["handle", "buffer"],
  ],
  MPI_Isend: ["buffer", "i32", "handle", "i32", "i32", "handle", "buffer"],
  MPI_Iprobe: ["i32", "i32", "handle", "buffer", "pointer"],
  MPI_Recv: ["buffer", "i32", "handle", "i32", "i32", "handle", "pointer"],
} as const;

/** A function of the library. */
export type MpiFunction = keyof typeof FUNCTIONS;

/** The library, opened. */
export interface MpiLibrary {
  /** Its file, as it was found. */
  readonly path: string;
  /** What it says of itself, for example "Open MPI v4.1.4". */
  readonly version: string;
  readonly abi: Abi;
  /**
   * Calls a function.
   *
   * @throws {DistributedError} If what it returns is not zero: with the library's own text.
   */
  call(name: MpiFunction, ...values: readonly MpiValue[]): void;
}

/**
 * Opens the library.
 *
 * @param kind Which library to prefer.
 * @param named A file to open and no other, if there is one.
 * @returns The library.
 * @throws {DistributedError} If there is none, or none that can be used.
 */
export function openMpi(
  kind: Launcher["kind"],
  named: string | undefined,
): MpiLibrary {
  const other = kind === "MPICH" ? "Open MPI" : "MPICH";
  const names = named ? [named] : [...NAMES[kind], ...NAMES[other]];
  let reason = "";
  for (const path of names) {
    try {
      return _open(path);
    } catch (error) {
      if (error instanceof DistributedError) throw error;
      if (error instanceof Deno.errors.NotCapable) {
        throw new DistributedError(
          "Cannot use MPI as loading its library needs --allow-ffi, without a path",
        );
      }
      // Deno says some of it twice.
      reason = (error instanceof Error ? error.message : String(error))
        .replace(/^(Could not open library: )+/, "");
    }
  }
  throw new DistributedError(
    named
      ? `Cannot use MPI as ${LIBRARY_VARIABLE} names "${named}", which cannot be used (${reason})`
      : `Cannot train together as no MPI library was found: install it with \`apt-get install openmpi-bin\` or \`apt-get install mpich\`, or name it in ${LIBRARY_VARIABLE}`,
  );
}

function _open(path: string): MpiLibrary {
  const { abi, version } = detectAbi(path);
  const { symbols } = Deno.dlopen(path, _interfaceOf(abi));
  const functions = symbols as unknown as Record<
    string,
    (...values: readonly MpiValue[]) => number
  >;
  const textOf = (code: number) => {
    const text = new Uint8Array(MAX_ERROR);
    const length = new Int32Array(1);
    functions.MPI_Error_string(code, text, length);
    // MPICH says more in further lines.
    return new TextDecoder().decode(text.subarray(0, length[0]))
      .trim().replaceAll(/:?\n/g, "; ");
  };
  return {
    path,
    version,
    abi,
    call(name, ...values) {
      const code = functions[name](...values);
      if (code === 0) return;
      throw new DistributedError(
        `${version} failed in ${name}: ${textOf(code)}`,
      );
    },
  };
}

function _interfaceOf({ handle }: Abi): Deno.ForeignLibraryInterface {
  return Object.fromEntries(
    Object.entries(FUNCTIONS).map(([name, parameters]) => [name, {
      parameters: parameters.map((kind) => kind === "handle" ? handle : kind),
      result: "i32",
    }]),
  ) as Deno.ForeignLibraryInterface;
}
