/**
 * Checks of values in files that nobody vouches for.
 *
 * @module
 */

/**
 * Shows a name from a file that nobody vouches for.
 *
 * @param name The name.
 * @returns At most 80 printable characters.
 */
export function showName(name: string): string {
  const printable = name.slice(0, 80).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "?");
  return name.length > 80 ? `${printable.slice(0, 77)}...` : printable;
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
