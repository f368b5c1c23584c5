/** The report of a run: one HTML page. */

export type { EvaluationOptions } from "./evaluation.ts";
export { type ReportOptions, writeReport } from "./write_report.ts";
