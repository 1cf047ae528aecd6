/** Events: orders, alarms, actions, pools and blocks in one stream. */
import { html, useEffect, useMemo, useState } from "/vendor/htm.js";
import { get } from "/api.js";
import { Card, Empty, Fault, Segments, Table, Tag } from "/parts.js";
import { on } from "/store.js";
import * as units from "/units.js";

/** Rows kept in the page: as many as the proxy keeps. */
const KEEP = 2000;

/** @type {[string, string][]} */
const KINDS = [["", "All"], ["power", "Orders and power"], ["alarm", "Alarms"], ["action", "Actions"], ["pool", "Pools"], ["block", "Blocks"]];

const LOOKS = /** @type {Record<string, string>} */ ({ alarm: "bad", block: "good", action: "", power: "", pool: "rest" });

/** What is no fact for people: it is said elsewhere in the row, or a machine's own. */
const UNSAID = new Set(["text", "message", "what", "cause", "at", "level", "body", "site", "kind", "id", "seq", "told", "received_at", "not_before", "reason"]);

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

const useEvents = () => {
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

export const EventsPage = () => {
  const { events, fault } = useEvents();
  const [kind, setKind] = useState("");
  const [wanted, setWanted] = useState("");
  const rows = useMemo(() => (events ?? []).map((one) => ({ ...one, text: sentence(one.value) })), [events]);
  const shown = rows.filter((one) => (!kind || one.kind === kind) && one.text.toLowerCase().includes(wanted.toLowerCase()));
  return html`<div class="title"><h1>Events</h1><span class="dim">${events ? `${units.count(shown.length)} of ${units.count(rows.length)}` : ""}</span><span class="spacer"></span>
      <input class="filter" type="search" placeholder="Text" aria-label="Filter events" value=${wanted} onInput=${(/** @type {any} */ e) => setWanted(e.target.value)}/>
      <${Segments} label="Kind" choices=${KINDS} value=${kind} onPick=${setKind}/></div>
    <${Fault} fault=${fault}/><div class="grid"><section class="card stream" aria-label="Events">
      <${Table} caption="Events, the newest first" rows=${shown} empty=${html`<${Empty} title=${events ? "No event of this kind" : "Waiting for the events"}>${events ? "Orders, alarms, actions, pools and blocks appear here as they come." : ""}<//>`} columns=${[
        { title: "Time", cell: (/** @type {any} */ one) => html`<time>${units.moment(one.at)}</time>` },
        { title: "Kind", cell: (/** @type {any} */ one) => html`<${Tag} kind=${LOOKS[one.kind] ?? ""}>${one.kind}<//>` },
        { title: "What", cell: (/** @type {any} */ one) => one.text },
      ]}/></section></div>`;
};
