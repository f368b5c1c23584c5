/**
 * Counter-based random numbers: the value at a position depends on (seed, stream, position) alone, so that the host,
 * a shader and a resumed run all get the same ones.
 *
 * Threefry-2x32 with 20 rounds, from Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3" (SC 2011).
 */

/** Rotations of Threefry-2x32, round by round. */
export const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24] as const;

/** Key schedule parity constant of Skein, used by Threefry-2x32. */
export const PARITY = 0x1BD11BDA;

/** Writes the Threefry-2x32-20 block of a key (seed and stream) and a counter (the position, low word first) to `out`. */
export function threefry2x32(
  key: readonly [number, number],
  counter: readonly [number, number],
  out: Uint32Array,
): void {
  const keys = [key[0] | 0, key[1] | 0, PARITY ^ key[0] ^ key[1]] as const;
  let x0 = (counter[0] + keys[0]) | 0;
  let x1 = (counter[1] + keys[1]) | 0;
  for (let group = 0; group < 5; group++) {
    const first = (group & 1) * 4;
    for (let i = first; i < first + 4; i++) {
      const r = ROTATIONS[i];
      x0 = (x0 + x1) | 0;
      x1 = (x1 << r) | (x1 >>> (32 - r));
      x1 ^= x0;
    }
    x0 = (x0 + keys[(group + 1) % 3]) | 0;
    x1 = (x1 + keys[(group + 2) % 3] + group + 1) | 0;
  }
  out[0] = x0;
  out[1] = x1;
}

/** Names one sequence of random numbers. */
export interface RandomSource {
  /** Chosen by the user, an integer in [0, 2^32). */
  seed: number;
  /** What the numbers are for: see {@linkcode STREAMS}. */
  stream: number;
  /** Which repetition: a training step or an epoch. Default 0. */
  step?: number;
}

/** First stream of each use, so that no two uses share numbers. */
export const STREAMS = {
  /** Plus the index of the weight tensor. */
  weights: 0,
  /** Plus the index of the layer; `step` is the training step. */
  dropout: 0x10000000,
  /** `step` is the epoch. */
  shuffle: 0x20000000,
  /** Of a data set into parts. */
  split: 0x30000000,
  /**
   * The order of the classes; `step` is the epoch. Plus 1 and the class: the order of its samples; `step` counts the times
   * through them.
   */
  balance: 0x40000000,
  /** Transforms of samples; `step` is the epoch. */
  augment: 0x50000000,
} as const;

/** Uniform numbers in [0, 1) with 24 random bits each, from position `offset` of the sequence on. */
export function uniforms(
  length: number,
  source: RandomSource & { offset?: number },
): Float32Array<ArrayBuffer> {
  const { seed, stream, step = 0, offset = 0 } = source;
  const values = new Float32Array(length);
  const key = [seed, stream] as const;
  const counter: [number, number] = [0, step];
  const block = new Uint32Array(2);
  let loaded = -1;
  for (let i = 0; i < length; i++) {
    const position = offset + i;
    const pair = Math.floor(position / 2);
    if (pair !== loaded) {
      counter[0] = pair;
      threefry2x32(key, counter, block);
      loaded = pair;
    }
    values[i] = (block[position % 2] >>> 8) * 2 ** -24;
  }
  return values;
}

/** A random order of the integers from 0 to `length` - 1 (Fisher-Yates). */
export function permutation(
  length: number,
  source: RandomSource,
): Uint32Array<ArrayBuffer> {
  const { seed, stream, step = 0 } = source;
  const order = Uint32Array.from({ length }, (_, i) => i);
  const block = new Uint32Array(2);
  for (let i = length - 1; i > 0; i--) {
    threefry2x32([seed, stream], [i, step], block);
    // 53 random bits, so that the bias of the modulus is below 2^-21 for any data set size.
    const bits = block[0] * 2 ** 21 + (block[1] >>> 11);
    const j = bits % (i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
