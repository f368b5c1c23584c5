
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

struct leftP { base: i32, y: i32, x: i32 }
struct leftS {
  k: u32,
  dy0: i32, dx0: i32, c0: i32,
}

fn leftStep(k: u32) -> leftS {
  var s: leftS;
  s.k = k;
  {
    let tap = (k + 0u) / 96u;
    s.dy0 = i32(tap / 5u);
    s.dx0 = i32(tap % 5u);
    s.c0 = i32((k + 0u) % 96u);
  }
  return s;
}

fn leftPrepare(i: u32, batch: u32) -> leftP {
  let pixel = min(i, 1457u);
  let image = pixel / 729u;
  let pixelOfImage = pixel % 729u;
  let y = i32(pixelOfImage / 27u) * 1 - 2;
  let x = i32(pixelOfImage % 27u) * 1 - 2;
  let base = (i32(image) * 27 + y) * 27 + x;
  return leftP(base * 96, y, x);
}

fn leftAt(p: leftP, dy: i32, dx: i32) -> bool {
  let y = p.y + dy;
  let x = p.x + dx;
  return (u32(y) < 27u) & (u32(x) < 27u);
}

fn leftLoad(p: leftP, s: leftS) -> vec4f {
  let inside = (s.k + 0u < 2400u) & leftAt(p, s.dy0, s.dx0);
  return select(vec4f(), leftRead(select(0u, (u32(p.base + (s.dy0 * 27 + s.dx0) * 96 + s.c0)) / 4u, inside)), inside);
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
  let inside = (s.k < 2400u) & (p.outer + 0u < 256u);
  return select(vec4f(), rightRead(select(0u, (p.base + s.offset + 0u) / 4u, inside)), inside);
}
@group(0) @binding(3) var<storage, read> biases: array<f32>;

fn finish(sum: vec4f, bias: vec4f) -> vec4f {
  let v = sum + bias;
  return select(v, vec4f(), v < vec4f());
}

fn biasAt(channel: u32) -> vec4f {
  return vec4f(
    biases[min(channel + 0u, 255u)],
    biases[min(channel + 1u, 255u)],
    biases[min(channel + 2u, 255u)],
    biases[min(channel + 3u, 255u)],
  );
}

fn store(z: u32, row: u32, column: u32, values: vec4f) {
  let at = z * 373248u + row * 256u + column;
  if (row < 1458u && column < 256u) {
    outputWrite(at / 4u, values);
  }
}

@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) id: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let index = id.y * 1464u + id.x;
  let group = vec3u(
    index % 8u,
    index / 8u % 183u,
    index / 1464u,
  );
  let batch = group.z / 1u;
  let first = group.z % 1u * 2400u;
  let end = min(first + 2400u, 2400u);
  let firstRow = group.y * 8u;
  let firstColumn = group.x * 32u + lane * 4u;
  let l0 = leftPrepare(firstRow + 0u + lane, batch);
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
    let leftAt = leftStep(term);
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
      let a = subgroupBroadcast(a0, 0u);
      c0_0 = fma(vec4f(a.w), b3_0, fma(vec4f(a.z), b2_0, fma(vec4f(a.y), b1_0, fma(vec4f(a.x), b0_0, c0_0))));
    }
    {
      let a = subgroupBroadcast(a0, 1u);
      c1_0 = fma(vec4f(a.w), b3_0, fma(vec4f(a.z), b2_0, fma(vec4f(a.y), b1_0, fma(vec4f(a.x), b0_0, c1_0))));
    }
    {
      let a = subgroupBroadcast(a0, 2u);
      c2_0 = fma(vec4f(a.w), b3_0, fma(vec4f(a.z), b2_0, fma(vec4f(a.y), b1_0, fma(vec4f(a.x), b0_0, c2_0))));
    }
    {
      let a = subgroupBroadcast(a0, 3u);
      c3_0 = fma(vec4f(a.w), b3_0, fma(vec4f(a.z), b2_0, fma(vec4f(a.y), b1_0, fma(vec4f(a.x), b0_0, c3_0))));
    }
    {
      let a = subgroupBroadcast(a0, 4u);
      c4_0 = fma(vec4f(a.w), b3_0, fma(vec4f(a.z), b2_0, fma(vec4f(a.y), b1_0, fma(vec4f(a.x), b0_0, c4_0))));
    }
    {
      let a = subgroupBroadcast(a0, 5u);
      c5_0 = fma(vec4f(a.w), b3_0, fma(vec4f(a.z), b2_0, fma(vec4f(a.y), b1_0, fma(vec4f(a.x), b0_0, c5_0))));
    }
    {
      let a = subgroupBroadcast(a0, 6u);
      c6_0 = fma(vec4f(a.w), b3_0, fma(vec4f(a.z), b2_0, fma(vec4f(a.y), b1_0, fma(vec4f(a.x), b0_0, c6_0))));
    }
    {
      let a = subgroupBroadcast(a0, 7u);
      c7_0 = fma(vec4f(a.w), b3_0, fma(vec4f(a.z), b2_0, fma(vec4f(a.y), b1_0, fma(vec4f(a.x), b0_0, c7_0))));
    }
    }
  }
  let bias0 = biasAt(firstColumn + 0u);
  store(group.z, firstRow + 0u, firstColumn + 0u, finish(c0_0, bias0));
  store(group.z, firstRow + 1u, firstColumn + 0u, finish(c1_0, bias0));
  store(group.z, firstRow + 2u, firstColumn + 0u, finish(c2_0, bias0));
  store(group.z, firstRow + 3u, firstColumn + 0u, finish(c3_0, bias0));
  store(group.z, firstRow + 4u, firstColumn + 0u, finish(c4_0, bias0));
  store(group.z, firstRow + 5u, firstColumn + 0u, finish(c5_0, bias0));
  store(group.z, firstRow + 6u, firstColumn + 0u, finish(c6_0, bias0));
  store(group.z, firstRow + 7u, firstColumn + 0u, finish(c7_0, bias0));
}
