/** Fleet: the hall as cells, drawn from names or addresses; the same as a table. */
import { html, useEffect, useMemo, useRef, useState } from "/vendor/htm.js";
import { onTheme } from "/colours.js";
import { MachineControls } from "/controls.js";
import { RackMap, paintCell } from "/map.js";
import { MODES, byName, byScale, byState, rateOf, tally } from "/modes.js";
import { Card, Empty, Fault, Segments, Table, Tag } from "/parts.js";
import { find, nameOf, useBytes, useFleet } from "/roster.js";
import { useSession } from "/session.js";
import { useNow } from "/store.js";
import * as units from "/units.js";
import { kindOf, stateOf } from "/words.js";

/** @param {string} mode @param {any} roster @param {Uint8Array} cells @param {Uint8Array | null} bytes */
const shownAs = (mode, roster, cells, bytes) => {
  if (mode === "tenant") return byName(roster.tenants);
  if (mode === "model") return byName(roster.models);
  return mode === "state" ? byState(roster.states, cells) : byScale(mode, roster.states, cells, bytes);
};

/** @param {{look: any}} props */
const Swatch = ({ look }) => {
  const canvas = useRef(/** @type {any} */ (null));
  useEffect(() => {
    const paint = () => {
      const ctx = canvas.current.getContext("2d");
      ctx.setTransform(2, 0, 0, 2, 0, 0);
      paintCell(ctx, 0, 0, 14, look);
    };
    paint();
    return onTheme(paint);
  }, [look]);
  return html`<canvas ref=${canvas} width="28" height="28" aria-hidden="true"></canvas>`;
};

/** @param {{shown: import("/modes.js").Shown}} props */
const Legend = ({ shown }) => {
  const counts = tally(shown);
  return html`<ul class="legend">${shown.legend.map((look, nth) => html`<li key=${look.title} class=${counts[nth] ? "" : "zero"}>
    <${Swatch} look=${look}/>${look.title} <b>${units.count(counts[nth])}</b></li>`)}</ul>`;
};

/** What a mode's byte of a machine says, in words; empty: nothing. @param {string} mode @param {any} roster @param {number} byte @param {number} at */
const said = (mode, roster, byte, at) => {
  const say = MODES.find(([key]) => key === mode)?.[2];
  if (!say || byte === undefined || byte === 255) return "";
  if (mode !== "efficiency") return mode === "age" ? units.span(Math.round(2 ** (byte / 16) - 1)) : say(byte);
  const model = roster.expected_hs[at] ? (roster.expected_w[at] / roster.expected_hs[at]) * 1e12 : 0;
  return model ? units.efficiency((model * byte) / 100) : "";
};

/** @param {{mayPick: boolean}} props */
const Keys = ({ mayPick }) => html`<span class="keyhelp"><kbd>←</kbd> <kbd>→</kbd> <kbd>↑</kbd> <kbd>↓</kbd> a cell, <kbd>PgUp</kbd> <kbd>PgDn</kbd> a rack, <kbd>Enter</kbd> its page, <kbd>/</kbd> filter, <kbd>t</kbd> table${
  mayPick && html`, <kbd>Space</kbd> picks, with <kbd>Shift</kbd> its rack, a frame drawn with the pointer too`}</span>`;

/** @param {{roster: any, cells: Uint8Array, bytes: Uint8Array | null, mode: string, at: number, mayPick: boolean, picked: Set<number>}} props */
const Under = ({ roster, cells, bytes, mode, at, mayPick, picked }) => {
  if (at < 0 || at >= roster.workers.length)
    return html`<p class="under dim" role="status"><${Keys} mayPick=${mayPick}/></p>`;
  const [title] = stateOf(roster.states[cells[at] & 7]);
  const rate = rateOf(cells[at]);
  const word = bytes ? said(mode, roster, bytes[at], at) : "";
  return html`<p class="under" role="status"><b>${nameOf(roster, at)}</b><span>${title}</span>
    ${rate != null && html`<span>${Math.round(rate * 100)} % of ${units.hashes(roster.expected_hs[at])}</span>`}
    ${word && html`<span>${word}${mode === "age" && " since its last share"}</span>`}${picked.has(at) && html`<span>picked</span>`}
    <span class="dim">${[roster.models[at], roster.tenants[at], roster.racks[at], roster.addresses[at]].filter(Boolean).join(" · ")}</span></p>`;
};

/**
 * @param {{roster: any, cells: Uint8Array, bytes: Uint8Array | null, racks: any[], mode: string, found: Set<number> | null,
 *   picked: Set<number>, onPick: (machines: number[], how: string) => void, mayPick: boolean}} props
 */
const Hall = ({ roster, cells, bytes, racks, mode, found, picked, onPick, mayPick }) => {
  const canvas = useRef(/** @type {any} */ (null));
  const map = useRef(/** @type {RackMap | null} */ (null));
  const [at, setAt] = useState(-1);
  const shown = useMemo(() => shownAs(mode, roster, cells, bytes), [mode, roster, cells, bytes]);
  useEffect(() => {
    const open = (/** @type {number} */ machine) => {
      history.pushState(null, "", `/m/${encodeURIComponent(nameOf(roster, machine))}`);
      dispatchEvent(new PopStateEvent("popstate"));
    };
    map.current = new RackMap(canvas.current, racks, { say: setAt, open, pick: onPick });
    return () => map.current?.close();
  }, [racks]);
  useEffect(() => map.current?.update(shown.looks, shown.legend), [shown, racks]);
  useEffect(() => map.current?.mark(picked, found, mayPick), [picked, found, mayPick, racks]);
  useEffect(() => {
    const [first] = found ?? [];
    if (first !== undefined) map.current?.point(first);
  }, [found]);
  return html`<${Legend} shown=${shown}/><div class="map"><canvas ref=${canvas} tabindex="0" role="application"
      aria-label=${`Rack map of ${units.count(roster.workers.length)} machines. Arrows move by a cell, Page keys by a rack, Enter opens, t shows a table${mayPick ? ", Space picks" : ""}.`}></canvas></div>
    <${Under} roster=${roster} cells=${cells} bytes=${bytes} mode=${mode} at=${at} mayPick=${mayPick} picked=${picked}/>`;
};

/** @typedef {number} At a machine's place in the roster */

/** The column of a mode that has bytes of its own. @param {string} mode @param {any} roster @param {Uint8Array | null} bytes */
const columnOf = (mode, roster, bytes) => {
  const title = MODES.find(([key]) => key === mode)?.[1] ?? "";
  const byte = (/** @type {At} */ at) => (bytes && bytes[at] !== 255 ? bytes[at] : null);
  return { title, num: true, by: byte, cell: (/** @type {At} */ at) => (byte(at) == null ? units.NONE : said(mode, roster, /** @type {number} */ (byte(at)), at) || units.NONE) };
};

/**
 * @param {{roster: any, cells: Uint8Array, bytes: Uint8Array | null, mode: string, rows: number[], picked: Set<number>,
 *   onPick: (machines: number[], how: string) => void, mayPick: boolean, hasBytes: boolean}} props
 */
const Rows = ({ roster, cells, bytes, mode, rows, picked, onPick, mayPick, hasBytes }) => {
  const state = (/** @type {At} */ at) => roster.states[cells[at] & 7];
  const name = (/** @type {At} */ at) => html`${mayPick && html`<input type="checkbox" checked=${picked.has(at)} aria-label=${`Pick ${nameOf(roster, at)}`} onChange=${() => onPick([at], "toggle")}/>`}
    <a href=${`/m/${encodeURIComponent(nameOf(roster, at))}`}>${nameOf(roster, at)}</a>`;
  return html`<${Table} caption="Machines" rows=${rows} empty=${html`<${Empty} title="No machine is called that"/>`} columns=${[
    { title: "Machine", by: (/** @type {At} */ at) => nameOf(roster, at), cell: name },
    { title: "State", by: state, cell: (/** @type {At} */ at) => html`<${Tag} kind=${kindOf(state(at))}>${stateOf(state(at))[0]}<//>` },
    ...(hasBytes ? [columnOf(mode, roster, bytes)] : []),
    { title: "Of expected", num: true, by: (/** @type {At} */ at) => rateOf(cells[at]), cell: (/** @type {At} */ at) => units.percent(rateOf(cells[at]), 1) },
    { title: "Expected", num: true, by: (/** @type {At} */ at) => roster.expected_hs[at], cell: (/** @type {At} */ at) => units.hashes(roster.expected_hs[at] || null) },
    { title: "By model", num: true, by: (/** @type {At} */ at) => roster.expected_w[at], cell: (/** @type {At} */ at) => units.watts(roster.expected_w[at] || null) },
    { title: "Model", by: (/** @type {At} */ at) => roster.models[at], cell: (/** @type {At} */ at) => roster.models[at] || units.NONE },
    { title: "Tenant", by: (/** @type {At} */ at) => roster.tenants[at], cell: (/** @type {At} */ at) => roster.tenants[at] || units.NONE },
    { title: "Rack", by: (/** @type {At} */ at) => roster.racks[at], cell: (/** @type {At} */ at) => roster.racks[at] || units.NONE },
    { title: "Address", by: (/** @type {At} */ at) => roster.addresses[at], cell: (/** @type {At} */ at) => roster.addresses[at] },
  ]}/>`;
};

/** Machines that are picked, and a function that picks. @returns {[Set<number>, (machines: number[], how: string) => void]} */
const usePicked = () => {
  const [picked, set] = useState(/** @type {Set<number>} */ (new Set()));
  const pick = (/** @type {number[]} */ those, /** @type {string} */ how) =>
    set((old) => {
      if (how !== "toggle") return new Set(how === "only" ? those : []);
      const next = new Set(old);
      const isAll = those.every((at) => next.has(at)); // of several: first all, then none
      for (const at of those) isAll ? next.delete(at) : next.add(at);
      return next;
    });
  return [picked, pick];
};

/** Keys of the page, where no field has them. @param {Record<string, () => void>} does */
const useKeys = (does) =>
  useEffect(() => {
    const press = (/** @type {KeyboardEvent} */ event) => {
      const target = /** @type {Element} */ (event.target);
      if (/^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName) || target.closest("dialog") || event.ctrlKey || event.metaKey || event.altKey) return;
      if (!does[event.key]) return;
      event.preventDefault();
      does[event.key]();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);

/** @param {{site: string}} props */
export const FleetPage = ({ site }) => {
  const { roster, cells, racks, fault } = useFleet(site);
  const { mayAct } = useSession();
  const [mode, setMode] = useState("state");
  const bytes = useBytes(site, mode);
  const [isTable, setTable] = useState(new URLSearchParams(location.search).has("table"));
  const [wanted, setWanted] = useState("");
  const [picked, pick] = usePicked();
  const field = useRef(/** @type {any} */ (null));
  const status = /** @type {any} */ (useNow())?.status;
  useKeys({ t: () => setTable((was) => !was), "/": () => field.current?.focus() });
  const ready = roster && cells;
  const n = roster?.workers.length ?? 0;
  const rows = useMemo(() => (roster ? find(roster, wanted) : []), [roster, wanted]);
  const found = useMemo(() => (wanted ? new Set(rows) : null), [rows, wanted]);
  const shown = { roster, cells, bytes, mode, picked, onPick: pick, mayPick: mayAct };
  const hasBytes = Boolean(MODES.find(([key]) => key === mode)?.[2]);
  const aside = html`${roster?.more ? html`<span class="dim">${units.count(roster.more)} more have no cell</span>` : ""}<span class="spacer"></span>
    ${mayAct && wanted && Boolean(rows.length) && html`<button type="button" onClick=${() => pick(rows, "only")}>Pick these ${units.count(rows.length)}</button>`}
    ${Boolean(picked.size) && html`<span role="status">${units.count(picked.size)} picked</span>
      <${MachineControls} roster=${roster} cells=${cells} racks=${racks} picked=${[...picked]} byHand=${status?.by_hand ?? []} onDone=${() => pick([], "none")}/>
      <button type="button" class="plain" onClick=${() => pick([], "none")}>Pick none</button>`}`;
  return html`<div class="title"><h1>Fleet</h1><span class="dim">${ready ? `${wanted ? `${units.count(rows.length)} of ` : ""}${units.count(n)} machines` : ""}</span><span class="spacer"></span>
      <input class="filter" type="search" ref=${field} placeholder="Name, address, model, tenant" aria-label="Filter machines" value=${wanted} onInput=${(/** @type {any} */ e) => setWanted(e.target.value)}/>
      <${Segments} label="What cells show" choices=${MODES.map(([key, title]) => [key, title])} value=${mode} onPick=${setMode}/>
      <${Segments} label="Map or table" choices=${[["map", "Map"], ["table", "Table"]]} value=${isTable ? "table" : "map"} onPick=${(/** @type {string} */ to) => setTable(to === "table")}/></div>
    <${Fault} fault=${fault}/>
    <div class="grid"><${Card} title=${isTable ? "Machines" : "The hall"} aside=${aside}>
    ${!ready ? html`<p class="empty" role="status">Waiting for the map.</p>`
      : !n ? html`<${Empty} title="No machine has come yet">Point a miner at this site: it appears here with its first connection, in the rack that its name or address says.<//>`
      : isTable ? html`<${Rows} ...${shown} rows=${rows} hasBytes=${hasBytes}/>`
      : html`<${Hall} ...${shown} racks=${racks} found=${found}/>`}<//></div>`;
};
