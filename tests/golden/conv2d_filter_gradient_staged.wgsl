
@group(0) @binding(0) var<storage, read_write> output: array<vec4<f32>>;

fn outputRead(i: u32) -> vec4<f32> {
  return output[i];
}

fn outputWrite(i: u32, value: vec4<f32>) {
  output[i] = value;
}
@group(0) @binding(1) var<storage, read> left: array<vec4<f32>>;

fn leftRead(i: u32) -> vec4<f32> {
  return left[i];
}
@group(0) @binding(2) var<storage, read> right: array<vec4<f32>>;

fn rightRead(i: u32) -> vec4<f32> {
  return right[i];
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

var<workgroup> leftTile: array<vec4f, 256>;
var<workgroup> rightTile: array<vec4f, 256>;

@compute @workgroup_size(16, 16)
fn main(
  @builtin(workgroup_id) id: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) invocation: u32,
) {
  let index = id.y * 456u + id.x;
  let group = vec3u(
    index % 4u,
    index / 4u % 38u,
    index / 152u,
  );
  let batch = group.z / 3u;
  let first = group.z % 3u * 496u;
  let end = min(first + 496u, 1458u);
  let firstRow = group.y * 64u;
  let firstColumn = group.x * 64u;

  let leftPosition0 = vec2u((invocation + 0u) % 16u * 4u, (invocation + 0u) / 16u);
  let left0 = leftPrepare(firstRow + leftPosition0.x, batch);

  let rightPosition0 = vec2u((invocation + 0u) % 16u * 4u, (invocation + 0u) / 16u);
  let right0 = rightPrepare(firstColumn + rightPosition0.x, batch);
  var c0_0 = vec4f();
  var c1_0 = vec4f();
  var c2_0 = vec4f();
  var c3_0 = vec4f();
  for (var k = first; k < end; k = k + 16u) {
    leftTile[leftPosition0.y * 16u + leftPosition0.x / 4u] = leftLoad(left0, leftStep(k + leftPosition0.y));
    rightTile[rightPosition0.y * 16u + rightPosition0.x / 4u] = rightLoad(right0, rightStep(k + rightPosition0.y));
    workgroupBarrier();
    for (var kk = 0u; kk < 4u; kk = kk + 1u) {
      let left0_0 = leftTile[(kk * 4u + 0u) * 16u + local.y * 1u + 0u];
      let left1_0 = leftTile[(kk * 4u + 1u) * 16u + local.y * 1u + 0u];
      let left2_0 = leftTile[(kk * 4u + 2u) * 16u + local.y * 1u + 0u];
      let left3_0 = leftTile[(kk * 4u + 3u) * 16u + local.y * 1u + 0u];
      let right0_0 = rightTile[(kk * 4u + 0u) * 16u + local.x * 1u + 0u];
      let right1_0 = rightTile[(kk * 4u + 1u) * 16u + local.x * 1u + 0u];
      let right2_0 = rightTile[(kk * 4u + 2u) * 16u + local.x * 1u + 0u];
      let right3_0 = rightTile[(kk * 4u + 3u) * 16u + local.x * 1u + 0u];
      let b0_0 = right0_0;
      let b1_0 = right1_0;
      let b2_0 = right2_0;
      let b3_0 = right3_0;
    {
      let a = vec4f(left0_0.x, left1_0.x, left2_0.x, left3_0.x);
      c0_0 = fma(vec4f(a.w), b3_0, fma(vec4f(a.z), b2_0, fma(vec4f(a.y), b1_0, fma(vec4f(a.x), b0_0, c0_0))));
    }
    {
      let a = vec4f(left0_0.y, left1_0.y, left2_0.y, left3_0.y);
      c1_0 = fma(vec4f(a.w), b3_0, fma(vec4f(a.z), b2_0, fma(vec4f(a.y), b1_0, fma(vec4f(a.x), b0_0, c1_0))));
    }
    {
      let a = vec4f(left0_0.z, left1_0.z, left2_0.z, left3_0.z);
      c2_0 = fma(vec4f(a.w), b3_0, fma(vec4f(a.z), b2_0, fma(vec4f(a.y), b1_0, fma(vec4f(a.x), b0_0, c2_0))));
    }
    {
      let a = vec4f(left0_0.w, left1_0.w, left2_0.w, left3_0.w);
      c3_0 = fma(vec4f(a.w), b3_0, fma(vec4f(a.z), b2_0, fma(vec4f(a.y), b1_0, fma(vec4f(a.x), b0_0, c3_0))));
    }
    }
    workgroupBarrier();
  }
  let row = firstRow + local.y * 4u;
  let column = firstColumn + local.x * 4u;

  store(group.z, row + 0u, column + 0u, finish(c0_0, vec4f()));
  store(group.z, row + 1u, column + 0u, finish(c1_0, vec4f()));
  store(group.z, row + 2u, column + 0u, finish(c2_0, vec4f()));
  store(group.z, row + 3u, column + 0u, finish(c3_0, vec4f()));
}
