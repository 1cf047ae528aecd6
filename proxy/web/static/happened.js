/** Events of the proxy, the newest first, as they come. */
import { useEffect, useState } from "/vendor/htm.js";
import { get } from "/api.js";
import { on } from "/store.js";
import { sentence } from "/words.js";

/** Rows kept in the page: as many as the proxy keeps. */
const KEEP = 2000;

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
