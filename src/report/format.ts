/**
 * How numbers and other values are written in the report.
 *
 * @module
 */

/** Writes a share. */
export function formatShare(share: number | undefined): string {
  return share === undefined ? "–" : share.toFixed(3);
}

/** Writes a share in percent. */
export function formatPercent(share: number): string {
  const percent = 100 * share;
  const isFine = percent > 0 && percent < 10 || percent > 99 && percent < 100;
  if (!isFine) return `${percent.toFixed(0)}%`;
  return `${Math.min(99.9, Math.max(0.1, percent)).toFixed(1)}%`;
}

/** Writes a loss. */
export function formatLoss(loss: number | undefined): string {
  return loss === undefined ? "–" : loss.toFixed(4);
}

/** Writes a count. */
export function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}

/** Writes a number with three digits. */
export function formatThreeDigits(value: number): string {
  return value.toLocaleString("en-US", { maximumSignificantDigits: 3 });
}

/** Writes a time, for example "8.3 s", "12 min 5 s" or "2 h 10 min". */
export function formatTime(seconds: number): string {
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const [hours, minutes] = [
    Math.floor(whole / 3600),
    Math.floor(whole / 60) % 60,
  ];
  return hours > 0
    ? `${hours} h ${minutes} min`
    : `${minutes} min ${whole % 60} s`;
}

/** Writes a value of a run folder: text as it is, or else its JSON. */
export function formatValue(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The networks by their proper names. */
export const MODEL_NAMES = { alexnet: "AlexNet", lenet: "LeNet" } as const;
