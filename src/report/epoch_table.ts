/**
 * The epochs of a run beside the lecture's.
 *
 * @module
 */

import type { EpochRecord } from "../runs/records.ts";
import { formatLoss, formatShare, formatTime } from "./format.ts";
import { type Column, type Markup, table } from "./html.ts";
import type { LectureEpoch, LectureRun } from "./lecture.ts";

/** Makes a table of the epochs. A column that neither the run nor the lecture has is left out. */
export function epochTable(
  epochs: readonly EpochRecord[],
  lecture: LectureRun,
): Markup {
  const own = (
    head: string,
    key: "loss" | "testLoss" | _Accuracy,
  ): Column<EpochRecord> => ({
    head,
    cell: (e) => _show(key, e[key]),
  });
  const theirs = (
    head: string,
    key: Exclude<keyof LectureEpoch, "epoch">,
  ): Column<EpochRecord> => ({
    head,
    cell: (e) => {
      const same = lecture.epochs.find(({ epoch }) => epoch === e.epoch);
      return _show(key, same?.[key]);
    },
  });
  const has = (key: keyof EpochRecord) =>
    epochs.some((e) => e[key] !== undefined);
  const knows = (key: keyof LectureEpoch) =>
    lecture.epochs.some((e) => e[key] !== undefined);
  return table("Epochs of this run and of the lecture", {
    columns: [
      {
        head: "Epoch",
        cell: (e) => e.isPartial ? `${e.epoch} (a part)` : e.epoch,
      },
      own("Loss", "loss"),
      has("testLoss") && own("Test loss", "testLoss"),
      own("Train acc", "trainAccuracy"),
      has("measuredTrainAccuracy") &&
      own("Measured train acc", "measuredTrainAccuracy"),
      has("testAccuracy") && own("Test acc", "testAccuracy"),
      { head: "Time", cell: (e) => formatTime(e.seconds) },
      knows("loss") && theirs("Lecture’s loss", "loss"),
      knows("trainAccuracy") && theirs("Lecture’s train acc", "trainAccuracy"),
      theirs("Lecture’s test acc", "testAccuracy"),
    ],
    rows: epochs,
  });
}

type _Accuracy = "trainAccuracy" | "measuredTrainAccuracy" | "testAccuracy";

function _show(
  key: "loss" | "testLoss" | _Accuracy,
  value: number | undefined,
): string {
  return /loss/i.test(key) ? formatLoss(value) : formatShare(value);
}
