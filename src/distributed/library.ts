/** Finds the system's MPI library and calls it: its functions, and what differs between its binary interfaces. */

import { DistributedError } from "../errors.ts";
import { reasonOf } from "../reason.ts";
import type { Launcher } from "./processes.ts";

/** Environment variable that names the library, if it has none of the usual names. */
export const MPI_VARIABLE = "MPI_LIBRARY";

const macNames = (version: number) => [
  `/opt/homebrew/lib/libmpi.${version}.dylib`,
  `/usr/local/lib/libmpi.${version}.dylib`,
  "libmpi.dylib",
];

/** The usual names, first those of the library that the launcher belongs to. */
const NAMES: Record<Launcher["kind"], readonly string[]> = Deno.build.os ===
    "darwin"
  ? { "Open MPI": macNames(40), MPICH: macNames(12) }
  : {
    "Open MPI": ["libmpi.so.40", "libmpi.so", "libmpi_abi.so.1"],
    // Debian's name, then that which MPICH, Intel, MVAPICH and Cray agreed on.
    MPICH: ["libmpich.so.12", "libmpi.so.12", "libmpi_abi.so.1", "libmpi.so"],
  };

/** A communicator, datatype, operation, error handler or request. */
export type MpiHandle = number | bigint;

/** An argument of a function of the library. */
export type MpiValue = MpiHandle | Deno.PointerValue | ArrayBufferView;

/** Parameters of each function; what a handle is, the library's interface says. */
const FUNCTIONS = {
  MPI_Init_thread: "pointer pointer i32 buffer",
  MPI_Finalize: "",
  MPI_Abort: "handle i32",
  MPI_Comm_set_errhandler: "handle handle",
  MPI_Comm_rank: "handle buffer",
  MPI_Comm_size: "handle buffer",
  MPI_Comm_dup: "handle buffer",
  MPI_Get_processor_name: "buffer buffer",
  MPI_Error_string: "i32 buffer buffer",
  MPI_Test: "buffer buffer pointer",
  MPI_Ibarrier: "handle buffer",
  MPI_Ibcast: "buffer i32 handle i32 handle buffer",
  MPI_Iallreduce: "pointer buffer i32 handle handle handle buffer",
  MPI_Ialltoallv:
    "buffer buffer buffer handle buffer buffer buffer handle handle buffer",
  MPI_Iallgatherv:
    "pointer i32 handle buffer buffer buffer handle handle buffer",
  MPI_Isend: "buffer i32 handle i32 i32 handle buffer",
  MPI_Iprobe: "i32 i32 handle buffer pointer",
  MPI_Recv: "buffer i32 handle i32 i32 handle pointer",
} as const;

/** A function of the library. */
export type MpiFunction = keyof typeof FUNCTIONS;

/** The library, opened. */
export interface MpiLibrary {
  /** Its file, as it was found. */
  readonly path: string;
  /** Name and version, as the library gives them, for example "Open MPI v4.1.4". */
  readonly version: string;
  readonly abi: Abi;
  /** Calls a function. If that returns an error, it throws a {@linkcode DistributedError} with the library's own text. */
  call(name: MpiFunction, ...values: readonly MpiValue[]): void;
}

/**
 * Opens the library: the file `named` and no other or, without it, the first usual one, of `kind` if there is such. It throws a
 * {@linkcode DistributedError} if there is none, or none that can be used.
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
      return openFile(path);
    } catch (error) {
      if (error instanceof DistributedError) throw error;
      if (error instanceof Deno.errors.NotCapable) {
        throw new DistributedError(
          "Cannot use MPI as loading its library needs --allow-ffi, without a path",
        );
      }
      // Deno repeats this prefix.
      reason = reasonOf(error).replace(/^(Could not open library: )+/, "");
    }
  }
  throw new DistributedError(
    named
      ? `Cannot use MPI as ${MPI_VARIABLE} names "${named}", which cannot be used (${reason})`
      : `Cannot train together as no MPI library was found: install it with \`apt-get install openmpi-bin\` or \`apt-get install mpich\`, or name it in ${MPI_VARIABLE}`,
  );
}

function openFile(path: string): MpiLibrary {
  const { abi, version } = detectAbi(path);
  const { symbols } = Deno.dlopen(path, interfaceOf(abi));
  const functions = symbols as unknown as Record<
    string,
    (...values: readonly MpiValue[]) => number
  >;
  return {
    path,
    version,
    abi,
    call(name, ...values) {
      const code = functions[name](...values);
      if (code === 0) return;
      const text = readText((text, length) =>
        functions.MPI_Error_string(code, text, length)
      );
      // MPICH says more in further lines.
      const line = text.trim().replaceAll(/:?\n/g, "; ");
      throw new DistributedError(`${version} failed in ${name}: ${line}`);
    },
  };
}

function interfaceOf({ handle }: Abi): Deno.ForeignLibraryInterface {
  return Object.fromEntries(
    Object.entries(FUNCTIONS).map(([name, text]) => {
      const parameters = text.replaceAll("handle", handle).split(" ")
        .filter(Boolean) as Deno.NativeType[];
      return [name, { parameters, result: "i32" }];
    }),
  );
}

/** The longest text that any library gives. */
const MAX_TEXT = 8192;

/** Calls a function of the library that writes text and its length, and returns the text. */
export function readText(
  write: (
    text: Uint8Array<ArrayBuffer>,
    length: Int32Array<ArrayBuffer>,
  ) => void,
): string {
  const text = new Uint8Array(MAX_TEXT);
  const length = new Int32Array(1);
  write(text, length);
  return new TextDecoder().decode(text.subarray(0, length[0]));
}

/** How a library is called. */
interface Abi {
  /** What handles are. */
  readonly handle: "i32" | "usize";
  readonly commWorld: MpiHandle;
  readonly errorsReturn: MpiHandle;
  readonly byte: MpiHandle;
  readonly int: MpiHandle;
  readonly float: MpiHandle;
  readonly sum: MpiHandle;
  /** Given as the send buffer of a collective operation whose values are replaced. */
  readonly inPlace: Deno.PointerValue;
  /** Given in place of a status that is not wanted. */
  readonly statusIgnore: Deno.PointerValue;
  /** Level of a program that has threads, one of which calls the library. */
  readonly funneled: number;
}

const { create, value } = Deno.UnsafePointer;

/** Handles are numbers in themselves. This is a function as making pointers needs `--allow-ffi`, which importing must not need. */
const mpichAbi = (): Abi => ({
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
const standardAbi = (): Abi => ({
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

/** Libraries that share MPICH's interface, by how they name themselves. */
const LIKE_MPICH = /MPICH|Intel\(R\) MPI|MVAPICH|Cray/i;

const BUFFERS = { parameters: ["buffer", "buffer"], result: "i32" } as const;
const OBJECT = { type: "pointer", optional: true } as const;

/** Symbols by which libraries are told apart. */
const MARKS = {
  MPI_Get_library_version: BUFFERS,
  MPI_Abi_get_version: { ...BUFFERS, optional: true },
  ompi_mpi_comm_world: OBJECT,
  ompi_mpi_errors_return: OBJECT,
  ompi_mpi_byte: OBJECT,
  ompi_mpi_int: OBJECT,
  ompi_mpi_float: OBJECT,
  ompi_mpi_op_sum: OBJECT,
} as const satisfies Deno.ForeignLibraryInterface;

/** Finds out how a library is called, and what it says of itself, for example "Open MPI v4.1.4". */
function detectAbi(path: string): { abi: Abi; version: string } {
  const { symbols } = Deno.dlopen(path, MARKS);
  const text = readText(symbols.MPI_Get_library_version);
  // The first line, without what follows a comma.
  const [first] = text.split(/[\n,]/);
  const version = first.replace(/\s+/g, " ").replace("Version: ", "").trim();
  if (isStandard(symbols.MPI_Abi_get_version)) {
    return { abi: standardAbi(), version };
  }
  const world = symbols.ompi_mpi_comm_world;
  if (world) {
    // Open MPI: handles are the addresses of the library's own objects.
    return {
      version,
      abi: {
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
  if (LIKE_MPICH.test(version)) return { abi: mpichAbi(), version };
  throw new DistributedError(
    `Cannot use ${path} as it is neither Open MPI nor MPICH, nor has the interface of MPI 5: it says "${version}"`,
  );
}

/**
 * Whether a library has the interface of the standard. Libraries with another one answer version -1, as MPICH 5.0.2 and Open MPI
 * 6.0.0 do. This is asked first, as Open MPI has its own symbols with either of its interfaces.
 */
function isStandard(
  getVersion: ((major: BufferSource, minor: BufferSource) => number) | null,
): boolean {
  if (getVersion === null) return false;
  const [major, minor] = [new Int32Array(1), new Int32Array(1)];
  return getVersion(major, minor) === 0 && major[0] >= 1;
}
