/* What the ranks of an MPI program take for summing an array of floats:
 *   allreduce COUNT ROUNDS PIECE
 * Floats, how often, and how many floats in a call of MPI_Allreduce.
 * Rank 0 prints the milliseconds of each round, one a line. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  int count = atoi(argv[1]), rounds = atoi(argv[2]), piece = atoi(argv[3]), rank;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  float *values = malloc(sizeof(float) * count);
  for (int i = 0; i < count; i++) values[i] = 0.5f;
  for (int round = 0; round < rounds; round++) {
    MPI_Barrier(MPI_COMM_WORLD);
    double start = MPI_Wtime();
    for (int at = 0; at < count; at += piece) {
      int length = count - at < piece ? count - at : piece;
      MPI_Allreduce(MPI_IN_PLACE, values + at, length, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
    }
    double ms = (MPI_Wtime() - start) * 1e3;
    for (int i = 0; i < count; i++) values[i] = 0.5f;
    if (rank == 0) printf("%f\n", ms);
  }
  free(values);
  MPI_Finalize();
  return 0;
}
