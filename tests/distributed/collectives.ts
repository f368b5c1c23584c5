/**
 * A program that checks collective operations, each process for itself; `mpi_communicator_test.ts` runs it, with an empty folder for
 * its processes. What must be the same in all processes it prints.
 */

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { connectMpi } from "../../src/distributed/mod.ts";

const communicator = await connectMpi();
const { rank, size } = communicator;

/** None, one, not divisible by the ranks, and more than one piece: it takes long, and more ranks change nothing about pieces. */
const LENGTHS = [0, 1, 7, size < 4 ? 2 ** 22 + 5 : 1001];

const hash = createHash("sha256");
const ranks = Array.from({ length: size }, (_, i) => i);

/** Small integers that tell ranks and places apart. */
const numberOf = (rank: number, i: number) => (rank + 1) * (i % 31 - 7);

/** Their sum over ranks. */
const sumOf = (i: number) => size * (size + 1) / 2 * (i % 31 - 7);

/** Numbers whose sum depends on the order, of this rank or another. */
const unevenOf = (rank: number, i: number) =>
  Math.sin(i * 7.3 + rank) * 10 ** ((i + 3 * rank) % 5 - 2);

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

for (const length of LENGTHS) {
  for (const type of [Float32Array, Int32Array, Float16Array]) {
    // In pieces, integers are like float32.
    if (length > 10_000 && type === Int32Array) continue;
    const values = new type(length);
    for (let i = 0; i < length; i++) values[i] = numberOf(rank, i);
    await communicator.allReduce(values);
    // Not assertEquals(), which would take long with so many.
    const wrong = values.findIndex((x, i) => x !== sumOf(i));
    assertEquals(
      wrong,
      -1,
      `${type.name} of ${length} sums to ${values[wrong]}`,
    );
  }
}

{
  const floats = Float32Array.from(
    { length: 10_007 },
    (_, i) => unevenOf(rank, i),
  );
  const halves = Float16Array.from(floats);
  await communicator.allReduce(floats);
  await communicator.allReduce(halves);
  for (let i = 0; i < floats.length; i++) {
    const terms = ranks.map((rank) => Math.fround(unevenOf(rank, i)));
    const scale = Math.max(...terms.map(Math.abs));
    const sum = terms.reduce((a, b) => a + b, 0);
    assertAlmostEquals(floats[i], sum, 2 ** -22 * size * scale);
    // Added in float32, by rank: rounded to float16 once.
    const sumOfHalves = terms.map(Math.f16round)
      .reduce((a, b) => Math.fround(a + b));
    assertEquals(halves[i], Math.f16round(sumOfHalves));
  }
  hash.update(floats).update(new Uint8Array(halves.buffer));
}

{
  // Ranks begin at different times, some of them while the others wait.
  await sleep(60 * rank);
  const order: number[] = [];
  const calls: Promise<unknown>[] = [];
  for (let call = 0; call < 60; call++) {
    const [type, root] = [call % 4, call % size];
    if (call % 20 === 10) await sleep(20 * (size - rank));
    const length = 1 + call * 97 % 500;
    const values = type === 0
      ? new Int32Array(length).fill(call + rank)
      : type === 1
      ? new Float16Array(length).fill(call + rank)
      : new Float32Array(length).fill(call + rank);
    const isBroadcast = type === 2;
    const done = isBroadcast
      ? communicator.broadcast(values as Float32Array, root)
      : communicator.allReduce(values);
    const expected = isBroadcast
      ? call + root
      : size * call + size * (size - 1) / 2;
    calls.push(done.then(() => {
      order.push(call);
      const wrong = values.findIndex((x) => x !== expected);
      assertEquals(
        wrong,
        -1,
        `call ${call} gives ${values[wrong]}, not ${expected}`,
      );
    }));
  }
  await Promise.all(calls);
  assertEquals(order, order.map((_, i) => i));
}

for (const root of ranks) {
  for (const [kind, type] of [Float32Array, Int32Array, Uint8Array].entries()) {
    for (const length of LENGTHS) {
      // One type is enough for the longest; bytes have four times the elements in a piece.
      const isLongest = length === LENGTHS.at(-1);
      if (isLongest && kind !== root % 3) continue;
      const factor = isLongest ? 4 / type.BYTES_PER_ELEMENT : 1;
      const values = new type(length * factor);
      if (rank === root) {
        for (let i = 0; i < values.length; i++) values[i] = (root + i) % 251;
      }
      await communicator.broadcast(values, root);
      const wrong = values.findIndex((x, i) => x !== (root + i) % 251);
      assertEquals(wrong, -1, `${type.name} of ${length} from ${root}`);
    }
  }
}

{
  // Parts of arrays: what is beside them stays.
  const bytes = new Uint8Array(41).fill(200 + rank);
  await communicator.broadcast(bytes.subarray(3, 30), size - 1);
  assertEquals(
    [...bytes],
    Array.from(bytes, (_, i) => i >= 3 && i < 30 ? 199 + size : 200 + rank),
  );
  for (const type of [Float32Array, Int32Array, Float16Array]) {
    const values = new type(300).map((_, i) => numberOf(rank, i));
    await communicator.allReduce(values.subarray(5, 298));
    assertEquals(
      [...values],
      Array.from(
        values,
        (_, i) => i < 5 || i >= 298 ? numberOf(rank, i) : sumOf(i),
      ),
    );
  }
}

{
  // Nobody passes a barrier before the last has come, and timers run meanwhile: the last comes when all others had turns.
  const [folder] = Deno.args;
  const enough = 10;
  await communicator.barrier();
  let turns = 0;
  const timer = setInterval(() => {
    if (++turns === enough) Deno.writeTextFileSync(`${folder}/${rank}`, "");
  }, 1);
  if (rank === 0) {
    while ([...Deno.readDirSync(folder)].length < size) await sleep(1);
  }
  await communicator.barrier();
  clearInterval(timer);
  assert(turns >= enough, `rank ${rank} had ${turns} turns`);
}

console.log(JSON.stringify({
  ...{ rank, size, pid: Deno.pid, library: communicator.library },
  ...{ localRank: communicator.localRank, localSize: communicator.localSize },
  ...{ processes: communicator.processes, hash: hash.digest("hex") },
}));
await communicator.finalize();
