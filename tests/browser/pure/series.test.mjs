import assert from "node:assert/strict";
import { test } from "node:test";
import * as series from "../../../proxy/web/static/series.js";

test("what the server kept takes the place of what came, and later rows stay", () => {
  const names = ["at", "power"];
  const came = { at: [1.2, 2.2, 3.2, 4.2], power: [1, 2, 3, 4] };
  const kept = { at: [2, 3], power: [20, null] };
  assert.deepEqual(series.spliced(came, kept, names, 10), { at: [1.2, 2, 3, 4.2], power: [1, 20, null, 4] });
  assert.deepEqual(series.spliced(came, kept, names, 2), { at: [3, 4.2], power: [null, 4] });
  assert.deepEqual(series.spliced({ at: [], power: [] }, kept, names, 10), kept);
  assert.deepEqual(series.spliced(came, { at: [], power: [] }, names, 10), came);
});

test("what was before the record is no gap of it", () => {
  const columns = { at: [1, 2, 3, 4], power: [null, null, 30, null], hash: [null, 2, null, null] };
  assert.deepEqual(series.trimmed(columns), { at: [2, 3], power: [null, 30], hash: [2, null] });
  assert.deepEqual(series.trimmed({ at: [1], power: [null] }), { at: [], power: [] });
});

test("the range is the smallest that reaches a moment", () => {
  const now = 1e9;
  assert.equal(series.reaching(now - 60, now), "600");
  assert.equal(series.reaching(now - 3000, now), "3600");
  assert.equal(series.reaching(now - 80_000, now), "86400");
  assert.equal(series.reaching(now - 1e8, now), "3024000");
});

test("marks near each other are one, of the gravest kind; others are left out", () => {
  const mark = (at, kind) => ({ at, kind, text: "" });
  const groups = series.grouped([mark(5, "order"), mark(100, "order"), mark(101, "alarm"), mark(102, "action"), mark(150, "order"), mark(999, "order")], 100, 200, 1000, 20);
  assert.deepEqual(groups.map(({ x, kind, marks }) => [x, kind, marks.length]), [[0, "alarm", 3], [500, "order", 1]]);
});

test("a part of no shares is not known, and is no zero", () => {
  const columns = { at: [1, 2, 3], accepted: [99, 0, null], rejected: [1, 0, null], lost: [0, 0, null] };
  assert.deepEqual(series.partOf(columns, "rejected"), [1, null, null]);
});
