/**
 * Records of TensorBoard's event files: TFRecord framing around `Event` messages in the wire format of Protocol Buffers.
 *
 * Framing: https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details. The field numbers are those of
 * `event.proto` and `summary.proto` in https://github.com/tensorflow/tensorboard/tree/master/tensorboard/compat/proto.
 */

import { crc32c } from "@aws-crypto/crc32c";
import { BinaryWriter } from "@bufbuild/protobuf/wire";

/** A number, or a picture in RGB, under a tag. */
interface SummaryValue {
  /** TensorBoard groups tags by what is before the slash. */
  readonly tag: string;
  readonly scalar?: number;
  readonly image?: {
    readonly height: number;
    readonly width: number;
    readonly png: Uint8Array;
  };
}

/** An event. */
export interface EventContent {
  /** Seconds since 1970. */
  readonly wallTime: number;
  /** Training step, an integer. */
  readonly step: number;
  readonly fileVersion?: string;
  readonly summary?: readonly SummaryValue[];
  readonly isSessionStart?: boolean;
}

/** `SessionLog.SessionStatus.START`. */
const SESSION_START = 1;

/** Channels of a picture. */
const RGB = 3;

/** Encodes an event as a record. */
export function encodeRecord(event: EventContent): Uint8Array<ArrayBuffer> {
  const { wallTime, step, fileVersion, summary, isSessionStart } = event;
  const writer = new BinaryWriter().tag(1, 1).double(wallTime);
  // In proto3, a number that is not written is 0.
  if (step !== 0) writer.tag(2, 0).int64(step);
  if (fileVersion !== undefined) writer.tag(3, 2).string(fileVersion);
  if (summary !== undefined) {
    writer.tag(5, 2).fork();
    for (const value of summary) {
      encodeValue(writer.tag(1, 2).fork(), value).join();
    }
    writer.join();
  }
  if (isSessionStart) {
    writer.tag(7, 2).fork().tag(1, 0).int32(SESSION_START).join();
  }
  return frame(writer.finish());
}

function encodeValue(
  writer: BinaryWriter,
  { tag, scalar, image }: SummaryValue,
): BinaryWriter {
  writer.tag(1, 2).string(tag);
  if (scalar !== undefined) writer.tag(2, 5).float(scalar);
  if (image === undefined) return writer;
  return writer.tag(4, 2).fork()
    .tag(1, 0).int32(image.height)
    .tag(2, 0).int32(image.width)
    .tag(3, 0).int32(RGB)
    .tag(4, 2).bytes(image.png)
    .join();
}

/** Puts a length before the data, and a checksum after each. */
function frame(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const record = new Uint8Array(8 + 4 + data.length + 4);
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
