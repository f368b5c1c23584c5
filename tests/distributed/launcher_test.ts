/**
 * Tests of what tells that this process was started together with others.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { findLauncher } from "../../src/distributed/launcher.ts";

/** Looks among these variables only. */
function find(variables: Record<string, string>) {
  return findLauncher((name) => variables[name]);
}

Deno.test("findLauncher() knows the mpirun of Open MPI", () => {
  assertEquals(
    find({
      OMPI_COMM_WORLD_RANK: "3",
      OMPI_COMM_WORLD_SIZE: "4",
      PMIX_RANK: "3",
    }),
    { kind: "Open MPI", rank: 3, size: 4 },
  );
});

Deno.test("findLauncher() knows PMIx, of Slurm with the size and of others without", () => {
  const variables = { PMIX_RANK: "0", PMIX_NAMESPACE: "slurm.pmix.7.0" };
  assertEquals(
    find({ ...variables, SLURM_STEP_NUM_TASKS: "16" }),
    { kind: "Open MPI", rank: 0, size: 16 },
  );
  assertEquals(
    find(variables),
    { kind: "Open MPI", rank: 0, size: undefined },
  );
});

Deno.test("findLauncher() knows Hydra, the mpirun of MPICH, and its like", () => {
  const expected = { kind: "MPICH", rank: 1, size: 2 } as const;
  assertEquals(find({ PMI_RANK: "1", PMI_SIZE: "2", PMI_FD: "9" }), expected);
  assertEquals(find({ PMI_ID: "1", PMI_SIZE: "2" }), expected);
  assertEquals(find({ PMI_FD: "9" }), { kind: "MPICH" });
});

Deno.test("findLauncher() knows Slurm's PMI 2", () => {
  assertEquals(
    find({
      ...{ SLURM_PROCID: "5", SLURM_NTASKS: "8", SLURM_JOB_ID: "7" },
      ...{ PMI_RANK: "5", PMI_SIZE: "8", PMI_FD: "12", PMI_JOBID: "7.0" },
    }),
    { kind: "MPICH", rank: 5, size: 8 },
  );
});

Deno.test("findLauncher() finds none where a process was started alone, in a Slurm job as well", () => {
  assertEquals(find({}), undefined);
  assertEquals(find({ PATH: "/usr/bin", PMI_RANK: "", PMI_FD: "" }), undefined);
  assertEquals(find({ SLURM_JOB_ID: "7", SLURM_NTASKS: "8" }), undefined);
});

Deno.test("findLauncher() takes no notice of ranks that are no numbers", () => {
  assertEquals(find({ OMPI_COMM_WORLD_RANK: "first" }), undefined);
  assertEquals(
    find({ PMIX_RANK: "-1", PMI_RANK: "2", PMI_SIZE: "all" }),
    { kind: "MPICH", rank: 2, size: undefined },
  );
});
