/** Tests of event files, read by `protoc` and by TensorBoard itself where they are installed. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { DataError } from "../../src/errors.ts";
import { encodePng } from "../../src/io/contact_sheet.ts";
import { encodeRecord } from "../../src/io/event_record.ts";
import { EventWriter } from "../../src/io/tensorboard.ts";
import { makeFolder, namesIn } from "../data/folder.ts";
import { decodeEvent, PROTOC_OBSTACLE, readRecords } from "./events.ts";

/** A Python that has TensorBoard; `TENSORBOARD_PYTHON` names another one than that of the path. */
const PYTHON = Deno.env.get("TENSORBOARD_PYTHON") ?? "python3";

const hasTensorBoard = await new Deno.Command(PYTHON, {
  args: ["-c", "import tensorboard"],
}).output().then(({ success }) => success, () => false);
const NO_TENSORBOARD = hasTensorBoard
  ? undefined
  : `${PYTHON} has no package tensorboard`;

/** Registers a test; where something keeps it from being run it is ignored, and its name says why. */
function testUnless(
  obstacle: string | undefined,
  { name, fn }: { name: string; fn: () => Promise<void> },
): void {
  const ignore = obstacle !== undefined;
  Deno.test({
    name: ignore ? `${name} (ignored, ${obstacle})` : name,
    ignore,
    fn,
  });
}

const PICTURE = { width: 3, height: 2, data: new Uint8Array(18).fill(99) };

const read = (writer: EventWriter) => Deno.readFileSync(writer.path);

/** The records of TensorBoard's tests of its readers, as texts of one character per byte. */
const RECORDS = [
  {
    fileVersion: "brain.Event:1",
    text: '\x18\0\0\0\0\0\0\0\xa3\x7fK"\t\0\0\xc0%\xddu\xd5A\x1a\r' +
      "brain.Event:1\xec\xf32\x8d",
  },
  {
    fileVersion: "brain.Event:2",
    text: "\x18\0\0\0\0\0\0\0\xa3\x7fK\"\t\0\0\0'\xe6\xb3\xd5A\x1a\r" +
      "brain.Event:2jM\x0b\x15",
  },
];

for (const { fileVersion, text } of RECORDS) {
  Deno.test(`encodeRecord() writes TensorBoard's record of ${fileVersion}`, () => {
    const bytes = Uint8Array.from(text, (char) => char.charCodeAt(0));
    // After the length, its checksum and the tag of the first field.
    const wallTime = new DataView(bytes.buffer).getFloat64(13, true);
    assertEquals(encodeRecord({ wallTime, step: 0, fileVersion }), bytes);
  });
}

testUnless(PROTOC_OBSTACLE, {
  name: "EventWriter writes the messages that protoc reads",
  async fn() {
    await using folder = await makeFolder();
    const before = Date.now() / 1000;
    const writer = await EventWriter.open(folder.path, 300);
    writer.scalars(300, { "loss/train": 0.5, "loss/test": -2 });
    writer.scalars(2 ** 40, { nan: NaN, "accuracy/größe": 1e-3 });
    writer.image("filters", 301, PICTURE);
    writer.flush();
    const events = await Promise.all(
      readRecords(read(writer)).map(decodeEvent),
    );
    const after = Date.now() / 1000;
    for (const event of events) {
      const [, seconds] = /^wall_time: ([\d.e+]+) /.exec(event) ?? [];
      // protoc prints 15 digits or more, so milliseconds at least.
      assert(Number(seconds) >= before - 0.01 && Number(seconds) <= after);
    }
    const withoutTime = events.map((text) => text.replace(/^\S+ \S+ /, ""));
    assertEquals(withoutTime.slice(0, 2), [
      'file_version: "brain.Event:2"',
      "step: 300 session_log { status: START }",
    ]);
    assertEquals(withoutTime.slice(2, 4), [
      'step: 300 summary { value { tag: "loss/train" simple_value: 0.5 } value { tag: "loss/test" simple_value: -2 } }',
      'step: 1099511627776 summary { value { tag: "nan" simple_value: nan } value { tag: "accuracy/gr\\303\\266\\303\\237e" simple_value: 0.001 } }',
    ]);
    const start =
      'step: 301 summary { value { tag: "filters" image { height: 2 width: 3 colorspace: 3 encoded_image_string: "\\211PNG';
    assertEquals(withoutTime[4].slice(0, start.length), start);
    assertEquals(events.length, 5);
  },
});

testUnless(NO_TENSORBOARD, {
  name:
    "TensorBoard shows a run that was killed and resumed without what came after the checkpoint",
  async fn() {
    await using folder = await makeFolder();
    const killed = await EventWriter.open(folder.path, 0);
    for (let step = 0; step < 6; step++) {
      killed.scalars(step, { "loss/train": 2 - step / 4 });
    }
    killed.image("filters", 2, PICTURE);
    killed.image("filters", 5, PICTURE);
    killed.flush();
    const whole = read(killed);
    killed.scalars(6, { "loss/train": 0.5 });
    killed.flush();
    Deno.truncateSync(killed.path, whole.length + 9);
    const resumed = await EventWriter.open(folder.path, 4);
    resumed.scalars(4, { "loss/train": 8 });
    resumed.scalars(7, { "loss/train": 0.25, "accuracy/test": 0.75 });
    resumed.image("filters", 7, PICTURE);
    resumed.flush();
    const { code, stdout, stderr } = await new Deno.Command(PYTHON, {
      args: [
        new URL("read_events.py", import.meta.url).pathname,
        folder.path,
      ],
    }).output();
    const [text, errors] = [stdout, stderr].map((bytes) =>
      new TextDecoder().decode(bytes)
    );
    assertEquals(code, 0, errors);
    const numBytes = encodePng(PICTURE).length;
    assertEquals(JSON.parse(text), {
      "loss/train": [
        ...[[0, 2], [1, 1.75], [2, 1.5], [3, 1.25]],
        ...[[4, 8], [7, 0.25]],
      ],
      "accuracy/test": [[7, 0.75]],
      "filters": [2, 7].map((step) => [step, [3, 2, numBytes]]),
    });
  },
});

Deno.test("EventWriter writes nothing until flush(), and then whole records by one write", async () => {
  await using folder = await makeFolder();
  const writer = await EventWriter.open(folder.path, 0);
  const opened = read(writer);
  assertEquals(readRecords(opened).length, 2);
  for (let step = 0; step < 9; step++) writer.scalars(step, { loss: step });
  assertEquals(read(writer), opened);
  const sizes: number[] = [];
  const { writeFileSync } = Deno;
  Deno.writeFileSync = (path, data, options) => {
    writeFileSync(path, data, options);
    sizes.push(Deno.statSync(path).size);
  };
  try {
    writer.flush();
  } finally {
    Deno.writeFileSync = writeFileSync;
  }
  const bytes = read(writer);
  assertEquals(sizes, [bytes.length]);
  assertEquals(bytes.subarray(0, opened.length), opened);
  assertEquals(readRecords(bytes).length, 2 + 9);
});

Deno.test("EventWriter.open() names each file so that it comes after the others", async () => {
  await using folder = await makeFolder();
  const now = Math.floor(Date.now() / 1000);
  const { path } = await EventWriter.open(folder.path, 0);
  const [first] = namesIn(folder.path);
  assert(path.endsWith(first), path);
  assertMatch(first, /^events\.out\.tfevents\.\d{10}\.[^/]+\.\d+\.0$/);
  const time = Number(first.split(".")[3]);
  assert(time >= now && time <= Date.now() / 1000);
  assertEquals(first.split(".").at(-2), String(Deno.pid));
  // A clock that was set back.
  await Deno.writeTextFile(
    `${folder.path}/events.out.tfevents.${now + 9000}.host.1.0`,
    "",
  );
  const later = await EventWriter.open(folder.path, 0);
  assertMatch(later.path, new RegExp(`\\.${now + 9001}\\.`));
});

Deno.test("EventWriter says which file it cannot write", async () => {
  await using folder = await makeFolder();
  await assertRejects(
    () => EventWriter.open(`${folder.path}/missing`, 0),
    DataError,
    "Cannot write",
  );
  const writer = await EventWriter.open(folder.path, 0);
  writer.scalars(1, { loss: 1 });
  await Deno.remove(writer.path);
  assertThrows(() => writer.flush(), DataError, writer.path);
});
