/** Events: orders, alarms, actions, pools and blocks in one stream. */
import { html, useMemo, useState } from "/vendor/htm.js";
import { useEvents } from "/happened.js";
import { LogLine, SignedBy } from "/oversight.js";
import { Empty, Fault, Segments, Table, Tag } from "/parts.js";
import * as units from "/units.js";
import { once, sentence } from "/words.js";

/** @type {[string, string][]} */
const KINDS = [["", "All"], ["power", "Orders and power"], ["alarm", "Alarms"], ["action", "Actions"], ["pool", "Pools"], ["block", "Blocks"]];

const LOOKS = /** @type {Record<string, string>} */ ({ alarm: "bad", block: "good", action: "", power: "", pool: "rest" });

/** Seconds before and after a moment that a chart points at. */
const AROUND_S = 120;

/** The moment that the address names: Unix seconds, or null. */
export const pointedAt = () => {
  const at = Number(new URLSearchParams(location.search).get("at"));
  return at > 0 ? at : null;
};

export const EventsPage = () => {
  const { events, fault } = useEvents();
  const [kind, setKind] = useState("");
  const [wanted, setWanted] = useState("");
  const rows = useMemo(() => once(events ?? []).map((one) => ({ ...one, text: sentence(one.value) })), [events]);
  const [moment, setMoment] = useState(pointedAt());
  const near = moment == null ? rows : rows.filter((one) => Math.abs(one.at - moment) <= AROUND_S);
  const shown = near.filter((one) => (!kind || one.kind === kind) && one.text.toLowerCase().includes(wanted.toLowerCase()));
  return html`<div class="title"><h1>Events</h1><span class="dim">${events ? `${units.count(shown.length)} of ${units.count(rows.length)}` : ""}</span><span class="spacer"></span>
      ${moment != null && html`<span class="chip">within ${units.span(AROUND_S)} of ${units.moment(moment)}<button type="button" class="plain" aria-label="Show all times" onClick=${() => setMoment(null)}>×</button></span>`}
      <input class="filter" type="search" placeholder="Text" aria-label="Filter events" value=${wanted} onInput=${(/** @type {any} */ e) => setWanted(e.target.value)}/>
      <${Segments} label="Kind" choices=${KINDS} value=${kind} onPick=${setKind}/></div>
    <${Fault} fault=${fault}/><${LogLine}/><div class="grid"><section class="card stream" aria-label="Events">
      <${Table} caption="Events, the newest first" rows=${shown} empty=${html`<${Empty} title=${events ? "No event of this kind" : "Waiting for the events"}>${events ? "Orders, alarms, actions, pools and blocks appear here as they come." : ""}<//>`} columns=${[
        { title: "Time", cell: (/** @type {any} */ one) => html`<a href=${`/?at=${Math.round(one.at)}`} title="Show it in the charts"><time>${units.moment(one.at)}</time></a>` },
        { title: "Kind", cell: (/** @type {any} */ one) => html`<${Tag} kind=${LOOKS[one.kind] ?? ""}>${one.kind}<//>` },
        { title: "What", cell: (/** @type {any} */ one) => html`${one.text}<${SignedBy} value=${one.value}/>` },
      ]}/></section></div>`;
};
