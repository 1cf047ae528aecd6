import assert from "node:assert/strict";
import { test } from "node:test";
import { REJECTS, adviceOf, standing } from "../../../proxy/web/static/words.js";

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
