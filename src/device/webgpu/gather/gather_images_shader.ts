/**
 * The shader that makes a batch of images of images of bytes.
 *
 * An invocation makes four neighbouring values of several rows: where their columns come from is worked out once, and what is
 * read of a row of bytes is used for all rows of the output that lie between it and the next. That is much less reading where
 * images become larger, and neighbouring invocations write side by side.
 *
 * @module
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
  const before = new WindowSnippets(s.before, { word: 1, width: stored.width });
  const after = new WindowSnippets(s.after, {
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
${after.lookThrough(`vec4i(value / ${channels}u)`, "column", "across")}
${columns}
  for (var y = firstLine; y < min(firstLine + ${ROWS}u, ${output.height}u); y++) {
    var bytes = vec4f(${after.fill});
${after.lookThrough("i32(y)", "line", "down")}
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

/** Declares where the columns come from, once, and `seen`, what is at a line. */
interface Lines {
  readonly columns: string;
  readonly row: string;
}

function plain(s: GatherSizes, before: WindowSnippets): Lines {
  return {
    columns: `${before.lookThrough("column", "left", "across")}
  let leftAt = vec4u(left) * ${s.channels}u + channel;`,
    row: `      var seen = vec4f();
${readRow("seen", "line", { s, before })}`,
  };
}

/** Keeps the two rows that the line lies between. */
function blended(s: GatherSizes, before: WindowSnippets): Lines {
  const { viewed, resized, channels } = s;
  const across = [viewed.width, resized.width] as const;
  const down = [viewed.height, resized.height] as const;
  return {
    columns: `${neighbours("x", "column", { type: "vec4i", sizes: across })}
${before.lookThrough("x0", "left", "across")}
${before.lookThrough("x1", "right", "across")}
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
${before.lookThrough(y, "source", "down")}
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

/** What becomes of four bytes: scaled, and normalized for their channels. */
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

/** Writes what a window shows. */
export class WindowSnippets {
  readonly #fill: number | undefined;
  readonly #word: number;
  readonly #width: number;

  /** Describes the window. */
  constructor(
    window: WindowFill | undefined,
    { word, width }: { word: number; width: number },
  ) {
    this.#fill = window?.fill;
    this.#word = word;
    this.#width = width;
  }

  /**
   * Declares what is seen at four columns, or at a row, of the window: `<name>`, and whether there is anything, `<name>IsInside`.
   */
  lookThrough(of: string, name: string, along: "across" | "down"): string {
    const isAcross = along === "across";
    if (this.#fill === undefined) {
      return `  let ${name} = ${of};
  let ${name}IsInside = ${isAcross ? "vec4<bool>(true)" : "true"};`;
    }
    const word = (i: number) => `rows[entry + ${this.#word + i}u]`;
    return isAcross
      ? `  let ${name}Seen = ${word(1)} + ${word(0)} * ${of};
  let ${name}IsInside = (${name}Seen >= vec4i(${
        word(3)
      })) & (${name}Seen < vec4i(${word(4)}));
  let ${name} = clamp(${name}Seen, vec4i(0), vec4i(${this.#width - 1}));`
      : `  let ${name} = ${word(2)} + ${of};
  let ${name}IsInside = ${name} >= ${word(5)} && ${name} < ${word(6)};`;
  }

  /** Where it shows nothing. */
  get fill(): string {
    return floatOf(this.#fill ?? 0);
  }
}

/** Writes a number. */
export function floatOf(value: number): string {
  return `f32(${Math.fround(value)})`;
}
