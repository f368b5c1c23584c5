/** A program that goes wrong in the way that its argument says; the tests of this folder run it. */

import { connectMpi, type MpiCommunicator } from "../../src/distributed/mod.ts";
import { DistributedError } from "../../src/errors.ts";

/** The rank that something is wrong with. */
const BAD = 1;

const LATE_MS = 5000;

/** By then the test has killed what does not end by itself. */
const FORGOTTEN_AFTER_MS = 900_000;

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const ways: Record<string, (c: MpiCommunicator) => Promise<void>> = {
  /** Asks for a root that there is not, and says what MPI says. */
  async root(communicator) {
    await tell(() => communicator.broadcast(new Float32Array(5), 99));
    // Nothing goes on after a failure: also what would have been right.
    await tell(() => communicator.barrier());
    // A process that is killed may take with it what it has printed: the test says when all of that has arrived.
    while (!hasArrived()) await sleep(10);
    communicator.abort(3);
  },
  async abort(communicator) {
    if (communicator.rank === BAD) communicator.abort(3);
    await exchangeForever(communicator);
  },
  async throw(communicator) {
    if (communicator.rank === BAD) throw new RangeError("out of luck");
    await exchangeForever(communicator);
  },
  /** Goes on until the test stops one of the processes. */
  async exchange(communicator) {
    await communicator.barrier();
    console.log(`rank ${communicator.rank} is ${Deno.pid}.`);
    await exchangeForever(communicator);
  },
  /** One is late by more than it takes until it is asked. */
  async late(communicator) {
    const { rank, size } = communicator;
    if (rank === BAD) await sleep(LATE_MS);
    const values = new Int32Array([rank]);
    await communicator.allReduce(values);
    console.log(`rank ${rank} of ${size}: ${values}.`);
    await communicator.finalize();
  },
};

/** Does not end by itself, unless it was forgotten. */
async function exchangeForever(communicator: MpiCommunicator) {
  while (performance.now() < FORGOTTEN_AFTER_MS) {
    await communicator.allReduce(new Float32Array(1000));
    await sleep(1);
  }
}

/** Prints why something cannot be done. */
async function tell(action: () => Promise<unknown>) {
  try {
    await action();
    console.log("succeeded");
  } catch (error) {
    if (!(error instanceof DistributedError)) throw error;
    console.log(`because: ${error.message}`);
  }
}

/** Whether there is the file that this program was told of. */
function hasArrived(): boolean {
  try {
    return Deno.statSync(detail).isFile;
  } catch {
    return false;
  }
}

/** What to do, and for how long a process may be silent or which file to wait for. */
const [way, detail] = Deno.args;
const options = Number(detail) > 0 ? { silenceMs: Number(detail) } : {};
if (way === "connect") await tell(() => connectMpi(options));
else await ways[way](await connectMpi(options));
