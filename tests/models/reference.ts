/**
 * The layers of AlexNet, forward and backward, as plain loops with float64 sums: the tfjs CPU backend takes minutes for
 * one AlexNet step. Images are `[batch, height, width, channels]`, square, in row-major order.
 */

/** Values with their shape. */
export interface Values {
  /** float32 or float64. */
  readonly data: Float32Array | Float64Array;
  /** Batch dimension first, or HWIO. */
  readonly shape: readonly number[];
}

/** Steps of a window and rows of zeros before the image. */
export interface Placement {
  /** Steps between windows. */
  readonly stride: number;
  /** Rows and columns of zeros before the image. */
  readonly before: number;
}

/** Convolution with bias. */
export function conv2d(
  x: Values,
  [kernel, bias]: readonly Values[],
  place: Placement & { readonly size: number },
): Values {
  const filters = kernel.shape[3];
  const shape = [x.shape[0], place.size, place.size, filters];
  const data = new Float64Array(shape.reduce((product, n) => product * n));
  for (let i = 0; i < data.length; i++) data[i] = bias.data[i % filters];
  forEachTap(x, kernel, { ...place, shape }, (from, weight, to) => {
    const value = x.data[from];
    for (let f = 0; f < filters; f++) {
      data[to + f] += value * kernel.data[weight + f];
    }
  });
  return { data, shape };
}

/** Gradients of {@linkcode conv2d}. */
export function conv2dGradients(
  x: Values,
  kernel: Values,
  dy: Values,
  place: Placement,
): { dx: Values; dKernel: Float64Array; dBias: Float64Array } {
  const filters = kernel.shape[3];
  const dx = new Float64Array(x.data.length);
  const dKernel = new Float64Array(kernel.data.length);
  forEachTap(x, kernel, { ...place, shape: dy.shape }, (from, weight, to) => {
    const value = x.data[from];
    let sum = 0;
    for (let f = 0; f < filters; f++) {
      const gradient = dy.data[to + f];
      sum += gradient * kernel.data[weight + f];
      dKernel[weight + f] += gradient * value;
    }
    dx[from] += sum;
  });
  return {
    dx: { data: dx, shape: x.shape },
    dKernel,
    dBias: sumRows(dy.data, filters),
  };
}

/** Max pooling, valid: the maxima, and for each its position in `x`. */
export function maxPool2d(
  x: Values,
  window: { readonly size: number; readonly stride: number },
): Values & { readonly positions: Int32Array } {
  const [batch, height, , channels] = x.shape;
  const size = Math.floor((height - window.size) / window.stride) + 1;
  const shape = [batch, size, size, channels];
  const data = new Float64Array(batch * size * size * channels).fill(-Infinity);
  const positions = new Int32Array(data.length);
  for (let to = 0; to < data.length; to++) {
    const [n, row, column, channel] = placeOf(to, shape);
    for (let k = 0; k < window.size ** 2; k++) {
      const y = row * window.stride + Math.floor(k / window.size);
      const from = ((n * height + y) * height + column * window.stride +
            k % window.size) * channels + channel;
      if (x.data[from] > data[to]) {
        [data[to], positions[to]] = [x.data[from], from];
      }
    }
  }
  return { data, shape, positions };
}

/** Matrix product with bias. */
export function dense(x: Values, [kernel, bias]: readonly Values[]): Values {
  const { data, shape } = conv2d(
    { data: x.data, shape: [x.shape[0], 1, 1, x.shape[1]] },
    [{ data: kernel.data, shape: [1, 1, ...kernel.shape] }, bias],
    { stride: 1, before: 0, size: 1 },
  );
  return { data, shape: [shape[0], shape[3]] };
}

/** Gradients of {@linkcode dense}. */
export function denseGradients(
  x: Values,
  kernel: Values,
  dy: Values,
): ReturnType<typeof conv2dGradients> {
  const image = ({ data, shape }: Values) => ({
    data,
    shape: [shape[0], 1, 1, shape[1]],
  });
  const gradients = conv2dGradients(
    image(x),
    { data: kernel.data, shape: [1, 1, ...kernel.shape] },
    image(dy),
    { stride: 1, before: 0 },
  );
  return { ...gradients, dx: { data: gradients.dx.data, shape: x.shape } };
}

/** Softmax cross entropy, mean over the batch. */
export function softmaxCrossEntropy(
  logits: Values,
  labels: ArrayLike<number>,
): { loss: number; gradient: Values } {
  const [batch, classes] = logits.shape;
  const gradient = new Float64Array(batch * classes);
  let loss = 0;
  for (let n = 0; n < batch; n++) {
    const row = Array.from(
      logits.data.subarray(n * classes, (n + 1) * classes),
    );
    const largest = Math.max(...row);
    const sum = row.reduce((total, z) => total + Math.exp(z - largest), 0);
    loss += (Math.log(sum) + largest - row[labels[n]]) / batch;
    row.forEach((z, k) => {
      const target = k === labels[n] ? 1 : 0;
      gradient[n * classes + k] = (Math.exp(z - largest) / sum - target) /
        batch;
    });
  }
  return { loss, gradient: { data: gradient, shape: logits.shape } };
}

function placeOf(index: number, shape: readonly number[]): number[] {
  const [, height, width, channels] = shape;
  const pixel = Math.floor(index / channels);
  const row = Math.floor(pixel / width);
  return [
    Math.floor(row / height),
    row % height,
    pixel % width,
    index % channels,
  ];
}

function sumRows(values: Values["data"], length: number): Float64Array {
  const sums = new Float64Array(length);
  for (let i = 0; i < values.length; i++) sums[i % length] += values[i];
  return sums;
}

/** Visits each (input, kernel row, output row) that a convolution multiplies, by the offsets of their first values. */
function forEachTap(
  x: Values,
  kernel: Values,
  place: Placement & { readonly shape: readonly number[] },
  visit: (from: number, weight: number, to: number) => void,
): void {
  const [, height, width, channels] = x.shape;
  const [kernelHeight, kernelWidth, , filters] = kernel.shape;
  const { stride, before, shape: [batch, outHeight, outWidth] } = place;
  for (let out = 0; out < batch * outHeight * outWidth; out++) {
    const [n, row, column] = placeOf(out, [batch, outHeight, outWidth, 1]);
    for (let tap = 0; tap < kernelHeight * kernelWidth; tap++) {
      const y = row * stride - before + Math.floor(tap / kernelWidth);
      const x = column * stride - before + tap % kernelWidth;
      if (y < 0 || y >= height || x < 0 || x >= width) continue;
      const pixel = ((n * height + y) * width + x) * channels;
      for (let c = 0; c < channels; c++) {
        visit(pixel + c, (tap * channels + c) * filters, out * filters);
      }
    }
  }
}
