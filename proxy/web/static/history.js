/** What the charts show: a row a second of each site, since this page was opened. */
import { on } from "/store.js";

/** Rows kept: an hour of seconds. */
const KEEP = 3600;

/** Seconds without a row after which a line is broken: a gap is shown as a gap. */
const GAP_S = 5;

export const COLUMNS = /** @type {const} */ (["at", "power", "budget", "hash", "cap", "low", "high"]);
/** @typedef {Record<typeof COLUMNS[number], (number | null)[]>} Rows */

/** @type {Map<string, Rows>} */
const bySite = new Map();

/** @returns {Rows} */
const none = () => ({ at: [], power: [], budget: [], hash: [], cap: [], low: [], high: [] });

/** @param {string} site @returns {Rows} */
export const rowsOfSite = (site) => {
  const rows = bySite.get(site) ?? none();
  bySite.set(site, rows);
  return rows;
};

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

/** @param {any} frame @param {string} name @returns {Record<typeof COLUMNS[number], number | null>} */
const rowOf = (frame, name) => {
  const { site, power } = siteIn(frame, name);
  // no hashrate is proved while there are too few shares: that is unknown, not zero
  const proved = power?.hashrate?.hash_hs ? power.hashrate : null;
  return {
    at: frame.at,
    power: site?.power_w ?? null,
    budget: site?.budget_w ?? null,
    hash: proved?.hash_hs ?? site?.hashrate_hs?.["1m"] ?? null,
    cap: site?.cap_hs ?? null,
    low: proved?.low_hs ?? null,
    high: proved?.high_hs ?? null,
  };
};

/** Begin to keep rows; once a page. */
export const begin = () =>
  on("now", (frame) => {
    for (const { name } of frame.status?.sites ?? []) append(rowsOfSite(name), rowOf(frame, name));
  });
