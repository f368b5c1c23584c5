
@group(0) @binding(0) var<storage, read_write> output: array<vec4<f32>>;

fn outputRead(i: u32) -> vec4<f32> {
  return output[i];
}

fn outputWrite(i: u32, value: vec4<f32>) {
  output[i] = value;
}
@group(0) @binding(1) var left: texture_storage_2d<rgba32float, read>;

fn leftRead(i: u32) -> vec4<f32> {
  return bitcast<vec4<f32>>(textureLoad(left, vec2u(i % 4096u, i / 4096u)));
}
@group(0) @binding(2) var right: texture_storage_2d<rgba32float, read>;

fn rightRead(i: u32) -> vec4<f32> {
  return bitcast<vec4<f32>>(textureLoad(right, vec2u(i % 4096u, i / 4096u)));
}

struct leftP {
  row: u32,
  dy0: i32, dx0: i32, offset0: i32,
}
struct leftS { base: i32, y: i32, x: i32, k: u32 }

fn leftPrepare(i: u32, batch: u32) -> leftP {
  var p: leftP;
  p.row = i;
  {
    let row = i + 0u;
    let tap = row / 96u;
    p.dy0 = i32(tap / 5u);
    p.dx0 = i32(tap % 5u);
    p.offset0 = (p.dy0 * 27 + p.dx0) * 96 + i32(row % 96u);
  }
  return p;
}

fn leftStep(k: u32) -> leftS {
  let image = k / 729u;
  let pixelOfImage = k % 729u;
  let y = i32(pixelOfImage / 27u) * 1 - 2;
  let x = i32(pixelOfImage % 27u) * 1 - 2;
  let base = ((i32(image) * 27 + y) * 27 + x) * 96;
  return leftS(base, y, x, k);
}

fn leftAt(s: leftS, dy: i32, dx: i32) -> bool {
  let y = s.y + dy;
  let x = s.x + dx;
  return (u32(y) < 27u) & (u32(x) < 27u);
}

fn leftLoad(p: leftP, s: leftS) -> vec4f {
  let inside = (s.k < 1458u) & (p.row + 0u < 2400u) & leftAt(s, p.dy0, p.dx0);
  return select(vec4f(), leftRead(select(0u, (u32(s.base + p.offset0)) / 4u, inside)), inside);
}

struct rightP { base: u32, outer: u32 }
struct rightS { offset: u32, k: u32 }

fn rightPrepare(i: u32, batch: u32) -> rightP {
  return rightP(batch * 0u + i, i);
}

fn rightStep(k: u32) -> rightS {
  return rightS(k * 256u, k);
}

fn rightLoad(p: rightP, s: rightS) -> vec4f {
  let inside = (s.k < 1458u) & (p.outer + 0u < 256u);
  return select(vec4f(), rightRead(select(0u, (p.base + s.offset + 0u) / 4u, inside)), inside);
}

fn finish(sum: vec4f, bias: vec4f) -> vec4f {
  let v = sum;
  return v;
}

fn store(z: u32, row: u32, column: u32, values: vec4f) {
  let at = z * 614400u + row * 256u + column;
  if (row < 2400u && column < 256u) {
    outputWrite(at / 4u, values);
  }
}

@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) id: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let index = id.y * 7200u + id.x;
  let group = vec3u(
    index % 8u,
    index / 8u % 300u,
    index / 2400u,
  );
  let batch = group.z / 3u;
  let first = group.z % 3u * 488u;
  let end = min(first + 488u, 1458u);
  let firstRow = group.y * 8u;
  let firstColumn = group.x * 32u + lane * 4u;
  let l0 = leftPrepare(firstRow + 0u + (lane >> 2u) * 4u, batch);
  let r0 = rightPrepare(firstColumn + 0u, batch);
  var c0_0 = vec4f();
  var c1_0 = vec4f();
  var c2_0 = vec4f();
  var c3_0 = vec4f();
  var c4_0 = vec4f();
  var c5_0 = vec4f();
  var c6_0 = vec4f();
  var c7_0 = vec4f();
  for (var k = first; k < end; k = k + 4u) {
    {
    let term = k + 0u;
    let leftAt = leftStep(term + (lane & 3u));
    let a0 = leftLoad(l0, leftAt);
    let rightAt0 = rightStep(term + 0u);
    let b0_0 = rightLoad(r0, rightAt0);
    let rightAt1 = rightStep(term + 1u);
    let b1_0 = rightLoad(r0, rightAt1);
    let rightAt2 = rightStep(term + 2u);
    let b2_0 = rightLoad(r0, rightAt2);
    let rightAt3 = rightStep(term + 3u);
    let b3_0 = rightLoad(r0, rightAt3);
    {
      let a = vec4f(subgroupBroadcast(a0.x, 0u), subgroupBroadcast(a0.x, 1u), subgroupBroadcast(a0.x, 2u), subgroupBroadcast(a0.x, 3u));
      c0_0 = fma(vec4f(a.w), b3_0, fma(vec4f(a.z), b2_0, fma(vec4f(a.y), b1_0, fma(vec4f(a.x), b0_0, c0_0))));
    }
    {
      let a = vec4f(subgroupBroadcast(a0.y, 0u), subgroupBroadcast(a0.y, 1u), subgroupBroadcast(a0.y, 2u), subgroupBroadcast(a0.y, 3u));
      c1_0 = fma(vec4f(a.w), b3_0, fma(vec4f(a.z), b2_0, fma(vec4f(a.y), b1_0, fma(vec4f(a.x), b0_0, c1_0))));
    }
    {
      let a = vec4f(subgroupBroadcast(a0.z, 0u), subgroupBroadcast(a0.z, 1u), subgroupBroadcast(a0.z, 2u), subgroupBroadcast(a0.z, 3u));
      c2_0 = fma(vec4f(a.w), b3_0, fma(vec4f(a.z), b2_0, fma(vec4f(a.y), b1_0, fma(vec4f(a.x), b0_0, c2_0))));
    }
    {
      let a = vec4f(subgroupBroadcast(a0.w, 0u), subgroupBroadcast(a0.w, 1u), subgroupBroadcast(a0.w, 2u), subgroupBroadcast(a0.w, 3u));
      c3_0 = fma(vec4f(a.w), b3_0, fma(vec4f(a.z), b2_0, fma(vec4f(a.y), b1_0, fma(vec4f(a.x), b0_0, c3_0))));
    }
    {
      let a = vec4f(subgroupBroadcast(a0.x, 4u), subgroupBroadcast(a0.x, 5u), subgroupBroadcast(a0.x, 6u), subgroupBroadcast(a0.x, 7u));
      c4_0 = fma(vec4f(a.w), b3_0, fma(vec4f(a.z), b2_0, fma(vec4f(a.y), b1_0, fma(vec4f(a.x), b0_0, c4_0))));
    }
    {
      let a = vec4f(subgroupBroadcast(a0.y, 4u), subgroupBroadcast(a0.y, 5u), subgroupBroadcast(a0.y, 6u), subgroupBroadcast(a0.y, 7u));
      c5_0 = fma(vec4f(a.w), b3_0, fma(vec4f(a.z), b2_0, fma(vec4f(a.y), b1_0, fma(vec4f(a.x), b0_0, c5_0))));
    }
    {
      let a = vec4f(subgroupBroadcast(a0.z, 4u), subgroupBroadcast(a0.z, 5u), subgroupBroadcast(a0.z, 6u), subgroupBroadcast(a0.z, 7u));
      c6_0 = fma(vec4f(a.w), b3_0, fma(vec4f(a.z), b2_0, fma(vec4f(a.y), b1_0, fma(vec4f(a.x), b0_0, c6_0))));
    }
    {
      let a = vec4f(subgroupBroadcast(a0.w, 4u), subgroupBroadcast(a0.w, 5u), subgroupBroadcast(a0.w, 6u), subgroupBroadcast(a0.w, 7u));
      c7_0 = fma(vec4f(a.w), b3_0, fma(vec4f(a.z), b2_0, fma(vec4f(a.y), b1_0, fma(vec4f(a.x), b0_0, c7_0))));
    }
    }
  }

  store(group.z, firstRow + 0u, firstColumn + 0u, finish(c0_0, vec4f()));
  store(group.z, firstRow + 1u, firstColumn + 0u, finish(c1_0, vec4f()));
  store(group.z, firstRow + 2u, firstColumn + 0u, finish(c2_0, vec4f()));
  store(group.z, firstRow + 3u, firstColumn + 0u, finish(c3_0, vec4f()));
  store(group.z, firstRow + 4u, firstColumn + 0u, finish(c4_0, vec4f()));
  store(group.z, firstRow + 5u, firstColumn + 0u, finish(c5_0, vec4f()));
  store(group.z, firstRow + 6u, firstColumn + 0u, finish(c6_0, vec4f()));
  store(group.z, firstRow + 7u, firstColumn + 0u, finish(c7_0, vec4f()));
}
