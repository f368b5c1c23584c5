/** Tests of what the lines of operands and results become. */

import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  completeShader,
  declareOperand,
  declareResult,
} from "../../../../src/device/webgpu/wgsl/operand.ts";

const CODE = `
${declareResult("output", { binding: 0, width: 4 })}
  ${declareOperand("wide", { binding: 1, width: 4, source: "textures" })}
${declareOperand("narrow", { binding: 2, width: 1, source: "textures" })}
${declareOperand("plain", { binding: 3, width: 4, source: "buffers" })}
${
  declareOperand("places", {
    binding: 4,
    width: 4,
    source: "textures",
    type: "i32",
  })
}
fn other() {}
`;

Deno.test("completeShader() declares float32 without the extension", () => {
  const { code, textures } = completeShader(CODE, 0);
  assertEquals(textures, { 1: 4, 2: 1, 4: 4 });
  assert(!code.includes("#") && !code.includes("f16"), code);
  assertStringIncludes(
    code,
    "var<storage, read_write> output: array<vec4<f32>>;",
  );
  assertStringIncludes(
    code,
    "var wide: texture_storage_2d<rgba32float, read>;",
  );
  assertStringIncludes(code, "var narrow: texture_storage_2d<r32float, read>;");
  assertStringIncludes(code, "fn placesRead(i: u32) -> vec4<i32> {");
  assertStringIncludes(code, "fn other() {}");
});

Deno.test("completeShader() declares float16 binding by binding", () => {
  const { code, textures } = completeShader(CODE, 0b1011);
  assert(code.startsWith("enable f16;\n"), code);
  assertEquals(textures, { 1: 4, 2: 1, 4: 4 });
  assertStringIncludes(
    code,
    "var<storage, read_write> output: array<vec4<f16>>;",
  );
  assertStringIncludes(
    code,
    "var wide: texture_storage_2d<rgba16float, read>;",
  );
  assertStringIncludes(code, "var narrow: texture_storage_2d<r32float, read>;");
  assertStringIncludes(code, "var<storage, read> plain: array<vec4<f16>>;");
});

Deno.test("completeShader() reads single numbers of float16 from a buffer", () => {
  const { code, textures } = completeShader(CODE, 0b100);
  assertEquals(textures, { 1: 4, 4: 4 });
  assertStringIncludes(code, "var<storage, read> narrow: array<f16>;");
});

Deno.test("completeShader() refuses float16 where nothing declares it", () => {
  assertThrows(() => completeShader(CODE, 1 << 5), Error, "float16");
});
