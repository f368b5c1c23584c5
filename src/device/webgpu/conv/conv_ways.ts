/**
 * The ways to compute a convolution of many channels.
 *
 * @module
 */

import type { ConvSizes } from "../../sizes.ts";
import type { AdapterTraits } from "../run/traits.ts";
import { MOST_PLACES } from "./winograd_matrices.ts";
import { countAllTiles, fitsWinograd } from "./winograd_sizes.ts";

/** The ways of a convolution or a gradient. */
export interface ConvWays {
  readonly ways: readonly string[];
  /** The one that is taken where nothing was measured. */
  readonly usual: string;
  /** Gives the side of a tile of a way by tiles, or undefined: directly. */
  readonly tileOf: (way: string) => number | undefined;
}

const DIRECT = "direct";

/**
 * Fewest tiles and channels for which tiles are the usual way of a software adapter: with less, transforming the filters
 * costs more than is saved. (GPUs compute directly unless the tuner has found better.)
 */
const WORTHWHILE = { tiles: 64, channels: 32 };

const known = new WeakMap<AdapterTraits, Map<string, ConvWays>>();

/**
 * Lists the ways.
 *
 * @param traits The adapter.
 * @param s Sizes of the convolution.
 * @param key Names the operation and all sizes.
 * @returns Direct, and by tiles of the two sizes that save most multiplications, where they fit.
 */
export function convWays(
  traits: AdapterTraits,
  s: ConvSizes,
  key: string,
): ConvWays {
  let all = known.get(traits);
  if (all === undefined) known.set(traits, all = new Map());
  let ways = all.get(key);
  if (ways === undefined) all.set(key, ways = _find(traits, s));
  return ways;
}

function _find(traits: AdapterTraits, s: ConvSizes): ConvWays {
  const tiles = new Map(
    [MOST_PLACES, MOST_PLACES - 2].map((places) => places - s.filterHeight + 1)
      .filter((m) => m > 1 && fitsWinograd(s, m, traits.maxBindingBytes))
      .map((m) => [`winograd ${m}x${m}`, m]),
  );
  // With 3 taps a tile of 6 saves little more than one of 4, and its filters are larger.
  const best = [...tiles].find(([, m]) => m === 4)?.[0];
  const isWorthwhile = best !== undefined && traits.isSoftware &&
    countAllTiles(s, 4) >= WORTHWHILE.tiles &&
    Math.min(s.inChannels, s.outChannels) >= WORTHWHILE.channels;
  return {
    ways: [DIRECT, ...tiles.keys()],
    usual: isWorthwhile ? best : DIRECT,
    tileOf: (way) => tiles.get(way),
  };
}
