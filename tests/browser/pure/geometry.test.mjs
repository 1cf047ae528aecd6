import assert from "node:assert/strict";
import { test } from "node:test";
import * as geometry from "../../../proxy/web/static/geometry.js";

const hall = (racks, each) =>
  geometry.racksOf(
    Array.from({ length: racks * each }, (_, i) => [`r${Math.floor(i / each) + 1}`, String((i % each) + 1)]),
  );

test("racks and machines lie in natural order", () => {
  const racks = geometry.racksOf([["r10", "1"], ["r2", "10"], ["r2", "9"]]);
  assert.deepEqual(racks, [
    { name: "r2", machines: [2, 1] },
    { name: "r10", machines: [0] },
  ]);
});

test("a rack has no half-empty last row where its number allows it", () => {
  assert.equal(60 % geometry.acrossOf(60), 0);
  assert.equal(geometry.acrossOf(100), 10);
  assert.equal(geometry.acrossOf(3), 3);
});

for (const [racks, each, width] of [[1, 1, 340], [4, 60, 340], [20, 60, 1400], [334, 60, 1500], [700, 30, 2400]]) {
  test(`${racks * each} machines on ${width} px: each cell is its own, and within`, () => {
    const map = geometry.layout(hall(racks, each), width, 640);
    const places = new Set();
    for (let machine = 0; machine < racks * each; machine++) {
      places.add(`${map.xs[machine]} ${map.ys[machine]}`);
      assert.ok(map.xs[machine] + map.cell <= width + map.cell);
      assert.ok(map.ys[machine] + map.cell <= map.height + 0.5);
      assert.equal(geometry.hit(map, map.xs[machine] + 1, map.ys[machine] + 1), machine);
      if (machine > 300) break;
    }
    assert.equal(map.order.length, racks * each);
  });
}

test("keys move by a cell, by a row, by a rack, and stay at an edge", () => {
  const map = geometry.layout(hall(4, 60), 1400, 640);
  assert.equal(geometry.moved(map, -1, "ArrowRight"), 0);
  assert.equal(geometry.moved(map, 0, "ArrowRight"), 1);
  assert.equal(geometry.moved(map, 0, "ArrowLeft"), 0);
  assert.equal(geometry.moved(map, 0, "ArrowDown"), map.across);
  assert.equal(geometry.moved(map, map.across, "ArrowUp"), 0);
  assert.equal(geometry.moved(map, 5, "PageDown"), 60);
  assert.equal(geometry.moved(map, 130, "PageUp"), 60);
  assert.equal(geometry.moved(map, 239, "End"), 239);
  assert.equal(geometry.moved(map, 7, "x"), 7);
});

test("a frame holds the cells whose middle is in it, from whichever corner it is drawn", () => {
  const map = geometry.layout(hall(4, 60), 1400, 640);
  const all = geometry.within(map, 0, 0, map.width, map.height);
  assert.equal(all.length, 240);
  const [x, y] = [map.xs[0] + 1, map.ys[0] + 1];
  assert.deepEqual(geometry.within(map, x + map.cell, y + map.cell / 2, x, y), [0]);
});

test("base64 becomes bytes", () => {
  assert.deepEqual([...geometry.decode("AAH/")], [0, 1, 255]);
});
