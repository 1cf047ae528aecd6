import assert from "node:assert/strict";
import { test } from "node:test";
import * as modes from "../../../proxy/web/static/modes.js";

const byte = (state, level) => state | (level << 3);

test("a byte's low bits are the state, its high bits the rate", () => {
  const cells = Uint8Array.of(byte(1, 20), byte(3, 0), byte(0, 31));
  const shown = modes.byState(["absent", "hashing", "silent", "parked"], cells);
  assert.deepEqual([...shown.looks], [1, 3, 0]);
  assert.equal(shown.legend[1].title, "at work");
  assert.deepEqual([modes.rateOf(cells[0]), modes.rateOf(cells[1]), modes.rateOf(cells[2])], [1, 0, null]);
});

test("a state that this page does not know is shown by its name", () => {
  const [look] = modes.byState(["flooded"], Uint8Array.of(0)).legend;
  assert.equal(look.title, "flooded");
});

const STATES = ["absent", "hashing", "silent", "parked"];
const titlesOf = (shown) => [...shown.looks].map((look) => shown.legend[look].title);

test("rates below, at and above what is expected look different; unknown is no rate", () => {
  const cells = Uint8Array.of(byte(1, 0), byte(1, 14), byte(1, 20), byte(1, 26), byte(1, 31));
  assert.deepEqual(titlesOf(modes.byScale("rate", STATES, cells, null)), ["no hashes", "50 to 79 %", "as expected", "above", "not known"]);
});

test("who rests or is not there has no fault in any mode", () => {
  const cells = Uint8Array.of(byte(3, 0), byte(0, 31), byte(1, 20));
  for (const mode of ["rate", "age", "temperature", "efficiency"])
    assert.deepEqual(titlesOf(modes.byScale(mode, STATES, cells, Uint8Array.of(254, 254, 255))).slice(0, 2), ["at rest", "not there"]);
});

test("bytes that have not come are not known", () => {
  const cells = Uint8Array.of(byte(1, 20), byte(1, 20));
  assert.deepEqual(titlesOf(modes.byScale("age", STATES, cells, null)), ["not known", "not known"]);
  assert.deepEqual(titlesOf(modes.byScale("age", STATES, cells, Uint8Array.of(64))), ["within 1 min", "not known"]);
});

test("each byte of a mode has a look, and no two looks of a legend one mark", () => {
  const cells = new Uint8Array(256).fill(byte(1, 20));
  const bytes = Uint8Array.from({ length: 256 }, (_, at) => at);
  for (const mode of ["age", "temperature", "efficiency"]) {
    const { legend, looks } = modes.byScale(mode, STATES, cells, bytes);
    assert.ok(looks.every((look) => look < legend.length), mode);
    assert.equal(new Set(legend.map(({ mark }) => mark)).size, legend.length, mode);
  }
});

test("names have their colours by number of machines; beyond eight, one", () => {
  const names = Array.from({ length: 40 }, (_, i) => (i < 12 ? "acme" : `t${i % 12}`));
  const shown = modes.byName(names);
  assert.equal(shown.legend[0].title, "acme");
  assert.equal(shown.legend.length, 9);
  assert.equal(shown.legend.at(-1).title, "others");
  assert.equal(modes.tally(shown).reduce((all, one) => all + one), 40);
});
