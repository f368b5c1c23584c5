/**
 * What started this process together with others.
 *
 * @module
 */

/** Who started it. */
export interface Launcher {
  /** Which library it belongs to, as far as can be told. */
  readonly kind: "Open MPI" | "MPICH";
  /** How many processes it started, where it says so. */
  readonly size?: number;
  /** Which of them this is, where it says so. */
  readonly rank?: number;
}

/**
 * Looks for a launcher of MPI programs by the variables that it sets.
 *
 * @param get Reads an environment variable.
 * @returns The launcher; undefined where this process was started alone.
 */
export function findLauncher(
  get: (name: string) => string | undefined,
): Launcher | undefined {
  const number = (name: string) => {
    const text = get(name);
    return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
  };
  // Open MPI's mpirun; then PMIx, which Slurm and Open MPI 5 have; then MPICH's mpirun, Slurm's PMI 2, Cray's PALS.
  for (
    const [kind, rank, size] of [
      ["Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"],
      ["Open MPI", "PMIX_RANK", "SLURM_STEP_NUM_TASKS"],
      ["MPICH", "PMI_RANK", "PMI_SIZE"],
      ["MPICH", "PMI_ID", "PMI_SIZE"],
    ] as const
  ) {
    if (number(rank) === undefined) continue;
    return { kind, rank: number(rank), size: number(size) };
  }
  return get("PMI_FD") ? { kind: "MPICH" } : undefined;
}
