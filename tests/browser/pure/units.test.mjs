import assert from "node:assert/strict";
import { test } from "node:test";
import * as units from "../../../proxy/web/static/units.js";

test("a value keeps three figures in every prefix", () => {
  assert.equal(units.watts(3_858_400), "3.86 MW");
  assert.equal(units.watts(38_584_000), "38.6 MW");
  assert.equal(units.watts(385_840_000), "386 MW");
  assert.equal(units.watts(999_960), "1.00 MW");
  assert.equal(units.hashes(2.06e17), "206 PH/s");
  assert.equal(units.watts(0), "0 W");
});

test("what is not known is a dash, and never a zero", () => {
  for (const show of [units.watts, units.hashes, units.count, units.span, units.efficiency, units.latency])
    assert.equal(show(null), units.NONE);
  assert.equal(units.watts(NaN), units.NONE);
  assert.equal(units.percent(1, 0), units.NONE);
});

test("a small part of many is not shown as none", () => {
  assert.equal(units.percent(6, 10_000), "0.06 %");
  assert.equal(units.percent(0, 10_000), "0.0 %");
});

test("a span has two units at most", () => {
  assert.equal(units.span(119), "119 s");
  assert.equal(units.span(310), "5 min");
  assert.equal(units.span(7260), "2 h 1 min");
  assert.equal(units.span(864_000), "10 d");
});

test("a difficulty below one keeps its figures", () => {
  assert.equal(units.difficulty(262_144), "262,144");
  assert.equal(units.difficulty(2 ** -20), "9.537e-7");
});

test("an efficiency fits its place at any scale", () => {
  assert.equal(units.efficiency(18.43), "18.4 J/TH");
  assert.equal(units.efficiency(2.9e12), "2.90 TJ/TH");
});

test("money has two places until they say nothing, and names its unit", () => {
  assert.equal(units.money(84.1, "EUR/MWh"), "84.10 EUR/MWh");
  assert.equal(units.money(-3), "-3.00");
  assert.equal(units.money(0, "EUR"), "0.00 EUR");
  assert.equal(units.money(9999.4), "9,999.40");
  assert.equal(units.money(1234567.8, "EUR"), "1,234,568 EUR");
  assert.equal(units.money(null, "EUR"), units.NONE);
});
