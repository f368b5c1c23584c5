/** What scripts/record_schedules.py recorded from PyTorch. */

import record from "../golden/schedules.json" with { type: "json" };

/** The record; its lists of numbers are strings. */
export const RECORD = record;

/**
 * Reads a list of numbers.
 *
 * @param text Numbers with spaces between.
 * @returns The numbers.
 */
export function listOf(text: string): number[] {
  return text.split(" ").map(Number);
}
