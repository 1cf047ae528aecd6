/** Now: does the site earn, and does it obey? */
import { html, useMemo, useState } from "/vendor/htm.js";
import { useApi } from "/api.js";
import { Chart } from "/chart.js";
import { SiteControls } from "/controls.js";
import { marksOf, useEvents } from "/happened.js";
import { siteIn, useRows } from "/history.js";
import { pointedAt } from "/pages/events.js";
import { Card, Empty, Fault, Segments, Table, Tag, Tile } from "/parts.js";
import { RANGES, reaching } from "/series.js";
import { useNow } from "/store.js";
import * as units from "/units.js";
import { REJECTS, adviceOf, kindOf, standing } from "/words.js";

/** @param {Record<string, number> | undefined} counts */
const sum = (counts) => Object.values(counts ?? {}).reduce((all, one) => all + one, 0);

/** @param {any} power @param {any} site */
const band = (power, site) => {
  const proved = power?.hashrate;
  if (!proved?.hash_hs) return `5 min: ${units.hashes(site.hashrate_hs["5m"])}`;
  return `proved: ${units.hashes(proved.low_hs)} to ${units.hashes(proved.high_hs)}`;
};

/** What an hour comes to at a price. @param {any} price of `power` */
const earning = ({ price, earned_h, saved_h }) => {
  if (price == null) return "nothing says what it is now";
  if (earned_h == null) return "what hashes earn is not known";
  return `earns ${units.money(earned_h)}${saved_h ? `, saves ${units.money(saved_h)}` : ""} an hour`;
};

/** @param {{site: any, power: any}} props */
const Tiles = ({ site, power }) => {
  const rejected = sum(site.shares.rejected);
  const total = rejected + site.shares.accepted;
  const over = site.power_w != null && site.budget_w != null && site.power_w > site.budget_w;
  const source = site.power_source ? `by ${units.words(site.power_source)}` : "no budget is set";
  const against = site.budget_w == null ? source : `${over ? "over" : "of"} ${units.watts(site.budget_w)}, ${source}`;
  const model = power?.expected_joules_per_terahash;
  return html`<dl class="tiles">
    <${Tile} name="Power" value=${site.power_w} unit="W" of=${site.budget_w} over=${true} bad=${over} note=${against}/>
    <${Tile} name="Hashrate" value=${power?.hashrate?.hash_hs || site.hashrate_hs["1m"]} unit="H/s" of=${site.cap_hs} note=${band(power, site)}/>
    <${Tile} name="Miners at work" text=${units.count(site.miners.active)} value=${site.miners.active} of=${site.miners.connected || null}
      note=${`of ${units.count(site.miners.connected)}, ${units.count(site.miners.parked)} parked`}/>
    <${Tile} name="Rejected shares" value=${rejected} text=${units.percent(rejected, total)} note=${`${units.count(site.shares.accepted)} accepted`}/>
    <${Tile} name="Efficiency" value=${power?.joules_per_terahash} text=${units.efficiency(power?.joules_per_terahash)}
      note=${model ? `by model ${units.efficiency(model)}` : "no word of watts and shares yet"}/>
    ${power?.price && html`<${Tile} name="Price" value=${power.price.price} text=${units.money(power.price.price, `${power.price.currency}/MWh`)}
      bad=${power.price.price == null} note=${earning(power.price)}/>`}</dl>`;
};

/** What the charts show, seconds: as texts, for they are choices. @type {[string, string][]} */
const SPANS = RANGES.map(([seconds, title]) => [String(seconds), title]);

/** @param {{name: string, seconds: number, moment: number | null}} props */
const Charts = ({ name, seconds, moment }) => {
  const { rows, fault } = useRows(name, seconds);
  const { events } = useEvents();
  const marks = useMemo(() => marksOf(events), [events]);
  const power = [rows.at, rows.budget, rows.power].map((column) => column.slice());
  const hash = [rows.at, rows.cap, rows.low, rows.high, rows.hash].map((column) => column.slice());
  const limit = { colour: "--dim", dash: [5, 4], width: 1.25 };
  const shared = { seconds, marks, moment };
  return html`<${Fault} fault=${fault}/><${Card} size="w6" title="Power against budget">
      <${Chart} label="Power against budget, watts" unit=${units.watts} data=${power} ...${shared}
        lines=${[{ name: "Budget", ...limit }, { name: "Power", colour: "--accent" }]}/><//>
    <${Card} size="w6" title="Hashrate against cap">
      <${Chart} label="Hashrate against cap, with the band that shares prove" unit=${units.hashes} data=${hash} band=${[3, 2]} ...${shared}
        lines=${[{ name: "Cap", ...limit }, { name: "low", colour: "--soft", hidden: true }, { name: "high", colour: "--soft", hidden: true },
          { name: "Proved by shares", colour: "--accent" }]}/><//>`;
};

/** @param {{signal: any}} props */
const Signal = ({ signal }) => {
  const left = signal.silent_s == null || signal.lease_s == null ? null : signal.lease_s - signal.silent_s;
  const said = signal.has_lapsed ? "lapsed" : left == null ? "not heard yet" : `holds for ${units.span(left)}`;
  return html`<li><div class="pair"><span>${signal.name}</span><${Tag} kind=${signal.has_lapsed ? "bad" : left == null ? "rest" : "good"}>${said}<//></div>
    ${signal.lease_s != null && html`<meter min="0" max=${signal.lease_s} value=${Math.max(0, left ?? 0)} aria-label=${`Lease of ${signal.name}`}></meter>`}</li>`;
};

/** @param {{site: any, power: any}} props */
const Rules = ({ site, power }) => html`<${Card} size="w4" title="What rules">
  ${site.budget_w == null && !power ? html`<${Empty} title="No power budget">This site mines at full power. A budget is <code>[sites.power]</code> in the configuration.<//>` : html`
  <dl class="facts"><dt>State</dt><dd><${Tag} kind=${kindOf(site.state)}>${units.words(site.state)}<//>${power?.state_reason && html` <span class="dim">${power.state_reason}</span>`}</dd>
    <dt>Budget</dt><dd>${units.watts(site.budget_w)} <span class="dim">${power?.ruled_by ?? site.ruled_by ?? ""}</span></dd>
    <dt>Next change</dt><dd>${power?.next_change ? units.clock(power.next_change) : "none is known"}</dd>
    <dt>Cap</dt><dd>${units.hashes(site.cap_hs)}</dd></dl>
  ${Boolean(power?.signals?.length) && html`<h3>Signals</h3><ul class="list">${power.signals.map((/** @type {any} */ one) => html`<${Signal} signal=${one}/>`)}</ul>`}`}<//>`;

/** What the price makes of each model. @param {{price: any}} props */
const Price = ({ price }) => {
  const { currency, models } = price;
  const cost = price.adders ? html`${units.money(price.cost)} <span class="dim">with ${units.money(price.adders)} beside it</span>` : units.money(price.cost);
  return html`<${Card} size="w4" title="Price" aside=${html`<span class="dim">${price.source}, ${currency} a MWh</span>`}>
    <dl class="facts"><dt>Now</dt><dd>${cost}${price.until && html` <span class="dim">until ${units.clock(price.until)}</span>`}</dd>
      <dt>Known until</dt><dd>${price.known_until ? units.moment(price.known_until).slice(0, 16) : "nothing is known"}</dd>
      <dt>Hashprice</dt><dd>${price.hashprice == null ? "not known" : `${units.money(price.hashprice, currency)} a PH/s in a day`}${price.worth && html`<div class="dim small">${price.worth}</div>`}</dd>
      <dt>In an hour</dt><dd>earns ${units.money(price.earned_h)}, pays ${units.money(price.paid_h)}, saves ${units.money(price.saved_h)}</dd></dl>
    <${Table} caption="Models at this price" rows=${models} columns=${[
      { title: "Model", cell: (/** @type {any} */ one) => one.model },
      { title: "Breakeven", num: true, cell: (/** @type {any} */ one) => units.money(one.breakeven) },
      { title: "At work", num: true, cell: (/** @type {any} */ one) => html`${units.count(one.running)} of ${units.count(one.machines)}${one.is_shed && html`<div class="dim small">kept off</div>`}` },
    ]}/><//>`;
};

/** What keeps machines from being as they were told: of which the API has a count. @type {[string, string, string, string][]} */
const UNRULY = [
  ["hashing_on", "hash though they were told to stop", "bad", "Their shares are refused; cut their power or look at the firmware."],
  ["unresponsive", "do not obey", "bad", "They count at full power in the plan until they answer."],
  ["silent", "are at work without shares", "warn", "Look at their hashboards and at the network."],
  ["unknown", "are described by no fleet row", "warn", "Add a row of [[sites.fleet]]: the cap cannot count them."],
  ["under_way", "are changing", "", "A command is on its way; it is checked by shares and by read-back."],
  ["parked_only", "can only be parked", "rest", "No device API answers: they draw up to 135 s after parking."],
];

/** @param {{power: any}} props */
const Obey = ({ power }) => {
  const counts = power?.machines ?? {};
  const rows = UNRULY.filter(([key]) => counts[key]);
  return html`<${Card} size="w4" title="Who has not obeyed yet" aside=${power && html`<span class="dim">of ${units.count(counts.total)} machines</span>`}>
    ${rows.length ? html`<ul class="list">${rows.map(([key, text, kind, what]) => html`<li>
      <${Tag} kind=${kind}><span><b>${units.count(counts[key])}</b> ${text}</span><//><div class="dim small">${what}</div></li>`)}</ul>`
      : html`<${Empty} title=${power ? "Every machine does as it was told" : "No machine is told anything"}>${power ? "By read-back, meter and shares." : "Without a budget nothing is parked or lowered."}<//>`}<//>`;
};

/** @param {{power: any, site: any, at: number}} props */
const Alarms = ({ power, site, at }) => {
  const { data, fault } = useApi("alarms", 2);
  const rows = standing(site, power, data ?? [], at);
  return html`<${Card} size="w4" title="Alarms" aside=${html`<span class="dim">${rows.length || (data ? "none" : units.NONE)}</span>`}><${Fault} fault=${fault}/>
    ${rows.length ? html`<ul class="list">${rows.slice(0, 8).map((/** @type {any} */ one) => html`<li>
      <div class="pair"><${Tag} kind=${kindOf(one.severity ?? "critical")}>${units.words(one.alarm || "alarm")}<//><span class="dim">${units.span(one.for_s)}</span></div>
      <div class="dim small">${one.machine && html`<a href=${`/m/${encodeURIComponent(one.machine)}`}>${one.machine}</a>: `}${one.cause}</div></li>`)}</ul>
      ${rows.length > 8 && html`<p class="dim">and ${rows.length - 8} more</p>`}` : data && html`<${Empty} title="Nothing stands">What begins and ends is in <a href="/events">Events</a>.<//>`}<//>`;
};

/** @param {{status: any, site: any}} props */
const Sources = ({ status, site }) => {
  const pools = status.pools.map((/** @type {any} */ one) => ({ ...one, kind: "pool", word: one.state, age: one.last_job_age_s }));
  const nodes = status.nodes.map((/** @type {any} */ one) => ({ ...one, kind: "node", word: one.state, age: null }));
  return html`<${Card} size="w4" title="Sources" aside=${html`<a href="/pools">Pools and nodes</a>`}>
    <${Table} caption="Sources" rows=${[...pools, ...nodes]} empty=${html`<${Empty} title="No sources">Add <code>[[pools]]</code> or <code>[[nodes]]</code>.<//>`} columns=${[
      { title: "Name", cell: (/** @type {any} */ one) => html`${one.name}${one.name === site.source && html` <span class="dim">in use</span>`}` },
      { title: "State", cell: (/** @type {any} */ one) => html`<${Tag} kind=${kindOf(one.word)}>${units.words(one.word)}<//>` },
      { title: "Job age", num: true, cell: (/** @type {any} */ one) => (one.kind === "node" ? `block ${units.count(one.height)}` : units.span(one.age)) },
    ]}/><//>`;
};

/** @param {{site: any}} props */
const Rejects = ({ site }) => {
  const rows = Object.entries(site.shares.rejected).filter(([, n]) => n).sort((a, b) => b[1] - a[1]);
  const all = sum(site.shares.rejected);
  return html`<${Card} size="w4" title="Rejected, and why" aside=${html`<span class="dim">since the start</span>`}>
    ${rows.length ? html`<ul class="list">${rows.map(([reason, n]) => html`<li>
      <div class="pair"><span>${REJECTS[reason] ? `Share ${REJECTS[reason][0]}` : units.words(reason)}</span><span class="num">${units.count(n)}</span></div>
      <meter class="quiet" min="0" max=${all} value=${n} aria-label=${`${units.words(reason)}: share of all rejects`}></meter>
      <div class="dim small">${adviceOf(reason, n, site.shares.parked_rejected?.[reason])}</div></li>`)}</ul>` : html`<${Empty} title="No share was rejected"/>`}<//>`;
};

/** @param {{status: any}} props */
const Blocks = ({ status }) => {
  const { data } = useApi("blocks", 30);
  const rows = Array.isArray(data) ? data.slice(0, 6) : [];
  return html`<${Card} size="w4" title="Blocks" aside=${html`<span class="dim">${units.count(status.blocks.found)} found, ${units.count(status.blocks.accepted)} accepted</span>`}>
    <${Table} caption="Newest blocks" rows=${rows} empty=${html`<${Empty} title="None yet">The newest are listed here with who found them.<//>`} columns=${[
      { title: "Time", cell: (/** @type {any} */ one) => units.clock(one.at) },
      ...(rows.some((/** @type {any} */ one) => one.height != null) ? [{ title: "Height", num: true, cell: (/** @type {any} */ one) => units.count(one.height) }] : []),
      { title: "Found by", cell: (/** @type {any} */ one) => one.worker },
      { title: "Verdict", cell: (/** @type {any} */ one) => html`<${Tag} kind=${kindOf(one.verdict)}>${units.words(one.verdict)}<//>` },
    ]}/><//>`;
};

/** @param {{site: string}} props */
export const NowPage = ({ site: name }) => {
  const now = /** @type {any} */ (useNow());
  const moment = pointedAt();
  const [seconds, setSeconds] = useState(moment == null ? "600" : reaching(moment, Date.now() / 1000));
  const { site, power } = siteIn(now, name);
  if (!site) return null;
  const { status } = now;
  return html`<div class="title"><h1>Now</h1><${Tag} kind=${kindOf(site.state ?? status.state)}>${units.words(site.state ?? status.state)}<//>
      <span class="dim">${site.ruled_by ?? ""}</span><span class="spacer"></span>
      <span class="dim">${status.name} ${status.version}, up ${units.span(status.uptime_s)}, ledger ${status.ledger}</span>
      <${Segments} label="What the charts show" choices=${SPANS} value=${seconds} onPick=${setSeconds}/></div>
    <${SiteControls} site=${site} power=${power}/>
    <div class="grid"><${Tiles} site=${site} power=${power}/><${Charts} name=${name} seconds=${Number(seconds)} moment=${moment}/>
      <${Rules} site=${site} power=${power}/>${power?.price && html`<${Price} price=${power.price}/>`}<${Obey} power=${power}/><${Alarms} site=${site} power=${power} at=${now.at}/>
      <${Sources} status=${status} site=${site}/><${Rejects} site=${site}/><${Blocks} status=${status}/></div>`;
};
