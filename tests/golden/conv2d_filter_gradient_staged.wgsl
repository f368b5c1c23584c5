
@group(0) @binding(0) var<storage, read_write> output: array<vec4f>;
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
  let place = k % 729u;
  let y = i32(place / 27u) * 1 - 2;
  let x = i32(place % 27u) * 1 - 2;
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
    output[at / 4u] = values;
  }
}

var<workgroup> leftTile: array<f32, 1024>;
var<workgroup> rightTile: array<f32, 1024>;

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

  let leftPlace0 = vec2u((invocation + 0u) % 16u * 4u, (invocation + 0u) / 16u);
  let left0 = leftPrepare(firstRow + leftPlace0.x, batch);

  let rightPlace0 = vec2u((invocation + 0u) % 16u * 4u, (invocation + 0u) / 16u);
  let right0 = rightPrepare(firstColumn + rightPlace0.x, batch);
  var sums: array<array<f32, 4>, 4>;
  for (var k = first; k < end; k = k + 16u) {
    {
      let v = leftLoad(left0, leftStep(k + leftPlace0.y));
      leftTile[leftPlace0.y * 64u + leftPlace0.x + 0u] = v[0];
      leftTile[leftPlace0.y * 64u + leftPlace0.x + 1u] = v[1];
      leftTile[leftPlace0.y * 64u + leftPlace0.x + 2u] = v[2];
      leftTile[leftPlace0.y * 64u + leftPlace0.x + 3u] = v[3];
    }
    {
      let v = rightLoad(right0, rightStep(k + rightPlace0.y));
      rightTile[rightPlace0.y * 64u + rightPlace0.x + 0u] = v[0];
      rightTile[rightPlace0.y * 64u + rightPlace0.x + 1u] = v[1];
      rightTile[rightPlace0.y * 64u + rightPlace0.x + 2u] = v[2];
      rightTile[rightPlace0.y * 64u + rightPlace0.x + 3u] = v[3];
    }
    workgroupBarrier();
    for (var kk = 0u; kk < 16u; kk = kk + 1u) {
      let b0 = rightTile[kk * 64u + local.x * 4u + 0u];
      let b1 = rightTile[kk * 64u + local.x * 4u + 1u];
      let b2 = rightTile[kk * 64u + local.x * 4u + 2u];
      let b3 = rightTile[kk * 64u + local.x * 4u + 3u];
      let a0 = leftTile[kk * 64u + local.y * 4u + 0u];
      sums[0][0] = fma(a0, b0, sums[0][0]);
      sums[0][1] = fma(a0, b1, sums[0][1]);
      sums[0][2] = fma(a0, b2, sums[0][2]);
      sums[0][3] = fma(a0, b3, sums[0][3]);
      let a1 = leftTile[kk * 64u + local.y * 4u + 1u];
      sums[1][0] = fma(a1, b0, sums[1][0]);
      sums[1][1] = fma(a1, b1, sums[1][1]);
      sums[1][2] = fma(a1, b2, sums[1][2]);
      sums[1][3] = fma(a1, b3, sums[1][3]);
      let a2 = leftTile[kk * 64u + local.y * 4u + 2u];
      sums[2][0] = fma(a2, b0, sums[2][0]);
      sums[2][1] = fma(a2, b1, sums[2][1]);
      sums[2][2] = fma(a2, b2, sums[2][2]);
      sums[2][3] = fma(a2, b3, sums[2][3]);
      let a3 = leftTile[kk * 64u + local.y * 4u + 3u];
      sums[3][0] = fma(a3, b0, sums[3][0]);
      sums[3][1] = fma(a3, b1, sums[3][1]);
      sums[3][2] = fma(a3, b2, sums[3][2]);
      sums[3][3] = fma(a3, b3, sums[3][3]);
    }
    workgroupBarrier();
  }
  let row = firstRow + local.y * 4u;
  let column = firstColumn + local.x * 4u;

  store(group.z, row + 0u, column + 0u, finish(vec4f(sums[0][0], sums[0][1], sums[0][2], sums[0][3]), vec4f()));
  store(group.z, row + 1u, column + 0u, finish(vec4f(sums[1][0], sums[1][1], sums[1][2], sums[1][3]), vec4f()));
  store(group.z, row + 2u, column + 0u, finish(vec4f(sums[2][0], sums[2][1], sums[2][2], sums[2][3]), vec4f()));
  store(group.z, row + 3u, column + 0u, finish(vec4f(sums[3][0], sums[3][1], sums[3][2], sums[3][3]), vec4f()));
}
