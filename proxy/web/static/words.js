/** What the API's words mean, for people, and how they look. */

/**
 * States of machines and miners: title, colour, mark. A colour is never the only sign.
 * @type {Record<string, [string, string, "" | "hatch" | "cross" | "ring" | "dot" | "edge"]>}
 */
export const STATES = {
  running: ["at work", "--s-works", ""],
  "under way": ["changing", "--s-moves", "dot"],
  stopped: ["parked", "--s-rests", "hatch"],
  held: ["held by hand", "--s-held", "hatch"],
  silent: ["no shares", "--s-silent", "dot"],
  unresponsive: ["does not obey", "--s-defies", "cross"],
  "hashes on": ["hashes though parked", "--s-wrong", "ring"],
  absent: ["not there", "--s-gone", "edge"],
  new: ["just came", "--s-moves", ""],
  no_work: ["without work", "--s-silent", "hatch"],
  unknown: ["unknown", "--s-gone", ""],
};

const SAME = /** @type {Record<string, string>} */ ({
  hashing: "running",
  active: "running",
  works: "running",
  ramping: "under way",
  under_way: "under way",
  parked: "stopped",
  sleeping: "stopped",
  asleep: "stopped",
  unauthorised: "hashes on",
  hashes_on: "hashes on",
});

/** @param {string} state */
export const stateOf = (state) => STATES[state] ?? STATES[SAME[state]] ?? [state, "--s-gone", ""];

/** Kinds of tags of a state's word. @param {string | null | undefined} state */
export const kindOf = (state) => {
  const word = state ?? "";
  if (["up", "ok", "running", "hashing", "active", "follow", "following", "normal", "accepted", "live"].includes(word)) return "good";
  if (["trip", "down", "lost", "rejected", "fail_safe", "fail-safe", "error", "critical", "unresponsive", "hashes on", "unauthorised"].includes(word)) return "bad";
  if (["parked", "held", "stopped", "disabled", "standby", "idle", "absent", "info", ""].includes(word)) return "rest";
  return word === "new" ? "" : "warn";
};

/**
 * All that stands of a site: the process's alarms and its own, then those of its machines.
 * @param {any} site
 * @param {any} power of the site, if it has a budget
 * @param {any[]} alarms of `/api/v1/alarms`
 * @param {number} at now, Unix seconds
 */
export const standing = (site, power, alarms, at) => {
  const machines = power?.alarms ?? (site.alarms ?? []).map((/** @type {string} */ cause) => ({ alarm: "", cause, machine: "", for_s: null }));
  const others = alarms
    .filter((one) => !one.site || one.site === site.name)
    .filter((one) => one.kind !== "power_alarms" || !machines.length) // which are those of its machines
    .map((one) => ({ alarm: one.kind, cause: one.text, machine: "", for_s: at - one.since, severity: one.severity }));
  return [...others, ...machines];
};

/** Reasons of rejects: what it is, and what to look at. @type {Record<string, [string, string]>} */
export const REJECTS = {
  stale: ["came after its job was over", "Look at the network's delay, then at the firmware."],
  duplicate: ["was sent before", "Firmware that repeats itself, or two machines behind one proxy."],
  low_difficulty: ["is above its target", "The firmware goes by another difficulty: restart the miner."],
  unknown_job: ["names a job that nobody knows", "Older than ten minutes, or of another connection."],
  unauthorized: ["came from a worker that is not authorised, or is parked", "Find machines that hash though parked in Fleet."],
  bad_ntime: ["has a time that its job does not allow", "Firmware that rolls time: update it."],
  bad_version: ["rolled version bits that it may not", "Turn version rolling off, or update the firmware."],
  malformed: ["could not be read", "Look at the firmware's version and at the line."],
};

/**
 * What to look at where shares are rejected for a reason: nothing, where they are of parked machines.
 * @param {string} reason
 * @param {number} number of them
 * @param {number | undefined} parked how many of those came while their miner was parked
 */
export const adviceOf = (reason, number, parked) => {
  const advice = REJECTS[reason]?.[1] ?? "";
  if (!parked || reason !== "stale") return advice;
  const ours = "a parked machine works on its old job until its firmware stops. Nothing is wrong.";
  return parked >= number ? `Parked: ${ours}` : `${parked.toLocaleString("en-GB")} of them while parked: ${ours} The others: ${advice}`;
};
