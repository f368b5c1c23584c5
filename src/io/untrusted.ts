/**
 * Checks of values in files that nobody vouches for.
 *
 * @module
 */

/**
 * Shows text from a file that nobody vouches for, such as a name.
 *
 * @param text The text.
 * @param most Most characters to show. Default 80.
 * @returns Printable characters on one line.
 */
export function showName(text: string, most = 80): string {
  const start = text.length > most ? `${text.slice(0, most - 3)}...` : text;
  return start.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "?");
}

/**
 * Tells JSON's objects from its other values.
 *
 * @param value Any value.
 * @returns Whether it is an object, and no list.
 */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Tells lists of sizes or places from other values.
 *
 * @param value Any value.
 * @returns Whether it is a list of integers from 0 to 2^53 - 1.
 */
export function areCounts(value: unknown): value is number[] {
  return Array.isArray(value) &&
    value.every((n) => Number.isSafeInteger(n) && n >= 0);
}
