/** Tests of how the MPI library is opened. That the right one is found is tested with those who use it. */

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { fileURLToPath } from "node:url";
import { openMpi } from "../../src/distributed/library.ts";
import { DistributedError } from "../../src/errors.ts";
import { run } from "../cli/program.ts";

/** Why a library cannot be opened, in one line. */
function reasonOf(named: string): string {
  const { message } = assertThrows(
    () => openMpi("MPICH", named),
    DistributedError,
  );
  assertMatch(message, /^[^\n]+$/);
  return message;
}

Deno.test("openMpi() says that the library named in MPI_LIBRARY is not there", () => {
  assertMatch(
    reasonOf("/nonexistent/libmpi.so"),
    /^Cannot use MPI as MPI_LIBRARY names "\/nonexistent\/libmpi.so", which cannot be used \(.*nonexistent.*\)$/,
  );
});

Deno.test("openMpi() says that the file named in MPI_LIBRARY is no library", () => {
  const file = fileURLToPath(import.meta.url);
  assertMatch(
    reasonOf(file),
    /names "\S+library_test.ts", which cannot be used \(\S.*\)$/,
  );
});

Deno.test({
  name:
    "openMpi() says that the library named in MPI_LIBRARY is not one of MPI",
  ignore: Deno.build.os !== "linux",
  fn() {
    assertMatch(
      reasonOf("libm.so.6"),
      /names "libm.so.6", which cannot be used \(.*MPI_Get_library_version.*\)$/,
    );
  },
});

Deno.test("openMpi() says which permission it lacks, rather than that there is no library", async () => {
  // The module itself can be loaded without it.
  const { code, stdout, stderr } = await run(Deno.execPath(), {
    args: [
      ...["run", "--no-prompt", "--allow-env", "--allow-read"],
      ...["tests/distributed/failures.ts", "connect"],
    ],
    env: { PMI_RANK: "0", PMI_SIZE: "1", MPI_LIBRARY: "" },
  });
  assertEquals([code, stdout, stderr], [
    0,
    "because: Cannot use MPI as loading its library needs --allow-ffi, without a path\n",
    "",
  ]);
});
