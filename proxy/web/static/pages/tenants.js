/** Tenants: whose machines hash, and how much of it shares prove. */
import { html } from "/vendor/htm.js";
import { siteIn } from "/history.js";
import { Card, Empty, Table } from "/parts.js";
import { useNow } from "/store.js";
import * as units from "/units.js";

/** @typedef {any} Row */

/** @param {{site: string}} props */
export const TenantsPage = ({ site: name }) => {
  const { power } = siteIn(useNow(), name);
  const rows = Object.entries(power?.tenants ?? {}).map(([tenant, proved]) => ({ tenant, .../** @type {any} */ (proved) }));
  const total = rows.reduce((all, one) => all + one.hash_hs, 0);
  return html`<div class="title"><h1>Tenants</h1><span class="dim">${rows.length ? `${units.count(rows.length)} on this site` : ""}</span></div>
    <div class="grid"><${Card} title="Hashrate that shares prove" aside=${html`<span class="dim">last minutes</span>`}>
      <${Table} caption="Tenants" rows=${rows} empty=${html`<${Empty} title="No tenant">Whose machines a row of the fleet describes is its key <code>tenant</code> in <code>[[sites.fleet]]</code>.<//>`} columns=${[
        { title: "Tenant", by: (/** @type {Row} */ one) => one.tenant, cell: (/** @type {Row} */ one) => one.tenant },
        { title: "Hashrate", num: true, by: (/** @type {Row} */ one) => one.hash_hs, cell: (/** @type {Row} */ one) => units.hashes(one.hash_hs) },
        { title: "At least", num: true, by: (/** @type {Row} */ one) => one.low_hs, cell: (/** @type {Row} */ one) => units.hashes(one.low_hs) },
        { title: "At most", num: true, by: (/** @type {Row} */ one) => one.high_hs, cell: (/** @type {Row} */ one) => units.hashes(one.high_hs) },
        { title: "Shares", num: true, by: (/** @type {Row} */ one) => one.shares, cell: (/** @type {Row} */ one) => units.count(one.shares) },
        { title: "Of all", num: true, by: (/** @type {Row} */ one) => one.hash_hs, cell: (/** @type {Row} */ one) => units.percent(one.hash_hs, total) },
      ]}/><//>
    <${Card} title="A tenant's month"><p>Work, energy, curtailed energy and time down of a month, to be signed and sent:</p>
      <p><code>baseload statement --help</code></p><//></div>`;
};
