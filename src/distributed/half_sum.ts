/**
 * Sums of float16, which MPI does not have.
 *
 * @module
 */

import { divide } from "../data/loader/batch.ts";
import type { MpiLibrary } from "./library.ts";
import type { Start } from "./queue.ts";

const BYTES = Float16Array.BYTES_PER_ELEMENT;

/** Which process of how many. */
interface _Place {
  readonly rank: number;
  readonly size: number;
}

/**
 * Sums arrays of float16: each process adds up one part of the array, in float32, and sends the sums to all. Both ways each
 * element crosses the network as two bytes.
 */
export class HalfSum {
  readonly #library: MpiLibrary;
  readonly #place: _Place;
  /** Memory that each sum uses again, as fresh memory costs more than the sum. */
  #received = new Float16Array(0);
  #sums = new Float32Array(0);

  /**
   * Prepares.
   *
   * @param library Sends and receives.
   * @param place Which of the processes this is.
   */
  constructor(library: MpiLibrary, place: _Place) {
    this.#library = library;
    this.#place = place;
  }

  /**
   * Divides a sum into stages, between which no other sum may begin.
   *
   * @param values This process's, replaced by the sums.
   * @returns The stages: all to all, then all to all again.
   */
  stages(values: Float16Array): Start[] {
    const { call, abi } = this.#library;
    const { rank, size } = this.#place;
    const parts = Array.from(
      { length: size },
      (_, index) => divide(values.length, { index, count: size }),
    );
    const { begin, end } = parts[rank];
    const length = end - begin;
    const counts = _ints(parts.map(({ begin, end }) => BYTES * (end - begin)));
    const places = _ints(parts.map(({ begin }) => BYTES * begin));
    const ownCounts = _ints(parts.map(() => BYTES * length));
    const ownPlaces = _ints(parts.map((_, i) => BYTES * i * length));
    const gather: Start = (request) => {
      if (this.#received.length < size * length) {
        this.#received = new Float16Array(size * length);
        this.#sums = new Float32Array(length);
      }
      call(
        ...["MPI_Ialltoallv", values, counts, places, abi.byte] as const,
        ...[this.#received, ownCounts, ownPlaces, abi.byte] as const,
        ...[abi.commWorld, request],
      );
    };
    const spread: Start = (request) => {
      values.set(this.#add(length), begin);
      call(
        ...["MPI_Iallgatherv", abi.inPlace, 0, abi.byte] as const,
        ...[values, counts, places, abi.byte, abi.commWorld, request],
      );
    };
    return [gather, spread];
  }

  /** Adds up what was received, `[size, length]`, over the processes. */
  #add(length: number): Float32Array {
    const received = this.#received;
    const sums = this.#sums.subarray(0, length);
    sums.set(received.subarray(0, length));
    for (let process = 1; process < this.#place.size; process++) {
      const at = process * length;
      for (let i = 0; i < length; i++) sums[i] += received[at + i];
    }
    return sums;
  }
}

/** As the library reads them, in memory that does not move. */
function _ints(numbers: readonly number[]): Int32Array<ArrayBuffer> {
  const ints = new Int32Array(new ArrayBuffer(4 * numbers.length));
  ints.set(numbers);
  return ints;
}
