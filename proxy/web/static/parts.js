/** Parts that several pages are made of. */
import { html, useState } from "/vendor/htm.js";
import { NONE, scaled } from "/units.js";

/**
 * A figure, what it is measured against, and a word on it.
 * @param {{name: string, value: number | null | undefined, unit?: string, text?: string,
 *   of?: number | null, note?: any, bad?: boolean, over?: boolean}} props
 */
export const Tile = ({ name, value, unit = "", text, of, note, bad, over }) => {
  const [figure, suffix] = text != null ? text.split(" ") : scaled(value, unit);
  const part = of && value != null ? Math.min(1.2, value / of) : null;
  return html`<div class="tile"><dt>${name}</dt><dd>
    <span class="figure">${figure}${figure !== NONE && suffix && html`<small>${suffix}</small>`}</span>
    ${of == null ? html`<div class="bar"></div>` : html`<meter min="0" max="1" high=${over ? 1.001 : 1} value=${part ?? 0}
      low="0" optimum=${over ? 0 : 1} aria-label=${`${name}: share of its limit`}></meter>`}
    <div class=${`note ${bad ? "bad" : ""}`}>${note ?? ""}</div></dd></div>`;
};

/**
 * @param {{title: string, aside?: any, size?: string, id?: string, children?: any}} props
 */
export const Card = ({ title, aside, size = "", id, children }) => html`
  <section class=${`card ${size}`} id=${id} aria-label=${title}>
    <header><h2>${title}</h2>${aside}</header>${children}</section>`;

/** @param {{title: string, children?: any}} props */
export const Empty = ({ title, children }) =>
  html`<p class="empty"><b>${title}</b>${children}</p>`;

/** What could not be asked; what was known stays beside it. @param {{fault: Error | null}} props */
export const Fault = ({ fault }) =>
  fault && html`<p class="fault" role="alert">Not answered: ${fault.message}</p>`;

/** @param {{kind?: string, children?: any}} props good, warn, bad, rest or nothing */
export const Tag = ({ kind = "", children }) => html`<span class=${`tag ${kind}`}>${children}</span>`;

/**
 * @typedef {object} Column
 * @property {string} title
 * @property {(row: any) => any} cell
 * @property {boolean} [num]
 * @property {(row: any) => any} [by] what rows are sorted by; absent: they are not
 */

/**
 * @param {{caption: string, columns: Column[], rows: any[], empty?: any, most?: number}} props
 */
export const Table = ({ caption, columns, rows, empty, most = 500 }) => {
  const [sort, setSort] = useState({ by: -1, down: false });
  if (!rows.length && empty) return empty;
  const by = columns[sort.by]?.by;
  const sorted = by ? [...rows].sort((a, b) => compare(by(a), by(b)) * (sort.down ? -1 : 1)) : rows;
  const press = (/** @type {number} */ at) =>
    setSort({ by: at, down: sort.by === at ? !sort.down : Boolean(columns[at].num) });
  const head = (/** @type {Column} */ column, /** @type {number} */ at) => {
    const is = sort.by === at ? (sort.down ? "descending" : "ascending") : undefined;
    const mark = is ? (sort.down ? " ↓" : " ↑") : "";
    return html`<th scope="col" class=${column.num ? "num" : ""} aria-sort=${is}>
      ${column.by ? html`<button type="button" onClick=${() => press(at)}>${column.title}${mark}</button>` : column.title}</th>`;
  };
  const line = (/** @type {any} */ row) => html`<tr key=${typeof row === "object" ? undefined : row}>${columns.map((column, at) =>
    at === 0
      ? html`<th scope="row">${column.cell(row)}</th>`
      : html`<td class=${column.num ? "num" : ""}>${column.cell(row)}</td>`)}</tr>`;
  return html`<div class="scroll" tabindex="0" role="group" aria-label=${caption}><table>
    <caption class="unseen">${caption}</caption>
    <thead><tr>${columns.map(head)}</tr></thead><tbody>${sorted.slice(0, most).map(line)}</tbody></table></div>
    ${sorted.length > most && html`<p class="dim">${sorted.length - most} more: narrow the filter to see them.</p>`}`;
};

/** @param {any} a @param {any} b */
const compare = (a, b) => {
  if (a == null || b == null) return Number(a != null) - Number(b != null);
  return typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a - b;
};

/**
 * One of several, as buttons side by side.
 * @param {{label: string, choices: [string, string][], value: string, onPick: (value: string) => void}} props
 */
export const Segments = ({ label, choices, value, onPick }) => html`
  <div class="segments" role="group" aria-label=${label}>${choices.map(([key, title]) => html`
    <button type="button" aria-pressed=${String(key === value)} onClick=${() => onPick(key)}>${title}</button>`)}</div>`;
