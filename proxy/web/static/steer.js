/**
 * What an action is about to do, in numbers. Pure: a roster and its bytes in, machines,
 * watts and the names that the API takes out.
 */

/** Holds that the proxy keeps at once: `MAX_HOLDS`. */
export const MOST_HOLDS = 256;

/** Machines that are hung up on at once: each is a request of its own. */
export const MOST_KICKS = 100;

/** States in which a machine draws what its model says. */
const AT_WORK = new Set(["hashing", "silent", "new", "unauthorised", "no_work"]);

/**
 * @typedef {object} Sum
 * @property {number} machines
 * @property {number} working of these, at work
 * @property {number} resting connected, and parked
 * @property {number} absent
 * @property {number} watts of those at work, by their models
 * @property {number} hashes per second, the same
 * @property {number} unknown at work, of no known model
 */

/**
 * Return what machines draw and find, by their models.
 * @param {any} roster @param {Uint8Array} cells @param {number[]} picked
 * @returns {Sum}
 */
export const sumOf = (roster, cells, picked) => {
  const sum = { machines: picked.length, working: 0, resting: 0, absent: 0, watts: 0, hashes: 0, unknown: 0 };
  for (const at of picked) {
    const state = roster.states[cells[at] & 7];
    if (state === "absent") sum.absent++;
    else if (!AT_WORK.has(state)) sum.resting++;
    else {
      sum.working++;
      sum.watts += roster.expected_w[at];
      sum.hashes += roster.expected_hs[at];
      if (!roster.expected_w[at]) sum.unknown++;
    }
  }
  return sum;
};

/** Return a name as a glob that means only itself. @param {string} name */
export const exactly = (name) => name.replace(/[*?[]/g, "[$&]");

/** @param {string} glob of Python's fnmatch @returns {RegExp} */
export const patternOf = (glob) => {
  const body = glob.replace(/\[(!?)([^\]]+)\]|[.+^${}()|\\]|\*|\?/gs, (found, not, set) => {
    if (set) return `[${not ? "^" : ""}${set.replace(/[\\\]^]/g, "\\$&")}]`;
    return found === "*" ? ".*" : found === "?" ? "." : `\\${found}`;
  });
  return new RegExp(`^${body}$`, "s");
};

/** Machines that a hold is of. @param {any} roster @param {string} hold @returns {number[]} */
export const heldBy = (roster, hold) => {
  const pattern = patternOf(hold);
  return roster.workers.flatMap((/** @type {string} */ worker, /** @type {number} */ at) => {
    const address = roster.addresses[at];
    return [worker, address, `${address} ${worker}`].some((name) => pattern.test(name)) ? [at] : [];
  });
};

/**
 * Return names and globs that hold just these machines: a rack that is picked whole is
 * one glob, where its machines' names have a beginning that no other has.
 * @param {any} roster @param {import("/geometry.js").Rack[]} racks @param {number[]} picked
 * @returns {string[]}
 */
export const holdsOf = (roster, racks, picked) => {
  const left = new Set(picked);
  if (picked.length > 1 && picked.length === roster.workers.length) return ["*"];
  /** @type {string[]} */
  const holds = [];
  for (const { machines } of racks) {
    if (machines.length < 2 || !machines.every((at) => left.has(at))) continue;
    const glob = `${exactly(beginning(machines.map((at) => roster.workers[at])))}*`;
    const held = glob === "*" ? [] : heldBy(roster, glob);
    if (held.length !== machines.length || !held.every((at) => left.has(at))) continue;
    holds.push(glob);
    machines.forEach((at) => left.delete(at));
  }
  const counts = new Map();
  for (const worker of roster.workers) counts.set(worker, (counts.get(worker) ?? 0) + 1);
  for (const at of left) {
    const [worker, address] = [roster.workers[at], roster.addresses[at]];
    const name = !worker ? address : counts.get(worker) > 1 ? `${address} ${worker}` : worker;
    holds.push(exactly(name));
  }
  return holds;
};

/** @param {string[]} names @returns {string} with what all of them begin */
const beginning = (names) => {
  let [same] = names;
  for (const name of names) {
    while (!name.startsWith(same)) same = same.slice(0, -1);
  }
  return same;
};

const SIZES = /** @type {Record<string, number>} */ ({ "": 1, k: 1e3, m: 1e6, g: 1e9 });

/** @param {string} text as `3.5M`, `400 kW`, `250000` @returns {number | null} watts */
export const wattsOf = (text) => {
  const found = /^\s*([\d_.,' ]*\d)\s*([kmg]?)w?\s*$/i.exec(text);
  if (!found) return null;
  const value = Number(found[1].replace(/[_' ,]/g, "")) * SIZES[found[2].toLowerCase()];
  return Number.isFinite(value) && value <= 1e12 ? value : null;
};
