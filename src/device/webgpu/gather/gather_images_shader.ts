/**
 * The shader that makes a batch of images from images of bytes.
 *
 * An invocation makes four neighbouring values of several rows. It works out once which columns they come from, and reads a row
 * of bytes once for all rows of the output that lie between it and the next: where images become larger, that is much less
 * reading. Neighbouring invocations write side by side.
 */

import {
  type GatherSizes,
  WINDOW_WORDS,
  type WindowFill,
  wordsPerImage,
} from "../../sizes.ts";
import { gridOf, indexOf, range, type Shader } from "../wgsl/wgsl.ts";

/** Rows of the output that an invocation makes. */
const ROWS = 16;

/** Writes the shader. Bindings: the output, the images, and which images and windows. */
export function gatherShader(batch: number, sizes: GatherSizes): Shader {
  return isCopy(sizes) ? copyShader(batch, sizes) : shader(batch, sizes);
}

/** Whether four bytes of a word become four neighbours of the output. */
function isCopy(s: GatherSizes): boolean {
  const { stored, channels } = s;
  return !s.before && !s.after && !isResized(s) &&
    stored.height * stored.width * channels % 4 === 0 &&
    s.mean.length === 1 && s.std.length === 1;
}

/** One invocation per four values. */
function copyShader(batch: number, s: GatherSizes): Shader {
  const words = s.stored.height * s.stored.width * s.channels / 4;
  const workgroups = gridOf(batch * words);
  return {
    code: `
@group(0) @binding(0) var<storage, read_write> output: array<vec4f>;
${inputs()}

${indexOf(batch * words, workgroups)}
  let image = u32(rows[i / ${words}u]);
  let word = pixels[image * ${words}u + i % ${words}u];
  let bytes = vec4f(unpack4xU8(word));
  output[i] = ${valuesOf("bytes", s)};
}
`,
    workgroups,
  };
}

function shader(batch: number, s: GatherSizes): Shader {
  const { stored, resized, output, channels } = s;
  const rowLength = output.width * channels;
  const strips = Math.ceil(rowLength / 4);
  const blocks = Math.ceil(output.height / ROWS);
  const workgroups = gridOf(batch * strips * blocks);
  const before = windowOf(s.before, { word: 1, width: stored.width });
  const after = windowOf(s.after, {
    word: s.before ? 1 + WINDOW_WORDS : 1,
    width: resized.width,
  });
  const { columns, row } = isResized(s) ? blended(s, before) : plain(s, before);
  return {
    code: `
@group(0) @binding(0) var<storage, read_write> output: array<${
      rowLength % 4 === 0 ? "vec4f" : "f32"
    }>;
${inputs()}

/** The bytes at four places of a row. */
fn bytesAt(row: u32, columns: vec4u) -> vec4f {
  let at = row + columns;
  let words = vec4u(pixels[at.x / 4u], pixels[at.y / 4u], pixels[at.z / 4u], pixels[at.w / 4u]);
  return vec4f((words >> (at % 4u * 8u)) & vec4u(255u));
}

${indexOf(batch * strips * blocks, workgroups)}
  let strip = i % ${strips}u;
  let firstLine = i / ${strips}u % ${blocks}u * ${ROWS}u;
  let image = i / ${strips * blocks}u;
  let entry = image * ${wordsPerImage(s)}u;
  let base = u32(rows[entry]) * ${stored.height * stored.width * channels}u;
  let value = min(4u * strip + vec4u(0u, 1u, 2u, 3u), vec4u(${rowLength - 1}u));
  let channel = value % ${channels}u;
${after.across(`vec4i(value / ${channels}u)`, "column")}
${columns}
  for (var y = firstLine; y < min(firstLine + ${ROWS}u, ${output.height}u); y++) {
    var bytes = vec4f(${after.fill});
${after.down("i32(y)", "line")}
    if (lineIsInside) {
${row}
      bytes = select(bytes, seen, columnIsInside);
    }
    let result = ${valuesOf("bytes", s)};
    let at = (image * ${output.height}u + y) * ${rowLength}u + 4u * strip;
${store(rowLength)}
  }
}
`,
    workgroups,
  };
}

interface Lines {
  /** Declares once where the columns come from. */
  readonly columns: string;
  /** Declares `seen`: what is at a line. */
  readonly row: string;
}

function plain(s: GatherSizes, before: WindowSnippets): Lines {
  return {
    columns: `${before.across("column", "left")}
  let leftAt = vec4u(left) * ${s.channels}u + channel;`,
    row: `      var seen = vec4f();
${readRow("seen", "line", { s, before })}`,
  };
}

/** Resizes: keeps the two rows that the line lies between. */
function blended(s: GatherSizes, before: WindowSnippets): Lines {
  const { viewed, resized, channels } = s;
  const across = [viewed.width, resized.width] as const;
  const down = [viewed.height, resized.height] as const;
  return {
    columns: `${neighbours("x", "column", { type: "vec4i", sizes: across })}
${before.across("x0", "left")}
${before.across("x1", "right")}
  let leftAt = vec4u(left) * ${channels}u + channel;
  let rightAt = vec4u(right) * ${channels}u + channel;
  var top = vec4f();
  var bottom = vec4f();
  var current = -1;`,
    row: `${neighbours("y", "line", { type: "i32", sizes: down })}
      if (y0 != current) {
        if (current >= 0 && y0 == current + 1) {
          top = bottom;
        } else {
${readRow("top", "y0", { s, before })}
        }
${readRow("bottom", "y1", { s, before })}
        current = y0;
      }
      let seen = top + shareY * (bottom - top);`,
  };
}

/** Sets `target` to what is seen of a row, at the columns of the invocation. */
function readRow(
  target: string,
  y: string,
  { s, before }: { s: GatherSizes; before: WindowSnippets },
): string {
  const fill = `vec4f(${before.fill})`;
  return `        {
${before.down(y, "source")}
          ${target} = ${fill};
          if (sourceIsInside) {
            let row = base + u32(source) * ${s.stored.width * s.channels}u;
            let a = select(${fill}, bytesAt(row, leftAt), leftIsInside);
${
    isResized(s)
      ? `            let b = select(${fill}, bytesAt(row, rightAt), rightIsInside);
            ${target} = a + shareX * (b - a);`
      : `            ${target} = a;`
  }
          }
        }`;
}

/** Declares the two neighbours along an axis, for example `y0` and `y1`, and the share of the second, `shareY`. */
function neighbours(
  axis: "x" | "y",
  of: string,
  { type, sizes: [inSize, outSize] }: {
    type: "i32" | "vec4i";
    sizes: readonly [number, number];
  },
): string {
  const whole = 2 * outSize;
  const float = type === "i32" ? "f32" : "vec4f";
  return `  let ${axis}Place = max((2 * ${of} + 1) * ${inSize} - ${outSize}, ${type}(0));
  let ${axis}0 = ${axis}Place / ${whole};
  let ${axis}1 = min(${axis}0 + 1, ${type}(${inSize - 1}));
  let share${axis.toUpperCase()} = ${float}(${axis}Place % ${whole}) / ${whole}.0;`;
}

function inputs(): string {
  return `@group(0) @binding(1) var<storage, read> pixels: array<u32>;
@group(0) @binding(2) var<storage, read> rows: array<i32>;`;
}

/** Stores `result` at `at`, or as much of it as belongs to the row. */
function store(rowLength: number): string {
  if (rowLength % 4 === 0) return "    output[at / 4u] = result;";
  return range(4).map((j) =>
    `    if (4u * strip + ${j}u < ${rowLength}u) {
      output[at + ${j}u] = result[${j}];
    }`
  ).join("\n");
}

/** Scales four bytes, and normalizes them for their channels. */
function valuesOf(bytes: string, { divisor, mean, std }: GatherSizes): string {
  const scaled = divisor === 1 ? bytes : `${bytes} / ${divisor}.0`;
  const isPlain = mean.every((m) => m === 0) && std.every((s) => s === 1);
  return isPlain
    ? scaled
    : `(${scaled} - ${perChannel(mean)}) / ${perChannel(std)}`;
}

function perChannel(values: readonly number[]): string {
  return values.slice(1).reduce(
    (chosen, value, i) =>
      `select(${chosen}, vec4f(${floatOf(value)}), channel == vec4u(${
        i + 1
      }u))`,
    `vec4f(${floatOf(values[0])})`,
  );
}

function isResized({ viewed, resized }: GatherSizes): boolean {
  return viewed.height !== resized.height || viewed.width !== resized.width;
}

/** A window over images, in WGSL. */
interface WindowSnippets {
  /** What it shows where there is nothing. */
  readonly fill: string;
  /** Declares what is seen at four columns of the window, `<name>`, and whether that is in the image, `<name>IsInside`. */
  across(columns: string, name: string): string;
  /** The same for a row. */
  down(row: string, name: string): string;
}

/** Writes a window whose numbers begin at a word of an image's entry, over images of a width. */
function windowOf(
  window: WindowFill | undefined,
  { word: first, width }: { word: number; width: number },
): WindowSnippets {
  if (window === undefined) {
    return {
      fill: floatOf(0),
      across: (columns, name) =>
        `  let ${name} = ${columns};
  let ${name}IsInside = vec4<bool>(true);`,
      down: (row, name) =>
        `  let ${name} = ${row};
  let ${name}IsInside = true;`,
    };
  }
  const word = (i: number) => `rows[entry + ${first + i}u]`;
  return {
    fill: floatOf(window.fill),
    across: (columns, name) =>
      `  let ${name}Seen = ${word(1)} + ${word(0)} * ${columns};
  let ${name}IsInside = (${name}Seen >= vec4i(${
        word(3)
      })) & (${name}Seen < vec4i(${word(4)}));
  let ${name} = clamp(${name}Seen, vec4i(0), vec4i(${width - 1}));`,
    down: (row, name) =>
      `  let ${name} = ${word(2)} + ${row};
  let ${name}IsInside = ${name} >= ${word(5)} && ${name} < ${word(6)};`,
  };
}

function floatOf(value: number): string {
  return `f32(${Math.fround(value)})`;
}
