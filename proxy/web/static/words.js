/** What the API's words mean, for people, and how they look. */
import * as units from "./units.js";

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
  const ours = "a parked machine works on its old job until its firmware stops, within 135 s. One that hashes on longer has an alarm.";
  return parked >= number ? `Parked: ${ours}` : `${units.count(parked)} of them while parked: ${ours} The others: ${advice}`;
};

/** What is no fact for people: it is said elsewhere in the row, or a machine's own. */
const UNSAID = new Set(["text", "message", "what", "cause", "at", "level", "body", "params", "site", "kind", "seq", "told", "received_at", "not_before", "peer", "yes"]);

/** What names something: figures that are no quantity. */
const NAMES = new Set(["id", "uid", "pid", "epoch"]);

/** How it was and is: a word is a fact, a table is for the log. */
const STATES_OF = new Set(["before", "after"]);

/** Facts of one event that are shown: the rest is in `baseload power history`. */
const FACTS = 8;

/** Names of a list that are shown. */
const LISTED = 3;

/** @param {any} value of an event @returns {string} */
export const sentence = (value) => {
  if (typeof value !== "object" || value === null) return String(value);
  const said = value.text ?? value.message ?? value.what ?? value.cause ?? "";
  const { params } = value; // of an action: what it was about comes first
  const about = params?.site ? [`site ${params.site}`] : [];
  const facts = Object.entries({ ...params, ...value, ...value.body })
    .filter(([key, one]) => one !== null && one !== "" && one !== said && !UNSAID.has(key) && !(STATES_OF.has(key) && typeof one === "object"))
    .map(([key, one]) => fact(key, one))
    .filter(Boolean);
  const head = value.kind ? `${units.words(value.kind)}: ${said}` : said;
  const shown = [...about, ...facts].slice(0, FACTS).join(", ");
  return [head, shown].filter(Boolean).join(head && shown ? " · " : "");
};

/** @param {string} key @param {any} value @returns {string} empty: nothing that a line can say */
const fact = (key, value) => {
  const name = units.words(key.replace(/_(w|hs|s)$/, ""));
  if (Array.isArray(value)) return value.length ? `${name} ${listed(value)}` : "";
  if (typeof value === "object") return "";
  if (typeof value !== "number") return `${name} ${value}`;
  if (NAMES.has(key)) return `${name} ${value}`;
  if (key === "expires" || key === "until") return `${name} ${units.moment(value)}`;
  if (key.endsWith("_w") || key === "watts") return key === "watts" ? units.watts(value) : `${name} ${units.watts(value)}`;
  if (key.endsWith("_s")) return `${name} ${units.span(value)}`;
  return `${name} ${key.endsWith("_hs") ? units.hashes(value) : units.plain(value)}`;
};

/** @param {any[]} all names */
const listed = (all) => {
  const shown = all.slice(0, LISTED).map(String).join(" ");
  return all.length > LISTED ? `${shown} and ${units.count(all.length - LISTED)} more` : shown;
};

/**
 * Return events with one for each block: what became of it, in place of that it was found.
 * @param {any[]} events the newest first
 */
export const once = (events) => {
  const blocks = new Set();
  return events.filter(({ kind, value }) => {
    if (kind !== "block" || !value.hash) return true;
    return !blocks.has(value.hash) && blocks.add(value.hash);
  });
};
