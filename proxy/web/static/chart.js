/** uPlot as a part: one unit a chart, the limit as a line, what is proved as a band. */
import { html, useEffect, useMemo, useRef, useState } from "/vendor/htm.js";
import { colour, onTheme } from "/colours.js";
import { grouped } from "/series.js";
import { NONE, clock, moment } from "/units.js";

const HEIGHT = 230;

/** Seconds that a chart shows at least: a page just opened has a few points only. */
const LEAST_S = 60;

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86400;

/** Steps of a time axis, seconds: those of clocks. */
const STEPS = [1, 2, 5, 10, 15, 30, ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE), ...[1, 2, 3, 6, 12].map((n) => n * HOUR), ...[1, 2, 7].map((n) => n * DAY)];

/** Pixels in which marks of a time axis are one. */
const NEAR = 14;

/** Pixels beside and around the plot: what `options` asks of uPlot. */
const LEFT = 74;
const RIGHT = 28;

/**
 * @typedef {object} Line
 * @property {string} name
 * @property {string} colour token of the style sheet
 * @property {number[]} [dash]
 * @property {number} [width]
 * @property {boolean} [hidden] an edge of a band: drawn by the band alone
 */

/** @param {number} at Unix seconds */
const offset = (at) => -new Date(at * 1000).getTimezoneOffset() * MINUTE;

/** Times of an axis at whole steps of the clock here. @param {any} _ @param {number} __ @param {number} least @param {number} most @param {number} step */
const splits = (_, __, least, most, step) => {
  const off = offset(least);
  const found = [];
  for (let at = Math.ceil((least + off) / step) * step - off; at <= most; at += step) found.push(at);
  return found;
};

/** @param {any} u @param {number[]} at */
const times = (u, at) => {
  if (!u.data[0].length) return at.map(() => "");
  const step = (at[1] ?? at[0]) - at[0];
  if (step >= DAY) return at.map((t) => moment(t).slice(5, 10));
  return at.map((t) => (step < MINUTE ? clock(t) : clock(t).slice(0, 5)));
};

/** Tell whether nothing is known of what a chart shows: then its axis says nothing. @param {any} u */
const isEmpty = (u) => u.data.slice(1).every((/** @type {(number | null)[]} */ column) => column.every((v) => v == null));

/** @param {Line[]} lines @param {(v: number | null) => string} unit @param {[number, number] | null} band @param {number} width @param {{seconds: number, least: number}} window */
const options = (lines, unit, band, width, window) => {
  const axis = {
    stroke: colour("--dim"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
    font: "12px Inter, system-ui, sans-serif",
  };
  // from the data: of one row only, uPlot asks for a range from 0 to twice its time
  const range = (/** @type {any} */ { data: [at] }) => {
    const most = at?.at(-1) ?? LEAST_S;
    return [Math.min(most - LEAST_S, Math.max(at?.[0] ?? 0, most - window.seconds)), most];
  };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { sync: { key: "time" }, points: { size: 7 }, y: false },
    padding: [10, RIGHT, 0, 0], // right: half of a time, where one stands at the edge
    scales: {
      x: { time: false, range },
      // from zero, and so that a flat line does not look like a mountain
      y: { range: (/** @type {any} */ _, /** @type {number} */ __, /** @type {number} */ most) => [0, Math.max(window.least, (most || 0) * 1.12) || 1] },
    },
    bands: band ? [{ series: band, fill: colour("--band") }] : [],
    series: [
      {},
      ...lines.map((line) => ({
        label: line.name,
        stroke: line.hidden ? "transparent" : colour(line.colour),
        width: line.hidden ? 0 : (line.width ?? 1.75),
        dash: line.dash,
        points: { show: false },
        spanGaps: false,
      })),
    ],
    axes: [
      { ...axis, grid: { show: false }, size: 28, gap: 8, space: 92, incrs: STEPS, splits, values: times },
      { ...axis, size: LEFT, space: 44, values: (/** @type {any} */ u, /** @type {number[]} */ at) => (isEmpty(u) ? at.map(() => "") : at.map((v) => (v ? unit(v).replace(/\.0+ /, " ").replace(/(\.[1-9]+)0+ /, "$1 ") : "0"))) },
    ],
  };
};

/** What marks of a time axis are of. */
const KINDS = { order: "order", alarm: "alarm", action: "action" };

/**
 * Marks below a chart, each a link to its events: where they are near each other, one.
 * @param {{marks: import("/happened.js").Mark[], from: number, to: number, width: number}} props
 */
const Marks = ({ marks, from, to, width }) => {
  const room = width - LEFT - RIGHT;
  const groups = useMemo(() => grouped(marks, from, to, room, NEAR), [marks, from, to, room]);
  if (!(room > 0) || !(to > from)) return null;
  const named = (/** @type {any} */ group) => `${moment(group.at)}: ${group.marks.length === 1 ? group.marks[0].text : `${group.marks.length} events, the last: ${group.marks.at(-1).text}`}`;
  return html`<ol class="marks" aria-label="Orders, alarms and actions">${groups.map((group) => html`
    <li key=${group.marks[0].at} style=${{ left: `${Math.round(LEFT + group.x)}px` }}><a class=${`mark ${KINDS[group.kind]}`} href=${`/events?at=${Math.round(group.at)}`}
      title=${named(group)} aria-label=${named(group)}>${group.marks.length > 1 ? group.marks.length : ""}</a></li>`)}</ol>`;
};

/**
 * A chart that redraws as `data` is another; the values under the cursor stand above it.
 * @param {{label: string, lines: Line[], data: (number | null)[][], unit: (v: number | null) => string,
 *   seconds: number, band?: [number, number] | null, least?: number, marks?: import("/happened.js").Mark[], moment?: number | null}} props
 * `least`: what the axis of values reaches at least; `moment`: Unix seconds that are pointed at.
 */
export const Chart = ({ label, lines, data, unit, seconds, band = null, least = 0, marks, moment: pointed = null }) => {
  const window = useRef({ seconds, least });
  Object.assign(window.current, { seconds, least });
  const box = useRef(/** @type {any} */ (null));
  const plot = useRef(/** @type {any} */ (null));
  const legend = useRef(/** @type {any} */ (null));
  const newest = useRef(data);
  newest.current = data;
  const point = useRef(pointed);
  point.current = pointed;
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = box.current;
    const read = (/** @type {any} */ u) => {
      const at = u.cursor.idx ?? newest.current[0].length - 1;
      const shown = lines.flatMap((line, nth) => (line.hidden ? [] : [[nth, u.data[nth + 1]?.[at]]]));
      shown.forEach(([, value], nth) => (legend.current.children[nth].lastChild.textContent = value == null ? NONE : unit(value)));
      const when = u.data[0][at];
      legend.current.lastChild.textContent = u.cursor.idx == null ? "" : window.current.seconds > DAY ? moment(when).slice(0, 16) : clock(when);
    };
    const line = (/** @type {any} */ u) => {
      if (point.current == null || !u.data[0].length) return;
      const x = Math.round(u.valToPos(point.current, "x", true));
      if (x < u.bbox.left || x > u.bbox.left + u.bbox.width) return;
      u.ctx.save();
      u.ctx.strokeStyle = colour("--accent");
      u.ctx.lineWidth = devicePixelRatio;
      u.ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
      u.ctx.beginPath();
      u.ctx.moveTo(x, u.bbox.top);
      u.ctx.lineTo(x, u.bbox.top + u.bbox.height);
      u.ctx.stroke();
      u.ctx.restore();
    };
    const make = () => {
      plot.current?.destroy();
      const made = options(lines, unit, band, element.clientWidth, window.current);
      plot.current = new /** @type {any} */ (globalThis).uPlot({ ...made, hooks: { setCursor: [read], setData: [read], draw: [line] } }, newest.current, element);
      setWidth(element.clientWidth);
      read(plot.current);
    };
    make();
    const sized = new ResizeObserver(() => {
      plot.current?.setSize({ width: element.clientWidth, height: HEIGHT });
      setWidth(element.clientWidth);
    });
    sized.observe(element);
    const end = onTheme(make);
    return () => {
      sized.disconnect();
      end();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [label]);
  useEffect(() => void plot.current?.setData(data), [data, seconds]);
  const keys = lines.filter((line) => !line.hidden);
  const to = data[0].at(-1) ?? 0;
  const from = Math.min(to - LEAST_S, Math.max(data[0][0] ?? 0, to - seconds));
  return html`<figure><p class="keys" ref=${legend}>${keys.map((line) => html`
      <span class=${`key ${line.dash ? "dashed" : ""}`}><i class=${`k${line.colour}`}></i>${line.name} <b></b></span>`)}<span class="dim"></span></p>
    <div class="plot" role="img" aria-label=${label} ref=${box}></div>
    ${marks && html`<${Marks} marks=${marks} from=${from} to=${to} width=${width}/>`}</figure>`;
};
