/** Pools and nodes: their word against ours. */
import { html, useMemo, useState } from "/vendor/htm.js";
import { rowsOf, safe, useApi } from "/api.js";
import { Chart } from "/chart.js";
import { usePast } from "/history.js";
import { Card, Empty, Fault, Segments, Table, Tag } from "/parts.js";
import { RANGES, partOf } from "/series.js";
import { useNow } from "/store.js";
import * as units from "/units.js";
import { kindOf } from "/words.js";

/** @param {Record<string, number> | undefined} counts */
const sum = (counts) => Object.values(counts ?? {}).reduce((all, one) => all + one, 0);

/** What the charts show: the ranges that are kept of pools. @type {[string, string][]} */
const SPANS = RANGES.slice(1).map(([seconds, title]) => [String(seconds), title]);

/** @param {any} one */
const all = (one) => one.accepted + one.rejected;

/** @typedef {any} Row */

/** Days in which a certificate has to be looked at. */
const SOON_DAYS = 14;

/** @param {number | null | undefined} days */
const certificate = (days) =>
  days == null ? units.NONE : days < SOON_DAYS ? html`<${Tag} kind=${days < 3 ? "bad" : "warn"}>${Math.floor(days)} d<//>` : `${Math.floor(days)} d`;

const POOLS = [
  { title: "Pool", by: (/** @type {Row} */ one) => one.name, cell: (/** @type {Row} */ one) => html`${one.name}<div class="dim small">${one.url}</div>` },
  { title: "State", by: (/** @type {Row} */ one) => one.state, cell: (/** @type {Row} */ one) => html`<${Tag} kind=${kindOf(one.state)}>${units.words(one.state)}<//>
    ${(one.reason || one.by_hand) && html`<div class="dim small">${one.by_hand ? `${one.by_hand.how} by hand` : one.reason}</div>`}` },
  { title: "Accepted", num: true, by: (/** @type {Row} */ one) => one.accepted, cell: (/** @type {Row} */ one) => units.count(one.accepted) },
  { title: "Rejected", num: true, by: (/** @type {Row} */ one) => one.rejected, cell: (/** @type {Row} */ one) => html`${units.count(one.rejected)}<div class="dim small">${units.percent(one.rejected, all(one))}</div>` },
  { title: "Lost", num: true, by: (/** @type {Row} */ one) => sum(one.lost), cell: (/** @type {Row} */ one) => units.count(sum(one.lost)) },
  { title: "Difficulty", num: true, by: (/** @type {Row} */ one) => one.difficulty, cell: (/** @type {Row} */ one) => units.work(one.difficulty) },
  { title: "Answers", num: true, by: (/** @type {Row} */ one) => one.latency?.p50_s, cell: (/** @type {Row} */ one) => html`${units.latency(one.latency?.p50_s)}<div class="dim small">99 %: ${units.latency(one.latency?.p99_s)}</div>` },
  { title: "Job age", num: true, by: (/** @type {Row} */ one) => one.last_job_age_s, cell: (/** @type {Row} */ one) => units.span(one.last_job_age_s) },
  { title: "Switches", num: true, by: (/** @type {Row} */ one) => one.switches, cell: (/** @type {Row} */ one) => units.count(one.switches) },
  { title: "Certificate", num: true, by: (/** @type {Row} */ one) => one.certificate_days, cell: (/** @type {Row} */ one) => certificate(one.certificate_days) },
  { title: "Connections", num: true, by: (/** @type {Row} */ one) => one.connections, cell: (/** @type {Row} */ one) => units.count(one.connections) },
];

const NODES = [
  { title: "Node", cell: (/** @type {Row} */ one) => one.name },
  { title: "State", cell: (/** @type {Row} */ one) => html`<${Tag} kind=${kindOf(one.state)}>${units.words(one.state)}<//>${one.reason && html`<div class="dim small">${one.reason}</div>`}` },
  { title: "Network", cell: (/** @type {Row} */ one) => one.chain ?? units.NONE },
  { title: "Height", num: true, cell: (/** @type {Row} */ one) => units.count(one.height) },
  { title: "Newest block", cell: (/** @type {Row} */ one) => (one.tip ? html`<code>${one.tip.slice(0, 8)}…${one.tip.slice(-16)}</code>` : units.NONE) },
];

/** @param {any[]} hours */
const dayOf = (hours) => {
  const sent = hours.reduce((all, hour) => all + hour.forwarded, 0);
  const good = hours.reduce((all, hour) => all + hour.accepted, 0);
  return { sent, good };
};

/** @param {{pool: any, seconds: number}} props */
const Past = ({ pool, seconds }) => {
  const { columns, fault } = usePast(`pools/${safe(pool.name)}`, seconds);
  const data = columns ?? { at: [], latency_s: [], slowest_s: [], accepted: [], rejected: [], lost: [] };
  const answers = useMemo(() => [data.at, data.slowest_s, data.latency_s], [columns]);
  const refused = useMemo(() => [data.at, partOf(data, "lost"), partOf(data, "rejected")], [columns]);
  return html`<${Card} size="w6" title=${`${pool.name}: from a share to its answer`}><${Fault} fault=${fault}/>
      <${Chart} label=${`From a share to the answer of ${pool.name}, seconds`} unit=${units.latency} seconds=${seconds} data=${answers} least=${0.01}
        lines=${[{ name: "Slowest", colour: "--dim", width: 1 }, { name: "Mean", colour: "--accent" }]}/><//>
    <${Card} size="w6" title=${`${pool.name}: shares that it did not take`}>
      <${Chart} label=${`Shares that ${pool.name} rejected or that were lost, percent of those sent`} unit=${percent} seconds=${seconds} data=${refused} least=${0.1}
        lines=${[{ name: "Lost", colour: "--dim", dash: [5, 4], width: 1.25 }, { name: "Rejected", colour: "--accent" }]}/><//>`;
};

/** @param {number | null} value */
const percent = (value) => (value == null ? units.NONE : `${Number(value.toPrecision(3))} %`);

/** @param {{pool: any}} props */
const Verdict = ({ pool }) => {
  const { sent, good } = dayOf(pool.hours);
  return html`<${Card} size="w6" title=${`${pool.name}: its verdict against ours`} aside=${html`<span class="dim">${sent ? `${units.percent(good, sent)} of ${units.count(sent)} in a day` : "the last day"}</span>`}>
  <${Table} caption=${`Shares sent to ${pool.name} by hour`} rows=${[...pool.hours].reverse().slice(0, 24)}
    empty=${html`<${Empty} title="No share has been sent yet"/>`} columns=${[
      { title: "Hour", cell: (/** @type {Row} */ one) => units.moment(one.hour).slice(5, 16) },
      { title: "Sent", num: true, cell: (/** @type {Row} */ one) => units.count(one.forwarded) },
      { title: "Accepted", num: true, cell: (/** @type {Row} */ one) => units.count(one.accepted) },
      { title: "Rejected", num: true, cell: (/** @type {Row} */ one) => html`<span class=${sum(one.rejected) ? "" : "dim"}>${units.count(sum(one.rejected))}</span>` },
      { title: "No answer", num: true, cell: (/** @type {Row} */ one) => html`<span class=${one.pending ? "" : "dim"}>${units.count(one.pending)}</span>` },
      { title: "Work", num: true, cell: (/** @type {Row} */ one) => units.work(one.work) },
    ]}/><//>`;
};

/** @param {{pool: any}} props */
const Reasons = ({ pool }) => {
  const rows = [...Object.entries(pool.rejects ?? {}).map(([why, n]) => [`Rejected: ${units.words(why)}`, n]), ...Object.entries(pool.lost ?? {}).map(([why, n]) => [`Lost: ${units.words(why)}`, n])].filter(([, n]) => n);
  return html`<${Card} size="w6" title=${`${pool.name}: why`} aside=${html`<span class="dim">since the start</span>`}>
    ${rows.length ? html`<ul class="list">${rows.map(([why, n]) => html`<li class="pair"><span>${why}</span><span class="num">${units.count(n)}</span></li>`)}</ul>` : html`<${Empty} title="It took every share that was sent"/>`}<//>`;
};

export const PoolsPage = () => {
  const now = /** @type {any} */ (useNow());
  const [seconds, setSeconds] = useState("3600");
  const asked = useApi("pools", 10);
  const pools = now?.status?.pools ?? [];
  const nodes = now?.status?.nodes ?? [];
  const known = rowsOf(asked.data);
  return html`<div class="title"><h1>Pools and nodes</h1><span class="spacer"></span>
      ${Boolean(known.length) && html`<${Segments} label="What the charts show" choices=${SPANS} value=${seconds} onPick=${setSeconds}/>`}</div><${Fault} fault=${asked.fault}/>
    <div class="grid"><${Card} title="Pools"><${Table} caption="Pools" rows=${pools.map((/** @type {Row} */ one) => ({ ...(known.find(({ name }) => name === one.name) ?? {}), ...one }))} columns=${POOLS}
      empty=${html`<${Empty} title="No pool">This proxy mines beside its nodes. A pool is <code>[[pools]]</code> in the configuration.<//>`}/><//>
    <${Card} title="Nodes"><${Table} caption="Nodes" rows=${nodes} columns=${NODES}
      empty=${html`<${Empty} title="No node">Templates come from pools alone. A node is <code>[[nodes]]</code> in the configuration.<//>`}/><//>
    ${known.map((pool) => html`<${Past} key=${`past ${pool.name}`} pool=${pool} seconds=${Number(seconds)}/><${Verdict} key=${pool.name} pool=${pool}/><${Reasons} key=${`why ${pool.name}`} pool=${pool}/>`)}</div>`;
};
