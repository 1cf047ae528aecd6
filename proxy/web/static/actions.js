/** What may be done to machines, a site and the proxy, each with its effect in words. */
import { remove, post, safe } from "/api.js";
import { MOST_HOLDS, MOST_KICKS, heldBy, holdsOf, sumOf } from "/steer.js";
import * as units from "/units.js";

/** @typedef {import("/dialog.js").Action} Action */

/** @param {number} n @param {string} one @param {string} [many] */
export const some = (n, one, many = `${one}s`) => `${units.count(n)} ${n === 1 ? one : many}`;

/** @param {number} n */
const machines = (n) => some(n, "machine");

/** @param {import("/steer.js").Sum} sum */
const load = (sum) => {
  const unknown = sum.unknown ? `, without ${machines(sum.unknown)} of no known model` : "";
  return `${units.watts(sum.watts)} and ${units.hashes(sum.hashes)} by their models${unknown}`;
};

/** @param {import("/steer.js").Sum} sum */
const others = (sum) => {
  const rest = [sum.resting && `${some(sum.resting, "rests", "rest")} already`, sum.absent && `${some(sum.absent, "is", "are")} not there`].filter(Boolean);
  return rest.length ? `${rest.join(", ")}.` : "";
};

/** @param {string[]} names */
const listed = (names) => (names.length > 4 ? `${names.slice(0, 3).join(", ")} and ${names.length - 3} more` : names.join(", "));

/**
 * @param {any} roster @param {Uint8Array} cells @param {import("/geometry.js").Rack[]} racks
 * @param {number[]} picked @param {any[]} byHand of the status
 * @returns {Action}
 */
export const park = (roster, cells, racks, picked, byHand) => {
  const sum = sumOf(roster, cells, picked);
  const holds = holdsOf(roster, racks, picked);
  const room = MOST_HOLDS - byHand.filter((one) => one.kind === "machine").length;
  return {
    title: `Park ${machines(picked.length)}?`,
    verb: `Park ${machines(picked.length)}`,
    effect: [
      `Takes ${machines(sum.working)} off work: ${load(sum)}.`,
      others(sum),
      `Held as ${listed(holds)} until unparked. A machine whose device API does not answer gets no jobs, and draws on for up to 135 s.`,
    ].filter(Boolean),
    obstacle: holds.length > room ? `That is ${some(holds.length, "hold")}, and there is room for ${room}: pick whole racks, whose machines' names begin alike.` : "",
    calls: holds.map((name) => ({ name, send: () => post(`miners/${safe(name)}/park`, {}) })),
  };
};

/** @param {any} roster @param {Uint8Array} cells @param {number[]} picked @param {any[]} byHand @returns {Action} */
export const unpark = (roster, cells, picked, byHand) => {
  const wanted = new Set(picked);
  const holds = byHand.filter((one) => one.kind === "machine").map((one) => ({ name: one.name, held: heldBy(roster, one.name) }))
    .filter(({ held }) => held.some((at) => wanted.has(at)));
  const free = [...new Set(holds.flatMap(({ held }) => held))];
  const wider = free.filter((at) => !wanted.has(at)).length;
  const sum = { ...sumOf(roster, cells, free) };
  const watts = free.reduce((all, at) => all + roster.expected_w[at], 0);
  const names = holds.map(({ name }) => name);
  return {
    title: `Unpark ${machines(free.length)}?`,
    verb: `Unpark ${machines(free.length)}`,
    effect: holds.length ? [
      `Lets ${machines(sum.machines)} work again, up to ${units.watts(watts)} by their models, as far as the power plan has room.`,
      `Ends the ${holds.length === 1 ? "hold" : "holds"} ${listed(names)}${wider ? `, which ${wider === 1 ? "is" : "are"} also of ${machines(wider)} that ${wider === 1 ? "is" : "are"} not picked` : ""}.`,
    ] : ["None of these machines is held by hand: the power plan decides over them."],
    calls: names.map((name) => ({ name, send: () => post(`miners/${safe(name)}/unpark`, {}) })),
  };
};

/** @param {any} roster @param {Uint8Array} cells @param {number[]} picked @returns {Action} */
export const kick = (roster, cells, picked) => {
  const there = picked.filter((at) => roster.ids[at] && roster.states[cells[at] & 7] !== "absent");
  const sum = sumOf(roster, cells, there);
  return {
    title: `Hang up on ${machines(there.length)}?`,
    verb: `Hang up on ${machines(there.length)}`,
    effect: [
      `Hangs up on ${machines(there.length)}, ${sum.working} of them at work: ${load(sum)}, until they are connected again.`,
      "Machines connect again by themselves, within seconds as a rule.",
    ],
    obstacle: there.length > MOST_KICKS ? `At most ${MOST_KICKS} at once: pick fewer.` : "",
    calls: there.map((at) => ({ name: roster.workers[at] || roster.addresses[at], send: () => post(`miners/${roster.ids[at]}/kick`, {}) })),
  };
};

/** @param {any} site of the status @param {any} power of the frame @returns {Action} */
export const drain = (site, power) => {
  const one = site.name;
  if (site.draining)
    return {
      title: `Take miners at ${one} again?`,
      verb: "Take miners again",
      effect: [`${one} takes miners again: up to ${units.watts(site.budget_w)} as far as the power plan has room.`],
      calls: [{ name: one, send: () => post("undrain", { site: one }) }],
    };
  const watts = power?.power_w ?? site.power_w;
  return {
    title: `Drain ${one}?`,
    verb: `Drain ${one}`,
    effect: [
      `${one} takes no more miners and asks the ${machines(site.miners.connected)} here to connect elsewhere: ${units.hashes(site.hashrate_hs["1m"])}${watts == null ? "" : ` and up to ${units.watts(watts)}`} leave with them.`,
      "It stays so until it is told to take miners again.",
    ],
    calls: [{ name: one, send: () => post("drain", { site: one }) }],
  };
};

/** What each kind of a change takes. @type {Record<string, string>} */
const TAKES = { live: "at once", rebuild: "opens and closes something, miners stay", restart: "cannot be done while running" };

/** @param {any} would what a dry run says; null: it is being asked @param {string} fault @returns {Action} */
export const reload = (would, fault) => ({
  title: "Read the configuration again?",
  verb: "Reload",
  effect: !would ? [fault ? "" : "Reading it, to see what would change…"]
    : would.changes.length ? [
      `${some(would.changes.length, "key")} would change. No machine is told anything by that itself; a power budget that changes is planned within a second.`,
      ...would.changes.slice(0, 8).map((/** @type {any} */ one) => `${one.key}: ${one.what}, ${TAKES[one.kind] ?? one.kind}`),
    ] : ["Nothing in the file is new: no machine and no watt changes."],
  obstacle: fault,
  calls: would ? [{ name: "reload", send: () => post("reload", {}) }] : [],
});

/**
 * @param {string} site @param {any} plan what the proxy says that would be done @param {any} power
 * @returns {string[]}
 */
export const planned = (site, plan, power) => {
  const n = plan.steps.length + plan.more;
  const takes = plan.watts <= 0;
  const head = n
    ? `${takes ? "Takes" : "Gives"} ${machines(n)} ${units.watts(Math.abs(plan.watts))} and ${units.hashes(Math.abs(plan.hash_hs))}, by their models; ${machines(plan.resting)} rest then.`
    : `No machine changes: 0 W. ${plan.note ? `${plan.note}.` : ""}`;
  return [head, `The budget of ${site} is ${units.watts(power.budget_w)} now and would be ${units.watts(plan.budget_w)}${plan.ruled_by ? `, by ${plan.ruled_by.replace(/\.$/, "")}` : ""}.`];
};

/** @param {string} site @param {any} plan @param {string} fault @param {any} power @returns {Action} */
export const clearPower = (site, plan, fault, power) => ({
  title: `Take back operators' orders at ${site}?`,
  verb: "Clear orders",
  effect: plan ? planned(site, plan, power) : [fault ? "" : "Asking the plan…"],
  obstacle: fault,
  calls: plan ? [{ name: site, send: () => remove(`sites/${safe(site)}/power`) }] : [],
});
