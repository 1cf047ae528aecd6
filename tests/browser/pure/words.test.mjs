import assert from "node:assert/strict";
import { test } from "node:test";
import { REJECTS, adviceOf } from "../../../proxy/web/static/words.js";

test("stale shares of parked machines are not laid to the network", () => {
  assert.equal(adviceOf("stale", 5, 0), REJECTS.stale[1]);
  assert.doesNotMatch(adviceOf("stale", 5, 5), /network/);
  assert.match(adviceOf("stale", 1074, 1050), /^1,050 of them while parked: .*network/);
  assert.equal(adviceOf("malformed", 5, 5), REJECTS.malformed[1]);
});
