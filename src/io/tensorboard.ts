/**
 * Event files that TensorBoard opens: curves of numbers, and pictures, by training step.
 *
 * @module
 */

import { OptionError } from "../errors.ts";
import { requireInteger } from "../options.ts";
import { host } from "../platform/host.ts";
import { cannotWrite } from "./atomic_file.ts";
import type { EventContent, SummaryImage } from "./event_record.ts";

/** Options of {@linkcode EventWriter.open}. */
export interface EventWriterOptions {
  /**
   * First step that is going to be written again or anew, if the run goes on from a checkpoint: TensorBoard forgets what
   * files that are there say of this step and those after it. (Its fast loader does so for a tag once it is told of such
   * steps again.) Default 0, which is to be written in a new run as well, as
   * TensorBoard takes nothing but the second start for a restart.
   */
  readonly resumeAtStep?: number;
}

/** What encodes events; loaded when the first file is opened. */
type Encoder = typeof import("./event_record.ts");

/** The names of files that TensorBoard reads. It sorts them by the time in seconds. */
const NAME = /^events\.out\.tfevents\.(\d+)\./;

/** Tells TensorBoard that the file says where sessions start, so that it need not guess from steps that go back. */
const FILE_VERSION = "brain.Event:2";

/** Most bytes of records that wait to be written. */
const MOST_PENDING_BYTES = 1 << 16;

/** First bytes of a PNG file, and the length and name of its first chunk, which has width, height and kind of colour. */
const PNG_START = Uint8Array.of(
  ...[137, 80, 78, 71, 13, 10, 26, 10],
  ...[0, 0, 0, 13, 73, 72, 68, 82],
);

/** Channels by the kind of colour that a PNG file has: grey, RGB, palette, grey and RGB with alpha. */
const COLORSPACES: ReadonlyMap<number, number> = new Map([
  [0, 1],
  [2, 3],
  [3, 3],
  [4, 2],
  [6, 4],
]);

/**
 * Writes an event file into a folder. Records are kept until `flush`, which adds all of them to the file by a single write,
 * at once and in order: a record takes microseconds, and nothing is left to fail later or to be waited for. A process that
 * is killed leaves at most a torn record at the end, which TensorBoard passes over; a run that goes on writes another file.
 *
 * Steps count from 0, as those of `fit`: what belongs to a whole epoch belongs to its last step, `steps - 1`. Flush before
 * each checkpoint, so that no event before it is missing after a kill.
 */
export class EventWriter {
  /** Path of the file. */
  readonly path: string;
  readonly #encoder: Encoder;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;

  private constructor(path: string, encoder: Encoder) {
    this.path = path;
    this.#encoder = encoder;
  }

  /**
   * Starts a file of its own in a folder. Its name sorts after those of the files that are there, whatever the clock says.
   *
   * @param folder An existing folder.
   * @param options Where the run goes on.
   * @returns The writer of the file, which has the records that TensorBoard wants first.
   * @throws {OptionError} If `resumeAtStep` is not an integer of at least 0.
   * @throws {DataError} If the file cannot be written.
   */
  static async open(
    folder: string,
    { resumeAtStep = 0 }: EventWriterOptions = {},
  ): Promise<EventWriter> {
    const step = requireInteger("resumeAtStep", resumeAtStep, { min: 0 });
    const encoder = await import("./event_record.ts");
    const now = Date.now() / 1000;
    const path = await createFile(folder, Math.floor(now));
    const writer = new EventWriter(path, encoder);
    const wallTime = Date.now() / 1000;
    writer.#add({ step: 0, wallTime }, { fileVersion: FILE_VERSION });
    writer.#add({ step, wallTime }, { sessionStart: true });
    writer.flush();
    return writer;
  }

  /**
   * Adds numbers, each to the curve of its tag.
   *
   * @param step Training step, from 0.
   * @param values Numbers by tag, for example `{ "loss/train": 0.5 }`; TensorBoard groups tags by what is before the slash.
   * @param wallTime Seconds since 1970. Default: now.
   * @throws {OptionError} If `step` is not an integer of at least 0.
   * @throws {DataError} If the file cannot be written.
   */
  scalars(
    step: number,
    values: Readonly<Record<string, number>>,
    wallTime: number = Date.now() / 1000,
  ): void {
    const summary = Object.entries(values)
      .map(([tag, scalar]) => ({ tag, scalar }));
    if (summary.length > 0) this.#add({ step, wallTime }, { summary });
  }

  /**
   * Adds a picture.
   *
   * @param tag Name of the series of pictures.
   * @param step Training step, from 0.
   * @param png The bytes of a PNG file.
   * @throws {OptionError} If `step` is not an integer of at least 0, or `png` is not a PNG file.
   * @throws {DataError} If the file cannot be written.
   */
  image(tag: string, step: number, png: Uint8Array): void {
    const image = describePng(png);
    const wallTime = Date.now() / 1000;
    this.#add({ step, wallTime }, { summary: [{ tag, image }] });
  }

  /**
   * Writes the records that were added.
   *
   * @throws {DataError} If the file cannot be written, or is gone.
   */
  flush(): void {
    if (this.#pending.length === 0) return;
    const bytes = new Uint8Array(this.#pendingBytes);
    let offset = 0;
    for (const record of this.#pending) {
      bytes.set(record, offset);
      offset += record.length;
    }
    this.#pending = [];
    this.#pendingBytes = 0;
    try {
      host.appendSync(this.path, bytes);
    } catch (error) {
      throw cannotWrite(this.path, error);
    }
  }

  /**
   * Writes what is left. There is nothing else to free, as the file is open during `flush` only.
   *
   * @throws {DataError} If the file cannot be written, or is gone.
   */
  close(): void {
    this.flush();
  }

  #add(
    time: { step: number; wallTime: number },
    content: EventContent,
  ): void {
    requireInteger("step", time.step, { min: 0 });
    const { encodeEvent, frameRecord } = this.#encoder;
    const record = frameRecord(encodeEvent(time, content));
    this.#pending.push(record);
    this.#pendingBytes += record.length;
    if (this.#pendingBytes >= MOST_PENDING_BYTES) this.flush();
  }
}

/** Makes an empty file. Its name has the given time, or a later one than that of the last file. */
async function createFile(folder: string, seconds: number): Promise<string> {
  let path = folder;
  try {
    let first = seconds;
    for (const { name } of await host.list(folder)) {
      const [, time] = NAME.exec(name) ?? [];
      first = Math.max(first, Number(time ?? 0) + 1);
    }
    const time = String(first).padStart(10, "0");
    path = host.join(
      folder,
      `events.out.tfevents.${time}.${host.machineName}.${host.processId}.0`,
    );
    (await host.open(path, "new"))[Symbol.dispose]();
    return path;
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

function describePng(png: Uint8Array): SummaryImage {
  const isPng = PNG_START.every((byte, i) => png[i] === byte);
  const colorspace = isPng ? COLORSPACES.get(png[25]) : undefined;
  if (colorspace === undefined) {
    throw new OptionError("png", `${png.length} bytes`, "a PNG file");
  }
  const view = new DataView(png.buffer, png.byteOffset);
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  return { width, height, colorspace, png };
}
