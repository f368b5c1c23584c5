/**
 * A process of `allreduce.ts`: `allreduce_rank.ts COUNT ROUNDS float32|float16`. Rank 0 prints a line with the milliseconds of
 * each round.
 */

import { connectMpi } from "../src/distributed/mpi_communicator.ts";

const [count, rounds] = Deno.args.map(Number);
const values = Deno.args[2] === "float16"
  ? new Float16Array(count)
  : new Float32Array(count);
const communicator = await connectMpi();
for (let round = 0; round < rounds; round++) {
  values.fill(0.5);
  await communicator.barrier();
  const start = performance.now();
  await communicator.allReduce(values);
  const ms = performance.now() - start;
  if (values.some((value) => value !== 0.5 * communicator.size)) {
    throw new Error("the sums are wrong");
  }
  if (communicator.rank === 0) console.log(`${ms}`);
}
await communicator.finalize();
