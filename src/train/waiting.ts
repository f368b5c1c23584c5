/**
 * How long somebody waits for data.
 *
 * @module
 */

/**
 * Iterates over something and measures the time from asking for each item until it is there.
 *
 * @param source What to iterate over. Leaving the loop ends its iteration.
 * @param onWait Receives each time, in milliseconds; the last is that of finding that there is no more.
 * @returns The items.
 */
export async function* timed<T>(
  source: AsyncIterable<T>,
  onWait: (ms: number) => void,
): AsyncGenerator<T, void, undefined> {
  const items = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      const start = performance.now();
      const item = await items.next();
      onWait(performance.now() - start);
      if (item.done) return;
      yield item.value;
    }
  } finally {
    await items.return?.();
  }
}
