/**
 * Training by several processes, on one machine or many, connected by MPI.
 *
 * @module
 */

export {
  connectMpi,
  type ConnectOptions,
  MpiCommunicator,
} from "./mpi_communicator.ts";
export type { Process } from "./processes.ts";
