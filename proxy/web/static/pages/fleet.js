/** Fleet: the hall as cells, drawn from names or addresses; the same as a table. */
import { html, useEffect, useMemo, useRef, useState } from "/vendor/htm.js";
import { get } from "/api.js";
import { onTheme } from "/colours.js";
import { decode, placeOf, racksOf } from "/geometry.js";
import { RackMap, paintCell } from "/map.js";
import { byName, byRate, byState, rateOf, tally } from "/modes.js";
import { Card, Empty, Fault, Segments, Table, Tag } from "/parts.js";
import { onMap } from "/store.js";
import * as units from "/units.js";
import { kindOf, stateOf } from "/words.js";

/** @type {[string, string][]} */
const MODES = [["state", "State"], ["rate", "Hashrate"], ["tenant", "Tenant"], ["model", "Model"]];

/** Keep a site's roster and newest bytes. @param {string} site */
const useFleet = (site) => {
  const [roster, setRoster] = useState(/** @type {any} */ (null));
  const [cells, setCells] = useState(/** @type {Uint8Array | null} */ (null));
  const [fault, setFault] = useState(/** @type {Error | null} */ (null));
  useEffect(() => {
    let gen = -1;
    let asking = false;
    const fetchRoster = async () => {
      if (asking) return;
      asking = true;
      try {
        const found = await get(`sites/${encodeURIComponent(site)}/map`);
        gen = found.gen;
        setRoster(found);
        setFault(null);
      } catch (error) {
        setFault(/** @type {Error} */ (error));
      } finally {
        asking = false;
      }
    };
    void fetchRoster();
    return onMap(site, (text) => {
      const frame = JSON.parse(text);
      if (frame.gen !== gen) void fetchRoster();
      setCells(decode(frame.cells));
    });
  }, [site]);
  return { roster, cells, fault };
};

/** @param {string} mode @param {any} roster @param {Uint8Array} cells */
const shownAs = (mode, roster, cells) => {
  if (mode === "rate") return byRate(cells);
  if (mode === "tenant") return byName(roster.tenants);
  if (mode === "model") return byName(roster.models);
  return byState(roster.states, cells);
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

/** @param {any} roster @param {number} at */
const nameOf = (roster, at) => roster.workers[at] || roster.addresses[at];

/** @param {{roster: any, cells: Uint8Array, at: number}} props */
const Under = ({ roster, cells, at }) => {
  if (at < 0 || at >= roster.workers.length)
    return html`<p class="under dim" role="status"><span class="keyhelp"><kbd>←</kbd> <kbd>→</kbd> <kbd>↑</kbd> <kbd>↓</kbd> a cell, <kbd>PgUp</kbd> <kbd>PgDn</kbd> a rack, <kbd>Enter</kbd> its page, <kbd>/</kbd> filter, <kbd>t</kbd> table</span></p>`;
  const [title] = stateOf(roster.states[cells[at] & 7]);
  const rate = rateOf(cells[at]);
  return html`<p class="under" role="status"><b>${nameOf(roster, at)}</b><span>${title}</span>
    ${rate != null && html`<span>${Math.round(rate * 100)} % of ${units.hashes(roster.expected_hs[at])}</span>`}
    <span class="dim">${[roster.models[at], roster.tenants[at], roster.addresses[at]].filter(Boolean).join(" · ")}</span></p>`;
};

/** @param {{roster: any, cells: Uint8Array, mode: string, wanted: string}} props */
const Hall = ({ roster, cells, mode, wanted }) => {
  const canvas = useRef(/** @type {any} */ (null));
  const map = useRef(/** @type {RackMap | null} */ (null));
  const [at, setAt] = useState(-1);
  const picked = useMemo(() => pick(roster, wanted), [roster, wanted]);
  const racks = useMemo(() => racksOfRoster(roster), [roster]);
  const shown = useMemo(() => shownAs(mode, roster, cells), [mode, roster, cells]);
  useEffect(() => {
    const open = (/** @type {number} */ machine) => {
      history.pushState(null, "", `/m/${encodeURIComponent(nameOf(roster, machine))}`);
      dispatchEvent(new PopStateEvent("popstate"));
    };
    map.current = new RackMap(canvas.current, racks, setAt, open);
    return () => map.current?.close();
  }, [racks]);
  useEffect(() => map.current?.update(shown.looks, shown.legend), [shown, racks]);
  useEffect(() => {
    if (wanted && picked.length) map.current?.point(picked[0]);
  }, [picked, wanted]);
  return html`<${Legend} shown=${shown}/><div class="map"><canvas ref=${canvas} tabindex="0" role="application"
      aria-label=${`Rack map of ${units.count(roster.workers.length)} machines. Arrows move by a cell, Page keys by a rack, Enter opens, t shows a table.`}></canvas></div>
    <${Under} roster=${roster} cells=${cells} at=${at}/>`;
};

/** Machines whose name, address, model or tenant holds a text. @param {any} roster @param {string} wanted @returns {number[]} */
const pick = (roster, wanted) => {
  const text = wanted.toLowerCase();
  const fields = [roster.workers, roster.addresses, roster.models, roster.tenants];
  const all = roster.workers.map((/** @type {string} */ _, /** @type {number} */ at) => at);
  return text ? all.filter((/** @type {number} */ at) => fields.some((column) => column[at].toLowerCase().includes(text))) : all;
};

/** @param {any} roster */
const racksOfRoster = (roster) =>
  racksOf(roster.workers.map((/** @type {string} */ worker, /** @type {number} */ at) => placeOf(worker || roster.addresses[at])));

/** @param {{roster: any, cells: Uint8Array, wanted: string}} props */
const Rows = ({ roster, cells, wanted }) => {
  const rows = useMemo(() => pick(roster, wanted), [roster, wanted]);
  const state = (/** @type {number} */ at) => roster.states[cells[at] & 7];
  return html`<${Table} caption="Machines" rows=${rows} empty=${html`<${Empty} title="No machine is called that"/>`} columns=${[
    { title: "Machine", by: (/** @type {number} */ at) => nameOf(roster, at), cell: (/** @type {number} */ at) => html`<a href=${`/m/${encodeURIComponent(nameOf(roster, at))}`}>${nameOf(roster, at)}</a>` },
    { title: "State", by: state, cell: (/** @type {number} */ at) => html`<${Tag} kind=${kindOf(state(at))}>${stateOf(state(at))[0]}<//>` },
    { title: "Of expected", num: true, by: (/** @type {number} */ at) => rateOf(cells[at]), cell: (/** @type {number} */ at) => units.percent(rateOf(cells[at]), 1) },
    { title: "Expected", num: true, by: (/** @type {number} */ at) => roster.expected_hs[at], cell: (/** @type {number} */ at) => units.hashes(roster.expected_hs[at] || null) },
    { title: "Model", by: (/** @type {number} */ at) => roster.models[at], cell: (/** @type {number} */ at) => roster.models[at] || units.NONE },
    { title: "Tenant", by: (/** @type {number} */ at) => roster.tenants[at], cell: (/** @type {number} */ at) => roster.tenants[at] || units.NONE },
    { title: "Address", by: (/** @type {number} */ at) => roster.addresses[at], cell: (/** @type {number} */ at) => roster.addresses[at] },
  ]}/>`;
};

/** @param {{site: string}} props */
export const FleetPage = ({ site }) => {
  const { roster, cells, fault } = useFleet(site);
  const [mode, setMode] = useState("state");
  const [isTable, setTable] = useState(new URLSearchParams(location.search).has("table"));
  const [wanted, setWanted] = useState("");
  const field = useRef(/** @type {any} */ (null));
  useEffect(() => {
    const press = (/** @type {KeyboardEvent} */ event) => {
      if (/^(INPUT|SELECT|TEXTAREA)$/.test(/** @type {Element} */ (event.target).tagName) || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "t") setTable((was) => !was);
      if (event.key !== "/") return;
      event.preventDefault();
      field.current?.focus();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
  const ready = roster && cells;
  const n = roster?.workers.length ?? 0;
  return html`<div class="title"><h1>Fleet</h1><span class="dim">${ready ? `${units.count(n)} machines` : ""}</span><span class="spacer"></span>
      <input class="filter" type="search" ref=${field} placeholder="Name, address, model, tenant" aria-label="Filter machines" value=${wanted} onInput=${(/** @type {any} */ e) => setWanted(e.target.value)}/>
      ${!isTable && html`<${Segments} label="What cells show" choices=${MODES} value=${mode} onPick=${setMode}/>`}
      <${Segments} label="Map or table" choices=${[["map", "Map"], ["table", "Table"]]} value=${isTable ? "table" : "map"} onPick=${(/** @type {string} */ to) => setTable(to === "table")}/></div>
    <${Fault} fault=${fault}/>
    <div class="grid"><${Card} title=${isTable ? "Machines" : "The hall"} aside=${roster?.more ? html`<span class="dim">${units.count(roster.more)} more have no cell</span>` : null}>
    ${!ready ? html`<p class="empty" role="status">Waiting for the map.</p>`
      : !n ? html`<${Empty} title="No machine has come yet">Point a miner at this site: it appears here with its first connection, in the rack that its name or address says.<//>`
      : isTable ? html`<${Rows} roster=${roster} cells=${cells} wanted=${wanted}/>`
      : html`<${Hall} roster=${roster} cells=${cells} mode=${mode} wanted=${wanted}/>`}<//></div>`;
};
