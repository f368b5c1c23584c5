/** Finds out which of the other processes does not answer. */

import { setInterval } from "node:timers";
import { DistributedError } from "../errors.ts";
import type { MpiHandle, MpiLibrary } from "./library.ts";

/** How often to ask, and to answer. */
const PERIOD_MS = 1000;

/**
 * Most time between two looks that counts as silence of the others. If more passes, this process itself was stopped or had no
 * core, and the same may have happened to the others.
 */
const MOST_MS = 2 * PERIOD_MS;

/** How long a process may leave questions unanswered, unless the user says otherwise. */
export const SILENCE_MS = 30_000;

/** The part of that time which passes before the first question. */
const ASK_AFTER = 1 / 3;

/** How long to wait for a process that answers, but does not come to the operation. */
const PATIENCE_MS = 30 * 60_000;

const TAG = 1;

/** A message has two numbers: its kind, and how many operations the sender has begun. */
const MESSAGE_LENGTH = 2;
const QUESTION = 1;
const ANSWER = 2;
/** The sender's last. */
const FAREWELL = 3;

/** A message on its way, which must stay in memory. */
interface Sent {
  readonly message: Int32Array<ArrayBuffer>;
  readonly request: BigUint64Array<ArrayBuffer>;
}

/** One of the other processes. */
interface Peer {
  readonly rank: number;
  /** The time spent on asking, all in all, when it last gave a sign of life, in milliseconds. */
  heard: number;
  /** How many operations it had begun then. */
  numBegun: number;
  /** Whether it sends nothing more. */
  hasLeft: boolean;
}

/** What the processes are, and how long to wait for them. */
interface WatchOptions {
  /** A communicator for nothing but the messages. */
  readonly comm: MpiHandle;
  readonly rank: number;
  readonly size: number;
  /** How long a process may leave questions unanswered. */
  readonly silenceMs: number;
  /** Names a process for people, for example "rank 1 (PID 1234 on node7)". */
  readonly nameOf: (rank: number) => string;
}

/**
 * Asks the other processes whether they are there, while this one waits for them, and answers their questions. As long as no
 * process waits, nothing is sent.
 */
export class Watch {
  /** How many operations this process has begun. */
  numBegun = 0;
  readonly #library: MpiLibrary;
  readonly #options: WatchOptions;
  readonly #peers: readonly Peer[];
  readonly #flag = new Int32Array(new ArrayBuffer(4));
  readonly #received = newMessage();
  readonly #timer: ReturnType<typeof setInterval>;
  #sent: Sent[] = [];
  /** When the others were last asked, by `performance.now()`. */
  #askedAt = -Infinity;
  /** The time spent on asking, all in all, in milliseconds. */
  #askedMs = 0;
  /** The same at the first question of the wait in progress. */
  #askedBefore = 0;
  #isLeaving = false;

  /** Begins to answer questions. */
  constructor(library: MpiLibrary, options: WatchOptions) {
    this.#library = library;
    this.#options = options;
    const { rank: own, size } = options;
    this.#peers = Array.from({ length: size }, (_, rank) => rank)
      .filter((rank) => rank !== own)
      .map((rank) => ({ rank, heard: 0, numBegun: 0, hasLeft: false }));
    // The timer does not keep the process alive.
    this.#timer = setInterval(() => this.#answer(), PERIOD_MS).unref();
  }

  /**
   * Asks the others, if this process has waited for an operation for long enough. It throws a {@linkcode DistributedError} if one of
   * them does not answer, or has not come to the operation for very long.
   */
  check(waitedMs: number): void {
    const { silenceMs } = this.#options;
    const now = performance.now();
    const sinceMs = now - this.#askedAt;
    if (waitedMs < ASK_AFTER * silenceMs || sinceMs < PERIOD_MS) return;
    this.#askedAt = now;
    this.#askedMs += Math.min(sinceMs, MOST_MS);
    if (sinceMs >= waitedMs) this.#askedBefore = this.#askedMs;
    this.#listen();
    for (const { rank } of this.#peers) this.#send(rank, QUESTION);
    const silentMs = ({ heard }: Peer) =>
      this.#askedMs - Math.max(heard, this.#askedBefore);
    this.#refuse(this.#peers.filter((peer) => silentMs(peer) > silenceMs));
    if (this.#askedMs - this.#askedBefore < PATIENCE_MS) return;
    const late = this.#peers.filter((peer) => peer.numBegun < this.numBegun);
    throw new DistributedError(
      `Cannot go on as ${
        this.#list(late)
      } did not come to exchange ${this.numBegun} within ${
        PATIENCE_MS / 60_000
      } min, though there: hung, or doing something else than the other processes`,
    );
  }

  /**
   * Tells the others, when no process waits any more, that this one sends nothing more. Then waits until they have said the same
   * and every message has been received, as some libraries complain of one that was not. It throws a {@linkcode DistributedError}
   * if a process does not end.
   */
  async leave(): Promise<void> {
    clearInterval(this.#timer);
    this.#isLeaving = true;
    for (const { rank } of this.#peers) this.#send(rank, FAREWELL);
    let waitedMs = 0;
    for (let last = performance.now();;) {
      this.#listen();
      const staying = this.#peers.filter(({ hasLeft }) => !hasLeft);
      if (staying.length === 0 && this.#sent.length === 0) return;
      const now = performance.now();
      waitedMs += Math.min(now - last, MOST_MS);
      last = now;
      if (waitedMs > this.#options.silenceMs) this.#refuse(staying);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  /** Throws an error that names the silent processes, if there are any. */
  #refuse(silent: readonly Peer[]): void {
    if (silent.length === 0) return;
    throw new DistributedError(
      `Cannot go on as ${this.#list(silent)} ${
        silent.length > 1 ? "have" : "has"
      } not answered for ${
        this.#options.silenceMs / 1000
      } s: killed, stopped, hung or cut off from the network`,
    );
  }

  #list(peers: readonly Peer[]): string {
    return peers.map(({ rank }) => this.#options.nameOf(rank)).join(" and ");
  }

  /** Receives messages, and answers questions. */
  #listen(): void {
    const { comm } = this.#options;
    const { call, abi } = this.#library;
    const { int, statusIgnore } = abi;
    const message = this.#received;
    for (const peer of this.#peers) {
      const from = [peer.rank, TAG, comm];
      for (;;) {
        call("MPI_Iprobe", ...from, this.#flag, statusIgnore);
        if (this.#flag[0] === 0) break;
        call("MPI_Recv", message, MESSAGE_LENGTH, int, ...from, statusIgnore);
        const [kind, numBegun] = message;
        peer.heard = this.#askedMs;
        peer.numBegun = numBegun;
        peer.hasLeft = kind === FAREWELL;
        const isAsked = kind === QUESTION && !this.#isLeaving;
        if (isAsked) this.#send(peer.rank, ANSWER);
      }
    }
    this.#sent = this.#sent.filter(({ request }) => {
      call("MPI_Test", request, this.#flag, statusIgnore);
      return this.#flag[0] === 0;
    });
  }

  /** Listens between operations. An error is left to the next operation, which fails as well and has a caller to tell. */
  #answer(): void {
    try {
      this.#listen();
    } catch (error) {
      if (!(error instanceof DistributedError)) throw error;
    }
  }

  #send(rank: number, kind: number): void {
    const { call, abi } = this.#library;
    const message = newMessage();
    message.set([kind, this.numBegun]);
    const request = new BigUint64Array(new ArrayBuffer(8));
    const to = [rank, TAG, this.#options.comm];
    call("MPI_Isend", message, MESSAGE_LENGTH, abi.int, ...to, request);
    this.#sent.push({ message, request });
  }
}

/** Memory that does not move while a message is on its way. */
function newMessage(): Int32Array<ArrayBuffer> {
  return new Int32Array(new ArrayBuffer(4 * MESSAGE_LENGTH));
}
