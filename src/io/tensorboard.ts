/** Event files that TensorBoard opens: curves of numbers, and pictures, by training step. */

import { host } from "../platform/host.ts";
import { encodePng, type Picture } from "./contact_sheet.ts";
import type { EventContent } from "./event_record.ts";
import { cannotWrite } from "./files.ts";

/** What encodes events; loaded when the first file is opened. */
type Encoder = typeof import("./event_record.ts");

/** The names of files that TensorBoard reads. It sorts them by the time in seconds. */
const NAME = /^events\.out\.tfevents\.(\d+)\./;

/** Tells TensorBoard that the file says where sessions start, so that it need not guess from steps that go back. */
const FILE_VERSION = "brain.Event:2";

/**
 * Writes an event file. Records wait for `flush`, which adds them to the file by a single write. A process that is killed leaves
 * at most a torn record at the end, which TensorBoard passes over; a run that goes on writes another file. So flush before each
 * checkpoint: then no event before it is missing.
 *
 * Steps count from 0, as those of `fit`: what belongs to a whole epoch belongs to its last step, `steps - 1`.
 */
export class EventWriter {
  readonly path: string;
  readonly #encoder: Encoder;
  #pending: Uint8Array[] = [];

  private constructor(path: string, encoder: Encoder) {
    this.path = path;
    this.#encoder = encoder;
  }

  /**
   * Starts a file in a folder and records that a session starts at `firstStep`. Once TensorBoard gets such steps again, it
   * forgets what older files say of them. A new run records a start at 0 too, because TensorBoard takes only the second start
   * for a restart.
   */
  static async open(folder: string, firstStep: number): Promise<EventWriter> {
    const encoder = await import("./event_record.ts");
    const writer = new EventWriter(await createFile(folder), encoder);
    writer.#add({ step: 0, fileVersion: FILE_VERSION });
    writer.#add({ step: firstStep, isSessionStart: true });
    writer.flush();
    return writer;
  }

  /** Adds numbers, each to the curve of its tag. */
  scalars(step: number, values: Readonly<Record<string, number>>): void {
    const summary = Object.entries(values)
      .map(([tag, scalar]) => ({ tag, scalar }));
    this.#add({ step, summary });
  }

  /** Adds a picture to the series of its tag. */
  image(tag: string, step: number, picture: Picture): void {
    const image = { ...picture, png: encodePng(picture) };
    this.#add({ step, summary: [{ tag, image }] });
  }

  /** Writes the records that wait. */
  flush(): void {
    const size = this.#pending.reduce((sum, { length }) => sum + length, 0);
    const bytes = new Uint8Array(size);
    let offset = 0;
    for (const record of this.#pending.splice(0)) {
      bytes.set(record, offset);
      offset += record.length;
    }
    try {
      host.appendSync(this.path, bytes);
    } catch (error) {
      throw cannotWrite(this.path, error);
    }
  }

  #add(event: Omit<EventContent, "wallTime">): void {
    const wallTime = Date.now() / 1000;
    this.#pending.push(this.#encoder.encodeRecord({ wallTime, ...event }));
  }
}

/** Makes an empty file whose name sorts after those of the files that are there, whatever the clock says. */
async function createFile(folder: string): Promise<string> {
  let path = folder;
  try {
    let seconds = Math.floor(Date.now() / 1000);
    for (const { name } of await host.list(folder)) {
      const [, time] = NAME.exec(name) ?? [];
      seconds = Math.max(seconds, Number(time ?? 0) + 1);
    }
    const time = String(seconds).padStart(10, "0");
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
