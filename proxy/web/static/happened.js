/** Events of the proxy, the newest first, as they come; and their sentences. */
import { useEffect, useState } from "/vendor/htm.js";
import { get } from "/api.js";
import { on } from "/store.js";
import * as units from "/units.js";

/** Rows kept in the page: as many as the proxy keeps. */
const KEEP = 2000;

/** What is no fact for people: it is said elsewhere in the row, or a machine's own. */
const UNSAID = new Set(["text", "message", "what", "cause", "at", "level", "body", "site", "kind", "id", "seq", "told", "received_at", "not_before", "reason", "verdict", "peer"]);

/** Facts of one event that are shown: the rest is in `baseload power history`. */
const FACTS = 6;

/** @param {any} value of an event @returns {string} */
export const sentence = (value) => {
  if (typeof value !== "object" || value === null) return String(value);
  const said = value.text ?? value.message ?? value.what ?? value.cause ?? "";
  const facts = Object.entries({ ...value, ...value.body })
    .filter(([key, one]) => one !== null && one !== "" && typeof one !== "object" && !UNSAID.has(key))
    .slice(0, FACTS)
    .map(([key, one]) => fact(key, one));
  const head = value.kind ? `${units.words(value.kind)}: ${said}` : said;
  return [head, facts.join(", ")].filter(Boolean).join(head && facts.length ? " · " : "");
};

/** @param {string} key @param {any} value @returns {string} */
const fact = (key, value) => {
  const name = units.words(key.replace(/_(w|hs|s)$/, ""));
  if (typeof value !== "number") return `${name} ${value}`;
  if (key.endsWith("_w") || key === "watts") return key === "watts" ? units.watts(value) : `${name} ${units.watts(value)}`;
  if (key.endsWith("_s")) return `${name} ${units.span(value)}`;
  return `${name} ${key.endsWith("_hs") ? units.hashes(value) : units.plain(value)}`;
};

/** @returns {{events: any[] | null, fault: Error | null}} null: they are on their way */
export const useEvents = () => {
  const [events, set] = useState(/** @type {any[] | null} */ (null));
  const [fault, setFault] = useState(/** @type {Error | null} */ (null));
  useEffect(() => {
    const end = on("news", (event) => set((old) => [event, ...(old ?? []).filter((one) => one.id !== event.id)].slice(0, KEEP)));
    get("events").then((found) => set((old) => {
      const newer = (old ?? []).filter((one) => one.id > found.last);
      return [...newer, ...found.events.reverse()];
    }), setFault);
    return end;
  }, []);
  return { events, fault };
};

/**
 * @typedef {object} Mark
 * @property {number} at Unix seconds
 * @property {"order" | "alarm" | "action"} kind
 * @property {string} text
 */

/** Kinds of events that a chart has a mark for. @type {Record<string, Mark["kind"]>} */
const MARKED = { power: "order", alarm: "alarm", action: "action" };

/** Of what the controller tells, what changes who rules; the rest follows from it. */
const RULES = new Set(["order", "withdraw", "refused", "state", "relay"]);

/** @param {any[] | null} events @returns {Mark[]} the oldest first */
export const marksOf = (events) =>
  (events ?? []).flatMap((one) => {
    const kind = MARKED[one.kind];
    if (!kind || (kind === "order" && !RULES.has(one.value?.kind ?? "order"))) return [];
    return [{ at: one.at, kind, text: sentence(one.value) }];
  }).reverse();
