/**
 * Records of TensorBoard's event files: TFRecord framing around `Event` messages in the wire format of Protocol Buffers.
 *
 * Framing: https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details. Messages: `event.proto` and
 * `summary.proto` in https://github.com/tensorflow/tensorboard/tree/master/tensorboard/compat/proto, from where the field
 * numbers are.
 *
 * @module
 */

import { crc32c } from "@aws-crypto/crc32c";
import { BinaryWriter } from "@bufbuild/protobuf/wire";

/** A value under a tag: a number, or a picture. */
export type SummaryValue =
  & {
    /** Name of the series; what is before a slash is the group that TensorBoard shows it in. */
    readonly tag: string;
  }
  & ({ readonly scalar: number } | { readonly image: SummaryImage });

/** A picture as TensorBoard has it. */
export interface SummaryImage {
  /** In pixels. */
  readonly height: number;
  /** In pixels. */
  readonly width: number;
  /** Channels: 1 is grey, 2 grey with alpha, 3 RGB, 4 RGBA. */
  readonly colorspace: number;
  /** The bytes of a PNG file. */
  readonly png: Uint8Array;
}

/** What a record says besides when it was: the version of the file, that a session starts, or values. */
export type EventContent =
  | { readonly fileVersion: string }
  | { readonly sessionStart: true }
  | { readonly summary: readonly SummaryValue[] };

/** When an event was. */
export interface EventTime {
  /** Seconds since 1970. */
  readonly wallTime: number;
  /** Training step, an integer. */
  readonly step: number;
}

/** `SessionLog.SessionStatus.START`. */
const SESSION_START = 1;

/** Bytes of a record besides its data: a length of 8, and a checksum of 4 each for the length and the data. */
const FRAME_BYTES = 16;

/** Encodes an event. */
export function encodeEvent(
  { wallTime, step }: EventTime,
  content: EventContent,
): Uint8Array<ArrayBuffer> {
  const event = new BinaryWriter().tag(1, 1).double(wallTime);
  // In proto3, a number that is not written is 0.
  if (step !== 0) event.tag(2, 0).int64(step);
  if ("fileVersion" in content) event.tag(3, 2).string(content.fileVersion);
  if ("summary" in content) {
    event.tag(5, 2).fork();
    for (const value of content.summary) {
      encodeValue(event.tag(1, 2).fork(), value).join();
    }
    event.join();
  }
  if ("sessionStart" in content) {
    event.tag(7, 2).fork().tag(1, 0).int32(SESSION_START).join();
  }
  return event.finish();
}

function encodeValue(writer: BinaryWriter, value: SummaryValue): BinaryWriter {
  writer.tag(1, 2).string(value.tag);
  if ("scalar" in value) return writer.tag(2, 5).float(value.scalar);
  const { height, width, colorspace, png } = value.image;
  return writer.tag(4, 2).fork()
    .tag(1, 0).int32(height)
    .tag(2, 0).int32(width)
    .tag(3, 0).int32(colorspace)
    .tag(4, 2).bytes(png)
    .join();
}

/** Puts data in the frame of a TFRecord. */
export function frameRecord(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const record = new Uint8Array(data.length + FRAME_BYTES);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc(record.subarray(0, 8)), true);
  record.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc(data), true);
  return record;
}

/** The CRC-32C of RFC 3720, rotated and shifted: the checksum of bytes that contain checksums must differ from those. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
