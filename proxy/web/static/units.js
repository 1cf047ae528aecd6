/**
 * Numbers for people: every figure on a page goes through here. Unknown is a dash.
 */

export const NONE = "–";

const STEPS = [
  [1e18, "E"],
  [1e15, "P"],
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

/**
 * Return three significant figures, so that a column of them has one width.
 * @param {number} value
 */
const three = (value) => {
  const size = Math.abs(value);
  return value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2);
};

/**
 * Return a value with its prefix and unit, as two strings.
 * @param {number | null | undefined} value
 * @param {string} unit
 * @returns {[string, string]}
 */
export const scaled = (value, unit) => {
  if (value == null || !Number.isFinite(value)) return [NONE, unit];
  for (const [size, prefix] of /** @type {[number, string][]} */ (STEPS)) {
    if (Math.abs(value) >= size * 0.9995) return [three(value / size), prefix + unit];
  }
  const whole = Math.abs(value) >= 99.95 || value === 0;
  return [whole ? String(Math.round(value)) : three(value), unit];
};

/** @param {number | null | undefined} value @param {string} unit */
const joined = (value, unit) => {
  const [figure, name] = scaled(value, unit);
  return figure === NONE ? NONE : `${figure} ${name}`;
};

/** @param {number | null | undefined} value watts */
export const watts = (value) => joined(value, "W");

/** @param {number | null | undefined} value hashes per second */
export const hashes = (value) => joined(value, "H/s");

/** @param {number | null | undefined} value watt-hours */
export const energy = (value) => joined(value, "Wh");

/** @param {number | null | undefined} value accepted difficulty */
export const work = (value) => joined(value, "").trim();

/** @param {number | null | undefined} value joules per terahash */
export const efficiency = (value) => joined(value, "J/TH");

/** @param {number | null | undefined} value @param {string} [unit] a currency, and of what */
export const money = (value, unit = "") => {
  if (value == null || !Number.isFinite(value)) return NONE;
  const places = Math.abs(value) >= 9999.5 ? 0 : 2;
  return `${value.toLocaleString("en-GB", { minimumFractionDigits: places, maximumFractionDigits: places })} ${unit}`.trim();
};

/** @param {number | null | undefined} value */
export const count = (value) =>
  value == null ? NONE : Math.round(value).toLocaleString("en-GB");

/** @param {number} value a number of which nothing else is known */
export const plain = (value) => value.toLocaleString("en-GB", { maximumFractionDigits: 2 });

/** @param {number | null | undefined} value as miners are told it: whole, or a small part of one */
export const difficulty = (value) => {
  if (value == null) return NONE;
  return value >= 1000 ? count(value) : String(Number(value.toPrecision(4)));
};

/** @param {number | null | undefined} part @param {number | null | undefined} whole */
export const percent = (part, whole) => {
  if (part == null || !whole) return NONE;
  const of = (100 * part) / whole;
  const isNear = (of > 0 && of < 10) || (of > 99 && of < 100); // a small part of many is none of them
  return `${isNear ? (Math.floor(of * 100 + 1e-6) / 100).toFixed(2) : of.toFixed(1)} %`;
};

/** @param {number | null | undefined} seconds */
export const latency = (seconds) => {
  if (seconds == null) return NONE;
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`;
};

/**
 * Return how long something takes or took: two units at most.
 * @param {number | null | undefined} seconds
 */
export const span = (seconds) => {
  if (seconds == null || !Number.isFinite(seconds)) return NONE;
  const s = Math.max(0, Math.round(seconds));
  if (s < 120) return `${s} s`;
  if (s < 7200) return `${Math.floor(s / 60)} min`;
  if (s < 172800) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d`;
};

/** @param {number} value */
const two = (value) => String(value).padStart(2, "0");

/** @param {number | null | undefined} at Unix seconds */
export const clock = (at) => {
  if (at == null) return NONE;
  const d = new Date(at * 1000);
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
};

/** @param {number | null | undefined} at Unix seconds */
export const moment = (at) => {
  if (at == null) return NONE;
  const d = new Date(at * 1000);
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${clock(at)}`;
};

/** @param {string | null | undefined} word as the API has it: `low_difficulty` */
export const words = (word) => (word ? word.replaceAll("_", " ") : NONE);
