/**
 * What the cells of a map can show. Pure: bytes of frames in, a look for each machine out.
 * A byte of `map` has a state in bits 0 to 2, and in bits 3 to 7 the hashrate of five
 * minutes against the model's in steps of 5 %; 31: nobody knows what it should be. A byte
 * of a mode is what `/api/v1/openapi.json` says of the stream; 255: not known.
 */
import { stateOf } from "./words.js";

/**
 * @typedef {object} Look
 * @property {string} title
 * @property {string} colour
 * @property {string} mark tells it from others of its legend where colours do not
 * @typedef {object} Shown
 * @property {Look[]} legend
 * @property {Uint8Array} looks index into the legend, of each machine
 */

/** What a mode's classes are: upper edge of a byte, title, colour, mark. @typedef {[number, string, string, string]} Step */

/** Of `rateOf`'s levels, 20 is as it should be. @type {Step[]} */
const RATE = [
  [0, "no hashes", "--r-0", "cross"],
  [9, "below half", "--r-1", "ring"],
  [15, "50 to 79 %", "--r-2", "plus"],
  [18, "80 to 94 %", "--r-3", "slash"],
  [21, "as expected", "--r-4", ""],
  [30, "above", "--r-5", "bar"],
];

/** Percent of its model's J/TH: less is better. @type {Step[]} */
const EFFICIENCY = [
  [89, "better by 10 %", "--r-5", "bar"],
  [105, "as its model", "--r-4", ""],
  [115, "to 15 % worse", "--r-3", "slash"],
  [130, "to 30 % worse", "--r-2", "plus"],
  [200, "to twice as much", "--r-1", "ring"],
  [254, "more than twice", "--r-0", "cross"],
];

/** Degrees Celsius of boards. @type {Step[]} */
const TEMPERATURE = [
  [49, "below 50 °C", "--r-5", "bar"],
  [64, "50 to 64 °C", "--r-4", "slash"],
  [74, "65 to 74 °C", "--r-3", ""],
  [84, "75 to 84 °C", "--r-2", "plus"],
  [94, "85 to 94 °C", "--r-1", "ring"],
  [254, "from 95 °C", "--r-0", "cross"],
];

/** Seconds as bytes of `age`. @param {number} seconds */
const age = (seconds) => Math.round(16 * Math.log2(1 + seconds));

/** @type {Step[]} */
const AGE = [
  [age(60), "within 1 min", "--r-4", ""],
  [age(120), "1 to 2 min", "--r-3", "slash"],
  [age(300), "2 to 5 min", "--r-2", "bar"],
  [age(900), "5 to 15 min", "--r-1", "plus"],
  [age(3600), "15 to 60 min", "--s-wrong", "ring"],
  [254, "longer ago", "--r-0", "cross"],
];

/** @type {Look[]} machines that the classes say nothing of */
const BESIDE = [
  { title: "not known", colour: "--s-gone", mark: "dot" },
  { title: "at rest", colour: "--s-rests", mark: "hatch" },
  { title: "not there", colour: "--s-gone", mark: "edge" },
];

const REST = new Set(["parked", "held", "no_work"]);

/** @typedef {{legend: Look[], table: Uint8Array}} Scale looks of a byte, and their legend */

/** @param {Step[]} steps @param {number} unknown from this byte on @returns {Scale} */
const scaleOf = (steps, unknown) => {
  const legend = [...steps.map(([, title, colour, mark]) => ({ title, colour, mark })), ...BESIDE];
  const look = (/** @type {number} */ byte) => (byte >= unknown ? steps.length : steps.findIndex(([edge]) => byte <= edge));
  return { legend, table: Uint8Array.from({ length: 256 }, (_, byte) => look(byte)) };
};

const SCALES = /** @type {Record<string, Scale>} */ ({
  rate: scaleOf(RATE, 31),
  age: scaleOf(AGE, 255),
  temperature: scaleOf(TEMPERATURE, 255),
  efficiency: scaleOf(EFFICIENCY, 255),
});

/**
 * Modes: key, title, how a byte of its own is said; null: it needs no bytes of its own.
 * @type {[string, string, ((byte: number) => string) | null][]}
 */
export const MODES = [
  ["state", "State", null],
  ["rate", "Hashrate", null],
  ["efficiency", "J/TH", (byte) => `${byte} % of its model's J/TH`],
  ["temperature", "Temperature", (byte) => `${byte} °C`],
  ["age", "Last share", (byte) => `${secondsOf(byte)} s ago`],
  ["tenant", "Tenant", null],
  ["model", "Model", null],
];

/** Modes whose bytes the stream carries only while they are asked for. @param {string} mode */
export const hasBytes = (mode) => MODES.some(([key, , say]) => key === mode && say);

/** @param {number} byte of `age` @returns {number} seconds */
export const secondsOf = (byte) => Math.round(2 ** (byte / 16) - 1);

/** Names beyond this many share one colour: more are not told apart by eye. */
const NAME_MARKS = ["", "slash", "ring", "bar", "plus", "cross", "hatch", "dot"];

/** @param {string[]} states @param {Uint8Array} cells @returns {Shown} */
export const byState = (states, cells) => ({
  legend: legendOf(states),
  looks: cells.map((byte) => byte & 7),
});

/** @type {Map<string, Look[]>} the same array while the states are the same */
const legends = new Map();

/** @param {string[]} states */
const legendOf = (states) => {
  const key = states.join();
  const found = legends.get(key) ?? states.map((state) => {
    const [title, colour, mark] = stateOf(state);
    return { title, colour, mark };
  });
  legends.set(key, found);
  return found;
};

/**
 * Return what a scale makes of machines; who rests or is not there has no fault.
 * @param {string} mode rate, age, temperature, efficiency
 * @param {string[]} states
 * @param {Uint8Array} cells of `map`
 * @param {Uint8Array | null} bytes of the mode; null: not come yet
 * @returns {Shown}
 */
export const byScale = (mode, states, cells, bytes) => {
  const { legend, table } = SCALES[mode];
  const unknown = legend.length - BESIDE.length;
  const beside = states.map((state) => (REST.has(state) ? unknown + 1 : state === "absent" ? unknown + 2 : -1));
  const looks = cells.map((byte, at) => {
    const other = beside[byte & 7];
    if (other >= 0) return other;
    return table[mode === "rate" ? byte >> 3 : (bytes?.[at] ?? 255)];
  });
  return { legend, looks };
};

/**
 * Return what a word of each machine, its tenant or its model, makes of a map.
 * @param {string[]} names
 * @returns {Shown}
 */
export const byName = (names) => {
  const counts = new Map();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  const kinds = [...counts].filter(([name]) => name).sort((a, b) => b[1] - a[1]).slice(0, NAME_MARKS.length).map(([name]) => name);
  const legend = kinds.map((title, nth) => ({ title, colour: `--t-${nth}`, mark: NAME_MARKS[nth] }));
  legend.push({ title: counts.size - kinds.length > 1 ? "others" : "not said", colour: "--s-gone", mark: "edge" });
  const at = new Map(kinds.map((name, nth) => [name, nth]));
  return { legend, looks: Uint8Array.from(names, (name) => at.get(name) ?? kinds.length) };
};

/** @param {Shown} shown @returns {number[]} machines of each look */
export const tally = ({ legend, looks }) => {
  const counts = new Array(legend.length).fill(0);
  for (const look of looks) counts[look]++;
  return counts;
};

/** @param {number} byte @returns {number | null} hashrate against the model's, 1: as it should be */
export const rateOf = (byte) => (byte >> 3 === 31 ? null : (byte >> 3) / 20);
