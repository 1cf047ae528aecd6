/** Pools and nodes: their word against ours. */
import { html } from "/vendor/htm.js";
import { rowsOf, useApi } from "/api.js";
import { Card, Empty, Fault, Table, Tag } from "/parts.js";
import { useNow } from "/store.js";
import * as units from "/units.js";
import { kindOf } from "/words.js";

/** @param {Record<string, number> | undefined} counts */
const sum = (counts) => Object.values(counts ?? {}).reduce((all, one) => all + one, 0);

/** @param {any} one */
const all = (one) => one.accepted + one.rejected;

/** @typedef {any} Row */

const POOLS = [
  { title: "Pool", by: (/** @type {Row} */ one) => one.name, cell: (/** @type {Row} */ one) => html`${one.name}<div class="dim small">${one.url}</div>` },
  { title: "State", by: (/** @type {Row} */ one) => one.state, cell: (/** @type {Row} */ one) => html`<${Tag} kind=${kindOf(one.state)}>${units.words(one.state)}<//>
    ${(one.reason || one.by_hand) && html`<div class="dim small">${one.by_hand ? `${one.by_hand.how} by hand` : one.reason}</div>`}` },
  { title: "Accepted", num: true, by: (/** @type {Row} */ one) => one.accepted, cell: (/** @type {Row} */ one) => units.count(one.accepted) },
  { title: "Rejected", num: true, by: (/** @type {Row} */ one) => one.rejected, cell: (/** @type {Row} */ one) => html`${units.count(one.rejected)}<div class="dim small">${units.percent(one.rejected, all(one))}</div>` },
  { title: "Lost", num: true, by: (/** @type {Row} */ one) => sum(one.lost), cell: (/** @type {Row} */ one) => units.count(sum(one.lost)) },
  { title: "Difficulty", num: true, by: (/** @type {Row} */ one) => one.difficulty, cell: (/** @type {Row} */ one) => units.work(one.difficulty) },
  { title: "Job age", num: true, by: (/** @type {Row} */ one) => one.last_job_age_s, cell: (/** @type {Row} */ one) => units.span(one.last_job_age_s) },
  { title: "Connections", num: true, by: (/** @type {Row} */ one) => one.connections, cell: (/** @type {Row} */ one) => units.count(one.connections) },
];

const NODES = [
  { title: "Node", cell: (/** @type {Row} */ one) => one.name },
  { title: "State", cell: (/** @type {Row} */ one) => html`<${Tag} kind=${kindOf(one.state)}>${units.words(one.state)}<//>${one.reason && html`<div class="dim small">${one.reason}</div>`}` },
  { title: "Network", cell: (/** @type {Row} */ one) => one.chain ?? units.NONE },
  { title: "Height", num: true, cell: (/** @type {Row} */ one) => units.count(one.height) },
  { title: "Newest block", cell: (/** @type {Row} */ one) => (one.tip ? html`<code>${one.tip.slice(0, 8)}…${one.tip.slice(-16)}</code>` : units.NONE) },
];

/** @param {{pool: any}} props */
const Day = ({ pool }) => html`<${Card} size="w6" title=${`${pool.name}, hour by hour`} aside=${html`<span class="dim">its verdict on what we accepted</span>`}>
  <${Table} caption=${`Shares sent to ${pool.name} by hour`} rows=${[...pool.hours].reverse().slice(0, 24)}
    empty=${html`<${Empty} title="No share has been sent yet"/>`} columns=${[
      { title: "Hour", cell: (/** @type {Row} */ one) => units.moment(one.hour).slice(5, 16) },
      { title: "Sent", num: true, cell: (/** @type {Row} */ one) => units.count(one.forwarded) },
      { title: "Accepted", num: true, cell: (/** @type {Row} */ one) => units.count(one.accepted) },
      { title: "Rejected", num: true, cell: (/** @type {Row} */ one) => html`<span class=${sum(one.rejected) ? "" : "dim"}>${units.count(sum(one.rejected))}</span>` },
      { title: "No answer", num: true, cell: (/** @type {Row} */ one) => html`<span class=${one.pending ? "" : "dim"}>${units.count(one.pending)}</span>` },
      { title: "Work", num: true, cell: (/** @type {Row} */ one) => units.work(one.work) },
    ]}/><//>`;

export const PoolsPage = () => {
  const now = /** @type {any} */ (useNow());
  const asked = useApi("pools", 10);
  const pools = now?.status?.pools ?? [];
  const nodes = now?.status?.nodes ?? [];
  return html`<div class="title"><h1>Pools and nodes</h1></div><${Fault} fault=${asked.fault}/>
    <div class="grid"><${Card} title="Pools"><${Table} caption="Pools" rows=${pools} columns=${POOLS}
      empty=${html`<${Empty} title="No pool">This proxy mines beside its nodes. A pool is <code>[[pools]]</code> in the configuration.<//>`}/><//>
    <${Card} title="Nodes"><${Table} caption="Nodes" rows=${nodes} columns=${NODES}
      empty=${html`<${Empty} title="No node">Templates come from pools alone. A node is <code>[[nodes]]</code> in the configuration.<//>`}/><//>
    ${rowsOf(asked.data).map((pool) => html`<${Day} key=${pool.name} pool=${pool}/>`)}</div>`;
};
