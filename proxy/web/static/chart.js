/** uPlot as a part: one unit a chart, the limit as a line, what is proved as a band. */
import { html, useEffect, useRef } from "/vendor/htm.js";
import { colour, onTheme } from "/colours.js";
import { NONE, clock } from "/units.js";

const HEIGHT = 230;

/** Seconds that a chart shows at least: a page just opened has a few points only. */
const LEAST_S = 60;

/**
 * @typedef {object} Line
 * @property {string} name
 * @property {string} colour token of the style sheet
 * @property {number[]} [dash]
 * @property {number} [width]
 * @property {boolean} [hidden] an edge of a band: drawn by the band alone
 */

/** @param {Line[]} lines @param {(v: number | null) => string} unit @param {[number, number] | null} band @param {number} width @param {{seconds: number}} window */
const options = (lines, unit, band, width, window) => {
  const axis = {
    stroke: colour("--dim"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
    font: "12px Inter, system-ui, sans-serif",
  };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { sync: { key: "time" }, points: { size: 7 }, y: false },
    padding: [10, 28, 0, 0], // right: half of a time, where one stands at the edge
    scales: {
      x: { time: false, range: (/** @type {any} */ _, /** @type {number} */ least, /** @type {number} */ most) => [Math.min(most - LEAST_S, Math.max(least, most - window.seconds)), most] },
      // from zero, and so that a flat line does not look like a mountain
      y: { range: (/** @type {any} */ _, /** @type {number} */ __, /** @type {number} */ most) => [0, (most || 1) * 1.12] },
    },
    bands: band ? [{ series: band, fill: colour("--soft") }] : [],
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
      { ...axis, grid: { show: false }, size: 28, gap: 8, space: 100, values: (/** @type {any} */ _, /** @type {number[]} */ at) => at.map((t) => clock(t).slice(0, (at[1] ?? t) - at[0] < 60 ? 8 : 5)) },
      { ...axis, size: 74, space: 44, values: (/** @type {any} */ _, /** @type {number[]} */ at) => at.map((v) => (v ? unit(v).replace(/\.0+ /, " ").replace(/(\.[1-9]+)0+ /, "$1 ") : "0")) },
    ],
  };
};

/**
 * A chart that redraws as `data` is another; the values under the cursor stand above it.
 * @param {{label: string, lines: Line[], data: (number | null)[][], unit: (v: number | null) => string,
 *   seconds: number, band?: [number, number] | null}} props
 */
export const Chart = ({ label, lines, data, unit, seconds, band = null }) => {
  const span = useRef({ seconds });
  span.current.seconds = seconds;
  const box = useRef(/** @type {any} */ (null));
  const plot = useRef(/** @type {any} */ (null));
  const legend = useRef(/** @type {any} */ (null));
  const newest = useRef(data);
  newest.current = data;
  useEffect(() => {
    const element = box.current;
    const read = (/** @type {any} */ u) => {
      const at = u.cursor.idx ?? newest.current[0].length - 1;
      const shown = lines.flatMap((line, nth) => (line.hidden ? [] : [[nth, u.data[nth + 1]?.[at]]]));
      shown.forEach(([, value], nth) => (legend.current.children[nth].lastChild.textContent = value == null ? NONE : unit(value)));
      legend.current.lastChild.textContent = u.cursor.idx == null ? "" : clock(u.data[0][at]);
    };
    const make = () => {
      plot.current?.destroy();
      const made = options(lines, unit, band, element.clientWidth, span.current);
      plot.current = new /** @type {any} */ (globalThis).uPlot({ ...made, hooks: { setCursor: [read], setData: [read] } }, newest.current, element);
      read(plot.current);
    };
    make();
    const sized = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }));
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
  return html`<figure><p class="keys" ref=${legend}>${keys.map((line) => html`
      <span class=${`key ${line.dash ? "dashed" : ""}`}><i class=${`k${line.colour}`}></i>${line.name} <b></b></span>`)}<span class="dim"></span></p>
    <div class="plot" role="img" aria-label=${label} ref=${box}></div></figure>`;
};
