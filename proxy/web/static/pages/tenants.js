/** Tenants: whose machines hash, what they drew, and how much of it shares prove. */
import { html, useState } from "/vendor/htm.js";
import { safe, useApi } from "/api.js";
import { siteIn } from "/history.js";
import { Card, Empty, Fault, Segments, Table } from "/parts.js";
import { useNow } from "/store.js";
import * as units from "/units.js";

/** @typedef {any} Row */

/** Days of which sums can be had. @type {[string, string][]} */
const SPANS = [["1", "1 day"], ["7", "7 days"], ["30", "30 days"]];

const HOUR = 3600;
const DAY = 24 * HOUR;

/** @param {number} days @returns {string} path of the sums until the full hour */
const sumsOf = (days) => {
  const to = Math.ceil(Date.now() / 1000 / HOUR) * HOUR;
  return `tenants?from=${to - days * DAY}&to=${to}`;
};

/** Have the browser keep a table as a file. @param {string} path @param {string} name */
const save = async (path, name) => {
  const answer = await fetch(`/api/v1/${path}`, { headers: { accept: "text/csv" } });
  if (!answer.ok) throw new Error(answer.statusText);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
};

/** @param {string} name */
const called = (name) => name || html`<span class="dim">all of the site</span>`;

/** @type {import("/parts.js").Column[]} */
const SUMS = [
  { title: "Tenant", by: (/** @type {Row} */ one) => one.tenant, cell: (/** @type {Row} */ one) => called(one.tenant) },
  { title: "Energy", num: true, by: (/** @type {Row} */ one) => one.wh, cell: (/** @type {Row} */ one) => units.energy(one.wh) },
  { title: "Curtailed", num: true, by: (/** @type {Row} */ one) => one.curtailed_wh, cell: (/** @type {Row} */ one) => units.energy(one.curtailed_wh) },
  { title: "Machine hours down", num: true, by: (/** @type {Row} */ one) => one.machine_s_down, cell: (/** @type {Row} */ one) => units.count(one.machine_s_down / HOUR) },
  { title: "Work", num: true, by: (/** @type {Row} */ one) => one.work, cell: (/** @type {Row} */ one) => units.work(one.work) },
  { title: "Hashrate", num: true, by: (/** @type {Row} */ one) => one.hashrate_hs, cell: (/** @type {Row} */ one) => units.hashes(one.hashrate_hs) },
  { title: "Efficiency", num: true, by: (/** @type {Row} */ one) => one.joules_per_terahash, cell: (/** @type {Row} */ one) => units.efficiency(one.joules_per_terahash) },
  { title: "Rejected", num: true, by: (/** @type {Row} */ one) => one.rejected / (one.accepted + one.rejected), cell: (/** @type {Row} */ one) => units.percent(one.rejected, one.accepted + one.rejected) },
  { title: "By a meter", num: true, by: (/** @type {Row} */ one) => one.metered, cell: (/** @type {Row} */ one) => units.percent(one.metered, 1) },
];

/** @param {{days: string, setDays: (days: string) => void, path: string, rows: Row[], isKnown: boolean, fault: Error | null}} props */
const Sums = ({ days, setDays, path, rows, isKnown, fault }) => {
  const [refused, setRefused] = useState(/** @type {Error | null} */ (null));
  const keep = () => save(path, `tenants-${days}-days.csv`).then(() => setRefused(null), setRefused);
  const aside = html`<span class="dim">full hours, as a statement has them</span><span class="spacer"></span>
    <${Segments} label="Time that is summed" choices=${SPANS} value=${days} onPick=${setDays}/>
    <button type="button" onClick=${keep} disabled=${!rows.length}>Save CSV</button>`;
  return html`<${Card} title="Energy, curtailment and work" aside=${aside}><${Fault} fault=${fault ?? refused}/>
    <${Table} caption="What a time came to for each tenant" rows=${rows} columns=${SUMS}
      empty=${html`<${Empty} title=${isKnown ? "Nothing is counted yet" : fault ? "The sums could not be had" : "Waiting for the sums"}>Energy is counted of sites with <code>[sites.power]</code>, work of every share.<//>`}/><//>`;
};

/** Months that a statement can be had of: this one so far, and those of a year before it. @returns {[string, string][]} */
const months = () =>
  Array.from({ length: 13 }, (_, back) => {
    const day = new Date();
    day.setUTCDate(1);
    day.setUTCMonth(day.getUTCMonth() - back);
    return [day.toISOString().slice(0, 7), `${day.toLocaleString("en-GB", { month: "long", year: "numeric", timeZone: "UTC" })}${back ? "" : " so far"}`];
  });

/** The statement of a month: a page to print, for each tenant. @param {{tenants: string[]}} props */
const Statements = ({ tenants }) => {
  const [month, setMonth] = useState(months()[1][0]);
  const [refused, setRefused] = useState(/** @type {Error | null} */ (null));
  const path = (/** @type {string} */ name) => `statement?month=${month}${name && `&tenant=${safe(name)}`}`;
  const keep = (/** @type {string} */ name) => save(path(name), `statement-${month}${name && `-${name}`}.csv`).then(() => setRefused(null), setRefused);
  const aside = html`<span class="spacer"></span><select aria-label="Month of the statement" value=${month}
    onChange=${(/** @type {any} */ e) => setMonth(e.target.value)}>${months().map(([key, title]) => html`<option value=${key}>${title}</option>`)}</select>`;
  return html`<${Card} size="w4" title="Statement of a month" aside=${aside}><${Fault} fault=${refused}/>
    <${Table} caption="Statements" rows=${["", ...tenants]} columns=${[
      { title: "Of", cell: (/** @type {string} */ name) => html`<a href=${`/api/v1/${path(name)}`} target="_blank" rel="noopener">${name || "All machines, and each tenant"}</a>` },
      { title: "Table", num: true, cell: (/** @type {string} */ name) => html`<button type="button" class="link-like" aria-label=${`Save the statement of ${name || "all"} as CSV`} onClick=${() => keep(name)}>CSV</button>` },
    ]}/><p class="dim small">A page that prints, day by day (UTC). Elsewhere: <code>baseload statement</code>, by any time zone.</p><//>`;
};

/** @param {{site: string}} props */
export const TenantsPage = ({ site: name }) => {
  const { power } = siteIn(useNow(), name);
  const [days, setDays] = useState("30");
  const path = sumsOf(Number(days));
  const { data, fault } = useApi(path, 60);
  const sums = (data?.tenants ?? []).filter((/** @type {Row} */ one) => one.site === name);
  const rows = Object.entries(power?.tenants ?? {}).map(([tenant, proved]) => ({ tenant, .../** @type {any} */ (proved) }));
  const tenants = [...new Set([...sums, ...rows].map(({ tenant }) => tenant))].filter(Boolean).sort();
  const total = rows.reduce((all, one) => all + one.hash_hs, 0);
  return html`<div class="title"><h1>Tenants</h1><span class="dim">${rows.length ? `${units.count(rows.length)} on this site` : ""}</span></div>
    <div class="grid"><${Sums} days=${days} setDays=${setDays} path=${path} rows=${sums} isKnown=${Boolean(data)} fault=${fault}/><${Card} size="w8" title="Hashrate that shares prove" aside=${html`<span class="dim">last minutes</span>`}>
      <${Table} caption="Tenants" rows=${rows} empty=${html`<${Empty} title="No tenant">Whose machines a row of the fleet describes is its key <code>tenant</code> in <code>[[sites.fleet]]</code>.<//>`} columns=${[
        { title: "Tenant", by: (/** @type {Row} */ one) => one.tenant, cell: (/** @type {Row} */ one) => one.tenant },
        { title: "Hashrate", num: true, by: (/** @type {Row} */ one) => one.hash_hs, cell: (/** @type {Row} */ one) => units.hashes(one.hash_hs) },
        { title: "At least", num: true, by: (/** @type {Row} */ one) => one.low_hs, cell: (/** @type {Row} */ one) => units.hashes(one.low_hs) },
        { title: "At most", num: true, by: (/** @type {Row} */ one) => one.high_hs, cell: (/** @type {Row} */ one) => units.hashes(one.high_hs) },
        { title: "Shares", num: true, by: (/** @type {Row} */ one) => one.shares, cell: (/** @type {Row} */ one) => units.count(one.shares) },
        { title: "Of all", num: true, by: (/** @type {Row} */ one) => one.hash_hs, cell: (/** @type {Row} */ one) => units.percent(one.hash_hs, total) },
      ]}/><//>
    <${Statements} tenants=${tenants}/></div>`;
};
