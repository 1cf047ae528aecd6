/** One machine: what it was told, what it says, what its shares prove, and why. */
import { html, useMemo, useState } from "/vendor/htm.js";
import { rowsOf, safe, useApi } from "/api.js";
import { Chart } from "/chart.js";
import { MachineControls } from "/controls.js";
import { usePast } from "/history.js";
import { Card, Empty, Fault, Segments, Tag } from "/parts.js";
import { useFleet } from "/roster.js";
import { RANGES, partOf } from "/series.js";
import { exactly } from "/steer.js";
import { useNow } from "/store.js";
import * as units from "/units.js";
import { REJECTS, adviceOf, kindOf, stateOf } from "/words.js";

/** @param {{machine: any}} props */
const Power = ({ machine }) => html`<${Card} size="w4" title="Power">${machine
  ? html`<dl class="facts"><dt>Told</dt><dd>${units.watts(machine.told_w)}</dd>
      <dt>It says</dt><dd>${machine.power_w == null ? "nothing" : units.watts(machine.power_w)}</dd>
      <dt>Held by</dt><dd>${units.words(machine.held_by)}</dd>
      <dt>Device API</dt><dd>${machine.api ? units.words(machine.api) : "none that answers"}</dd>
      <dt>Owed to it</dt><dd>${machine.debt_h.toFixed(1)} h of full power</dd>
      <dt>Fault</dt><dd class=${machine.fault ? "fault" : "dim"}>${machine.fault || "none"}</dd></dl>`
  : html`<${Empty} title="Not in the plan">No power settings, or no machine of this name in the controller's fleet.<//>`}<//>`;

/** @param {{machine: any, miner: any}} props */
const Proved = ({ machine, miner }) => {
  const proved = machine?.hashrate;
  return html`<${Card} size="w4" title="What shares prove"><dl class="facts">
    ${proved && html`<dt>Last minutes at work</dt><dd>${proved.hash_hs ? html`${units.hashes(proved.hash_hs)} <span class="dim">${units.hashes(proved.low_hs)} to ${units.hashes(proved.high_hs)}, ${units.count(proved.shares)} shares</span>` : html`<span class="dim">too little time yet, ${units.count(proved.shares)} shares</span>`}</dd>`}
    ${miner && ["1m", "5m", "1h", "24h"].map((window) => html`<dt>Over ${window.replace("m", " min").replace("h", " h")}</dt><dd>${units.hashes(miner.hashrate_hs[window])}</dd>`)}</dl>
    ${!proved && !miner && html`<${Empty} title="No shares">It is not connected.<//>`}<//>`;
};

/** @param {{miner: any}} props */
const Stratum = ({ miner }) => html`<${Card} size="w4" title="In Stratum">${miner
  ? html`<dl class="facts"><dt>Worker</dt><dd>${miner.worker ?? "not authorised"}</dd><dt>Address</dt><dd>${miner.address}</dd>
      <dt>Protocol</dt><dd>${miner.protocol === "sv2" ? "Stratum V2" : "Stratum V1"}</dd><dt>Firmware</dt><dd>${miner.user_agent || "not said"}</dd>
      <dt>Source</dt><dd>${miner.source ?? units.NONE}</dd><dt>Difficulty</dt><dd>${units.difficulty(miner.difficulty)}</dd>
      <dt>Connected</dt><dd>${units.span(miner.connected_s)}</dd><dt>Last share</dt><dd>${miner.last_share_s == null ? "none yet" : `${units.span(miner.last_share_s)} ago`}</dd></dl>`
  : html`<${Empty} title="Not connected"/>`}<//>`;

/** @param {{miner: any}} props */
const Shares = ({ miner }) => {
  const rows = Object.entries(miner?.rejected ?? {}).filter(([, n]) => n);
  return html`<${Card} size="w6" title="Shares" aside=${miner && html`<span class="dim">${units.count(miner.accepted)} accepted</span>`}>
    ${rows.length ? html`<ul class="list">${rows.map(([reason, n]) => html`<li><div class="pair"><span>Share ${REJECTS[reason]?.[0] ?? units.words(reason)}</span><span class="num">${units.count(/** @type {number} */ (n))}</span></div>
      <div class="dim small">${adviceOf(reason, /** @type {number} */ (n), miner.stale_parked)}</div></li>`)}</ul>` : html`<${Empty} title="None was rejected">On this connection.<//>`}<//>`;
};

/** What the charts show: the ledger has minutes. @type {[string, string][]} */
const SPANS = RANGES.slice(1).map(([seconds, title]) => [String(seconds), title]);

/** @param {{name: string, expected: number | null, seconds: number}} props */
const Past = ({ name, expected, seconds }) => {
  const { columns, fault } = usePast(`miners/${safe(name)}`, seconds);
  const data = columns ?? { at: [], hashrate_hs: [], accepted: [], rejected: [] };
  const hash = useMemo(() => [data.at, data.at.map(() => expected), data.hashrate_hs], [columns, expected]);
  const rejected = useMemo(() => [data.at, partOf(data, "rejected")], [columns]);
  return html`<${Card} size="w6" title="Hashrate by its shares"><${Fault} fault=${fault}/>
      <${Chart} label="Hashrate by its shares, against its model" unit=${units.hashes} seconds=${seconds} data=${hash}
        lines=${[{ name: "By its model", colour: "--dim", dash: [5, 4], width: 1.25 }, { name: "By shares", colour: "--accent" }]}/><//>
    <${Card} size="w6" title="Rejected shares">
      <${Chart} label="Rejected shares, percent" unit=${(/** @type {number | null} */ v) => (v == null ? units.NONE : `${Number(v.toPrecision(3))} %`)} seconds=${seconds} data=${rejected} least=${0.1}
        lines=${[{ name: "Rejected", colour: "--accent" }]}/><//>`;
};

/** @param {{site: string, name: string}} props */
export const MachinePage = ({ site, name }) => {
  const [seconds, setSeconds] = useState("3600");
  const why = useApi(`miners/${safe(name)}`);
  const miners = useApi(`sites/${safe(site)}/miners?text=${safe(name)}`);
  const miner = rowsOf(miners.data).find((one) => one.worker === name || one.address === name) ?? null;
  const byName = useApi(`sites/${safe(site)}/machines?filter=${safe(exactly(name))}`);
  const known = rowsOf(byName.data);
  const { roster, cells, racks } = useFleet(site);
  const status = /** @type {any} */ (useNow())?.status;
  const picked = (roster?.workers ?? []).flatMap((/** @type {string} */ worker, /** @type {number} */ at) => ((worker || roster.addresses[at]) === name ? [at] : []));
  const machine = known.find((one) => one.machine === name || one.worker === name) ?? null;
  const sentences = rowsOf(why.data).flatMap((one) => one.sentences ?? one.why?.sentences ?? (typeof one === "string" ? [one] : []));
  const state = machine?.state ?? miner?.state;
  return html`<p class="back"><a href="/fleet">Fleet</a></p>
    <div class="title"><h1>${name}</h1>${state && html`<${Tag} kind=${kindOf(state)}>${stateOf(state)[0]}<//>`}
      <span class="dim">${[machine?.model, machine?.tenant].filter(Boolean).join(" · ")}</span><span class="spacer"></span>
      <${Segments} label="What the charts show" choices=${SPANS} value=${seconds} onPick=${setSeconds}/>
      <${MachineControls} roster=${roster} cells=${cells} racks=${racks} picked=${picked} byHand=${status?.by_hand ?? []}/></div>
    <${Fault} fault=${miners.fault}/>
    <div class="grid"><${Proved} machine=${machine} miner=${miner}/><${Power} machine=${machine}/><${Stratum} miner=${miner}/>
      <${Card} size="w6" title="Why it is as it is">${sentences.length
        ? html`<ul class="sentences">${sentences.map((/** @type {string} */ one) => html`<li>${one}</li>`)}</ul>`
        : html`<${Empty} title="Nothing is known of it now">${why.fault?.message ?? "It is not connected."}<//>`}<//>
      <${Shares} miner=${miner}/><${Past} name=${miner?.worker ?? name} expected=${roster?.expected_hs[picked[0]] || null} seconds=${Number(seconds)}/></div>`;
};
