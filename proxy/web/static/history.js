/** What the charts of a site show: what the server kept, then a row a second as it comes. */
import { useEffect, useState } from "/vendor/htm.js";
import { get, safe } from "/api.js";
import { RANGES, spliced, trimmed } from "/series.js";
import { on } from "/store.js";

/** Rows kept: an hour of seconds. */
const KEEP = 3600;

/** Seconds without a row after which a line is broken: a gap is shown as a gap. */
const GAP_S = 5;

export const COLUMNS = /** @type {const} */ (["at", "power", "budget", "hash", "cap", "low", "high"]);
/** @typedef {Record<typeof COLUMNS[number], (number | null)[]>} Rows */

/** How the server calls them. @type {Record<typeof COLUMNS[number], string>} */
const KEPT = { at: "at", power: "power_w", budget: "budget_w", hash: "hashrate_hs", cap: "cap_hs", low: "hashrate_low_hs", high: "hashrate_high_hs" };

/** @type {Map<string, Rows>} */
const bySite = new Map();
/** @type {Map<string, number>} by site, until when rows are the server's, Unix seconds */
const keptTo = new Map();

/** Milliseconds after which rows as they came are the server's: they have a band then. */
const FRESHEN_MS = 10_000;

/** @returns {Rows} */
const none = () => ({ at: [], power: [], budget: [], hash: [], cap: [], low: [], high: [] });

/** @param {string} site @returns {Rows} */
export const rowsOfSite = (site) => {
  const rows = bySite.get(site) ?? none();
  bySite.set(site, rows);
  return rows;
};

/** @param {any} answer of `sites/S/history` @returns {Rows} */
const rowsOf = ({ columns }) => /** @type {Rows} */ (trimmed(Object.fromEntries(COLUMNS.map((name) => [name, columns[KEPT[name]]]))));

/**
 * Append a row; a row of nulls before it where some seconds are missing.
 * @param {Rows} rows
 * @param {Record<typeof COLUMNS[number], number | null>} row
 */
export const append = (rows, row) => {
  const last = rows.at.at(-1);
  if (last != null && /** @type {number} */ (row.at) <= last) return;
  const gap = last != null && /** @type {number} */ (row.at) - last > GAP_S;
  for (const name of COLUMNS) {
    if (gap) rows[name].push(name === "at" ? /** @type {number} */ (last) + 1 : null);
    rows[name].push(row[name]);
    if (rows[name].length > KEEP) rows[name].splice(0, rows[name].length - KEEP);
  }
};

/**
 * Return a site's numbers of now, whichever of the two processes says them.
 * @param {any} frame
 * @param {string} name
 */
export const siteIn = (frame, name) => {
  const site = frame?.status?.sites?.find((/** @type {any} */ one) => one.name === name) ?? null;
  const power = frame?.power?.[name] ?? null;
  return { site, power };
};

/**
 * A row of now: as the server keeps it, but without the band, which it knows from shares.
 * @param {any} frame @param {string} name @returns {Record<typeof COLUMNS[number], number | null>}
 */
const rowOf = (frame, name) => {
  const { site } = siteIn(frame, name);
  const row = { power: site?.power_w, budget: site?.budget_w, cap: site?.cap_hs, hash: site?.hashrate_hs?.["1m"] };
  return { at: frame.at, power: row.power ?? null, budget: row.budget ?? null, hash: row.hash ?? null, cap: row.cap ?? null, low: null, high: null };
};

/** Put what the server has kept since it was last asked, of an hour at most, in the place of rows as they came. @param {string} site */
const freshen = async (site) => {
  if (document.hidden) return;
  const from = keptTo.get(site);
  const found = rowsOf(await get(`sites/${safe(site)}/history?step=1${from ? `&from=${from}` : ""}`));
  const whole = /** @type {Rows} */ (spliced(rowsOfSite(site), found, COLUMNS, KEEP));
  bySite.set(site, whole);
  const last = found.at.at(-1);
  if (last != null) keptTo.set(site, last);
};

/** Begin to keep rows; once a page. */
export const begin = () =>
  on("now", (frame) => {
    for (const { name } of frame.status?.sites ?? []) append(rowsOfSite(name), rowOf(frame, name));
  });

/**
 * Return the path of a past, so that it is asked for again as time goes on.
 * @param {string} path @param {number} seconds of it
 */
export const past = (path, seconds) => {
  const [, , step] = RANGES.find(([range]) => range === seconds) ?? RANGES[1];
  const from = Math.floor((Date.now() / 1000 - seconds) / step) * step;
  return `${path}/history?from=${from}&step=${step}`;
};

/**
 * Return a past, asked for again every so many seconds; null: it is on its way.
 * @param {string | null} path below /api/v1/, without `/history`; null: nothing to ask
 * @param {number} seconds
 * @returns {{columns: import("/series.js").Columns | null, fault: Error | null}}
 */
export const usePast = (path, seconds) => {
  const [, , , every] = RANGES.find(([range]) => range === seconds) ?? RANGES[1];
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setTurn((n) => n + 1), (every || 10) * 1000);
    return () => clearInterval(timer);
  }, [every]);
  const [shown, setShown] = useState({ key: "", columns: /** @type {any} */ (null), fault: /** @type {Error | null} */ (null) });
  const key = `${path} ${seconds}`;
  useEffect(() => {
    let isOver = false;
    if (path == null || document.hidden) return undefined;
    get(past(path, seconds)).then(
      (found) => isOver || setShown({ key, columns: found.columns, fault: null }),
      (fault) => isOver || setShown((old) => ({ key, columns: old.key === key ? old.columns : null, fault })),
    );
    return () => void (isOver = true);
  }, [key, turn]);
  return shown.key === key ? shown : { columns: null, fault: null };
};

/** Return the rows of a site over a range. @param {string} site @param {number} seconds @returns {{rows: Rows, fault: Error | null}} */
export const useRows = (site, seconds) => {
  const isLive = seconds <= KEEP;
  const { columns, fault } = usePast(isLive ? null : `sites/${safe(site)}`, seconds);
  useEffect(() => {
    if (!isLive) return undefined;
    const ask = () => void freshen(site).catch(() => {}); // the page says what is old
    ask();
    const timer = setInterval(ask, FRESHEN_MS);
    return () => clearInterval(timer);
  }, [site, isLive]);
  return { rows: isLive ? rowsOfSite(site) : columns ? rowsOf({ columns }) : none(), fault };
};
