import assert from "node:assert/strict";
import { test } from "node:test";
import * as geometry from "../../../proxy/web/static/geometry.js";
import * as steer from "../../../proxy/web/static/steer.js";

const STATES = ["absent", "hashing", "silent", "parked", "held", "unauthorised", "new", "no_work"];

const rosterOf = (names, addresses = names.map((_, i) => `10.0.0.${i}`)) => ({
  states: STATES,
  workers: names,
  addresses,
  racks: names.map((name) => name.split(".")[0]),
  positions: names.map((name) => name.split(".")[1] ?? ""),
  expected_w: names.map(() => 3500),
  expected_hs: names.map(() => 2e14),
});

const racksOf = (roster) => geometry.racksOf(roster.workers.map((_, at) => [roster.racks[at], roster.positions[at]]));
const hall = rosterOf(["r1.1", "r1.2", "r2.1", "r2.2", "r10.1"]);

test("what stops is what is at work, in watts and hashes", () => {
  const cells = Uint8Array.of(1, 3, 0, 2, 4);
  assert.deepEqual(steer.sumOf(hall, cells, [0, 1, 2, 3, 4]), {
    machines: 5, working: 2, resting: 2, absent: 1, watts: 7000, hashes: 4e14, unknown: 0,
  });
});

test("a whole rack is one hold, others are named, all are a star", () => {
  const racks = racksOf(hall);
  assert.deepEqual(steer.holdsOf(hall, racks, [2, 3]), ["r2.*"]);
  assert.deepEqual(steer.holdsOf(hall, racks, [0, 1, 2]), ["r1.*", "r2.1"]);
  assert.deepEqual(steer.holdsOf(hall, racks, [0, 1, 2, 3, 4]), ["*"]);
});

test("a hold is of the picked machines and of no other", () => {
  const names = Array.from({ length: 60 }, (_, i) => `r${(i % 13) + 1}.${i}`);
  names.push("r[1].7", "r1*", "same", "same", "");
  const roster = rosterOf(names);
  const racks = racksOf(roster);
  for (let turn = 0; turn < 300; turn++) {
    const picked = names.map((_, at) => at).filter((at) => (at * 7919 + turn * 104729) % 13 < turn % 12 || at === turn % names.length);
    const held = new Set(steer.holdsOf(roster, racks, picked).flatMap((hold) => steer.heldBy(roster, hold)));
    assert.deepEqual([...held].sort((a, b) => a - b), picked);
  }
});

test("globs are Python's", () => {
  assert.ok(steer.patternOf("r?.[!b]*").test("r1.a7"));
  assert.ok(!steer.patternOf("r?.[!b]*").test("r1.b7"));
  assert.ok(steer.patternOf(steer.exactly("a[1]*")).test("a[1]*"));
});

test("watts are read as people write them, and nothing else is", () => {
  assert.equal(steer.wattsOf("3.5M"), 3.5e6);
  assert.equal(steer.wattsOf("400 kW"), 4e5);
  assert.equal(steer.wattsOf("3,500,000"), 3.5e6);
  assert.equal(steer.wattsOf("0"), 0);
  for (const text of ["", "k", "-5k", "1e6", "3.5.1M", "9999999M"]) assert.equal(steer.wattsOf(text), null, text);
});
