import assert from "node:assert/strict";
import { test } from "node:test";
import { REJECTS, adviceOf, once, sentence, standing } from "../../../proxy/web/static/words.js";

test("stale shares of parked machines are not laid to the network", () => {
  assert.equal(adviceOf("stale", 5, 0), REJECTS.stale[1]);
  assert.doesNotMatch(adviceOf("stale", 5, 5), /network/);
  assert.match(adviceOf("stale", 1074, 1050), /^1,050 of them while parked: .*network/);
  assert.equal(adviceOf("malformed", 5, 5), REJECTS.malformed[1]);
});

test("all that stands of a site is shown, what its machines' alarms say once", () => {
  const site = { name: "hall-a", alarms: [] };
  const of = (kind, where) => ({ kind, site: where, severity: "warning", text: `${kind}!`, since: 90 });
  const alarms = [of("rejects_high", "hall-a"), of("ledger_degraded", ""), of("no_work", "hall-b"), of("power_alarms", "hall-a")];
  const power = { alarms: [{ alarm: "silent", machine: "rig.7", cause: "no shares", for_s: 5, figures: {} }] };
  const shown = (rows) => rows.map((one) => one.alarm);
  assert.deepEqual(shown(standing(site, power, alarms, 100)), ["rejects_high", "ledger_degraded", "silent"]);
  assert.deepEqual(shown(standing(site, null, alarms, 100)), ["rejects_high", "ledger_degraded", "power_alarms"]);
  assert.equal(standing(site, null, alarms, 100)[0].for_s, 10);
  assert.deepEqual(standing(site, null, [], 100), []);
});

test("an action says what it was about", () => {
  const action = { at: 1.8e9, uid: 0, pid: 5445, before: [], after: ["rack-a.7"], refused: "", address: "", user: "" };
  const set = { ...action, what: "power.set", params: { site: "hall-a", watts: 200_000 }, before: { budget_w: 1 }, after: { budget_w: 2 } };
  assert.equal(sentence(set), "power.set · site hall-a, 200 kW, uid 0, pid 5445");
  const park = { ...action, what: "park", params: { machines: "rack-a.7", yes: false } };
  assert.equal(sentence(park), "park · machines rack-a.7, uid 0, pid 5445");
});

test("a hold names its machines, the first of many", () => {
  const hold = (machines) => ({ site: "hall-a", at: 1.8e9, kind: "hold", cause: "parked by hand", body: { machines } });
  assert.equal(sentence(hold(["a"])), "hold: parked by hand · machines a");
  assert.equal(sentence(hold(["a", "b", "c", "d", "e"])), "hold: parked by hand · machines a b c and 2 more");
});

test("a moment is a date, and how a state was and is are words", () => {
  const order = { kind: "order", cause: "less", body: { expires: 1_796_052_830.46, seq: 7, reason: "less", watts: 2e5, lease_s: 10 } };
  assert.match(sentence(order), /^order: less · expires \d{4}-\d\d-\d\d \d\d:\d\d:\d\d, 200 kW, lease 10 s$/);
  const state = { kind: "state", cause: "all speak", body: { after: "normal", before: "failsafe" } };
  assert.equal(sentence(state), "state: all speak · after normal, before failsafe");
});

test("a block is one row, with its verdict and its height", () => {
  const block = (hash, verdict) => ({ kind: "block", value: { worker: "rig", hash, verdict, height: 925_113 } });
  const rows = once([block("b", "found"), block("a", "accepted"), { kind: "pool", value: {} }, block("a", "found")]);
  assert.deepEqual(rows.map((one) => one.value.verdict), ["found", "accepted", undefined]);
  assert.equal(sentence(rows[1].value), "worker rig, hash a, verdict accepted, height 925,113");
});
