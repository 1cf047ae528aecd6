/**
 * What the cells of a map can show. Pure: bytes of a frame in, a look for each machine out.
 * A byte has a state in bits 0 to 2, and in bits 3 to 7 the hashrate of five minutes
 * against the model's in steps of 5 %; 31: nobody knows what it should be.
 */
import { stateOf } from "./words.js";

/**
 * @typedef {object} Shown
 * @property {{title: string, colour: string, mark: string}[]} legend
 * @property {Uint8Array} looks index into the legend, of each machine
 */

/** Upper edges of the steps of 5 %, and what they are called. @type {[number, string, string][]} */
const RATES = [
  [0, "no hashes", "--r-0"],
  [9, "below half", "--r-1"],
  [15, "50 to 79 %", "--r-2"],
  [18, "80 to 94 %", "--r-3"],
  [21, "as expected", "--r-4"],
  [30, "above", "--r-5"],
  [31, "not known", "--s-gone"],
];

/** @type {Uint8Array} look of each level */
const LOOK_OF_LEVEL = Uint8Array.from({ length: 32 }, (_, level) => RATES.findIndex(([edge]) => level <= edge));

const RATE_LEGEND = RATES.map(([, title, colour]) => ({ title, colour, mark: "" }));

/** Names beyond this many share one colour: more are not told apart by eye. */
const COLOURS = 8;

/** @param {string[]} states @param {Uint8Array} cells @returns {Shown} */
export const byState = (states, cells) => ({
  legend: legendOf(states),
  looks: cells.map((byte) => byte & 7),
});

/** @type {Map<string, Shown["legend"]>} the same array while the states are the same */
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

/** @param {Uint8Array} cells @returns {Shown} */
export const byRate = (cells) => ({
  legend: RATE_LEGEND,
  looks: cells.map((byte) => LOOK_OF_LEVEL[byte >> 3]),
});

/**
 * Return what a word of each machine, its tenant or its model, makes of a map.
 * @param {string[]} names
 * @returns {Shown}
 */
export const byName = (names) => {
  const counts = new Map();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  const kinds = [...counts].filter(([name]) => name).sort((a, b) => b[1] - a[1]).slice(0, COLOURS).map(([name]) => name);
  const legend = kinds.map((title, nth) => ({ title, colour: `--t-${nth}`, mark: "" }));
  legend.push({ title: counts.size - kinds.length > 1 ? "others" : "not said", colour: "--s-gone", mark: "" });
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
