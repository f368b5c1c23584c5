/** Softmax cross entropy with its gradient, and the count of correct predictions, in one pass over the logits. */

import type { CrossEntropy } from "../../device.ts";
import { dispatch, makeOutput, programOf } from "../run/dispatch.ts";
import { gridOf, indexOf, type Shader } from "../wgsl/wgsl.ts";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";

/** Computes loss, correct count and gradient. */
export function crossEntropy(
  backend: WebGPUBackend,
  { logits, labels }: { logits: TensorInfo; labels: TensorInfo },
  count: number,
): CrossEntropy {
  const [rows, classes] = logits.shape;
  const gradient = makeOutput(backend, logits.shape);
  const rowLosses = makeOutput(backend, [rows]);
  const rowHits = makeOutput(backend, [rows], "int32");
  const byRow = programOf(
    backend,
    `cross entropy,${rows},${classes},${count}`,
    () => rowShader(rows, classes, count),
  );
  dispatch(backend, byRow, [gradient, rowLosses, rowHits, logits, labels]);
  const loss = makeOutput(backend, []);
  const correct = makeOutput(backend, [], "int32");
  const total = programOf(backend, `cross entropy sums,${rows}`, () => ({
    code: totalCode(rows),
    workgroups: [1, 1, 1],
  }));
  dispatch(backend, total, [loss, correct, rowLosses, rowHits]);
  backend.disposeData(rowLosses.dataId);
  backend.disposeData(rowHits.dataId);
  return { loss, correct, gradient };
}

/** One invocation per row. */
function rowShader(rows: number, classes: number, count: number): Shader {
  const workgroups = gridOf(rows);
  const code = `
@group(0) @binding(0) var<storage, read_write> gradient: array<f32>;
@group(0) @binding(1) var<storage, read_write> losses: array<f32>;
@group(0) @binding(2) var<storage, read_write> hits: array<i32>;
@group(0) @binding(3) var<storage, read> logits: array<f32>;
@group(0) @binding(4) var<storage, read> labels: array<i32>;

${indexOf(rows, workgroups)}
  let first = i * ${classes}u;
  var largest = logits[first];
  var predicted = 0;
  for (var j = 1; j < ${classes}; j = j + 1) {
    let z = logits[first + u32(j)];
    predicted = select(predicted, j, z > largest);
    largest = max(largest, z);
  }
  var sum = 0.0;
  for (var j = 0u; j < ${classes}u; j = j + 1u) {
    sum = sum + exp(logits[first + j] - largest);
  }
  let label = labels[i];
  let isValid = label >= 0 && label < ${classes};
  let labelLogit = logits[first + u32(select(0, label, isValid))];
  let loss = log(sum) - (labelLogit - largest);
  // A quiet NaN, which no compiler can take for a constant error.
  losses[i] = select(bitcast<f32>(u32(predicted & 0) | 0x7fc00000u), loss / f32(${count}), isValid);
  hits[i] = select(0, 1, predicted == label);
  for (var j = 0u; j < ${classes}u; j = j + 1u) {
    let p = exp(logits[first + j] - largest) / sum;
    gradient[first + j] = (p - select(0.0, 1.0, i32(j) == label)) / f32(${count});
  }
}
`;
  return { code, workgroups };
}

/** Invocations that add up the rows. */
const ADDERS = 256;

/** Adds up the rows in one workgroup. */
function totalCode(rows: number): string {
  return `
@group(0) @binding(0) var<storage, read_write> loss: array<f32>;
@group(0) @binding(1) var<storage, read_write> correct: array<i32>;
@group(0) @binding(2) var<storage, read> losses: array<f32>;
@group(0) @binding(3) var<storage, read> hits: array<i32>;

var<workgroup> lossSums: array<f32, ${ADDERS}>;
var<workgroup> hitSums: array<i32, ${ADDERS}>;

@compute @workgroup_size(${ADDERS})
fn main(@builtin(local_invocation_index) i: u32) {
  var lossSum = 0.0;
  var hitSum = 0;
  for (var row = i; row < ${rows}u; row = row + ${ADDERS}u) {
    lossSum = lossSum + losses[row];
    hitSum = hitSum + hits[row];
  }
  lossSums[i] = lossSum;
  hitSums[i] = hitSum;
  for (var half = ${ADDERS / 2}u; half > 0u; half = half / 2u) {
    workgroupBarrier();
    if (i < half) {
      lossSums[i] = lossSums[i] + lossSums[i + half];
      hitSums[i] = hitSums[i] + hitSums[i + half];
    }
  }
  if (i == 0u) {
    loss[0] = lossSums[0];
    correct[0] = hitSums[0];
  }
}
`;
}
