/** Buttons for who may steer; nobody else sees one. */
import { html, useEffect, useState } from "/vendor/htm.js";
import { get, post, safe } from "/api.js";
import * as actions from "/actions.js";
import { Confirm } from "/dialog.js";
import { useSession } from "/session.js";
import { wattsOf } from "/steer.js";
import * as units from "/units.js";

/** Milliseconds after the last key in which a plan is not asked for. */
const TYPING_MS = 250;

/**
 * Ask for something once more whenever the key is another.
 * @param {string | null} key null: nothing to ask
 * @param {() => Promise<any>} ask
 * @returns {{data: any, fault: string}}
 */
const useAsked = (key, ask) => {
  const [found, set] = useState({ key: /** @type {string | null} */ (null), data: /** @type {any} */ (null), fault: "" });
  useEffect(() => {
    let isOver = false;
    const keep = (/** @type {any} */ data, /** @type {string} */ fault) => isOver || set({ key, data, fault });
    const timer = key == null ? 0 : setTimeout(() => ask().then((data) => keep(data, ""), (error) => keep(null, error.message)), TYPING_MS);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [key]);
  return found.key === key ? found : { data: null, fault: "" };
};

/** How long an order holds, seconds. @type {[string, string][]} */
const LASTS = [["", "until it is cleared"], ["900", "15 min"], ["3600", "1 h"], ["14400", "4 h"], ["86400", "24 h"]];

/** Orders a power, and says beforehand what the plan makes of it. @param {{site: any, power: any, onClose: () => void}} props */
const SetPower = ({ site, power, onClose }) => {
  const [text, setText] = useState("");
  const [lasts, setLasts] = useState("");
  const [reason, setReason] = useState("");
  const watts = wattsOf(text);
  const path = `sites/${safe(site.name)}/plan`;
  // what others say rules where it is lower than the order
  const { data: others } = useAsked("others", () => get(path));
  const would = watts == null || !others ? null : Math.min(watts, others.budget_w);
  const { data: plan, fault } = useAsked(would == null ? null : String(would), () => get(`${path}?watts=${would}`));
  const isLower = others && watts != null && others.budget_w < watts;
  const effect = plan ? actions.planned(site.name, { ...plan, ruled_by: isLower ? others.ruled_by : "this order" }, power)
    : [!text ? "Type watts to see what the plan makes of them." : watts == null ? "Watts are a number with k, M or G: 3.5M." : fault ? "" : "Asking the plan…"];
  const body = { watts, reason, ...(lasts ? { for_s: Number(lasts) } : {}) };
  const action = {
    title: `Set the power of ${site.name}`,
    verb: watts == null ? "Set power" : `Order ${units.watts(watts)}`,
    effect: isLower ? [...effect, `Others say less: the order rules only where it is below ${units.watts(others.budget_w)}.`] : effect,
    obstacle: fault,
    calls: watts == null ? [] : [{ name: site.name, send: () => post(`sites/${safe(site.name)}/power`, body) }],
  };
  return html`<${Confirm} action=${action} onClose=${onClose}>
    <div class="fields"><label class="field">Watts<input class="first" value=${text} placeholder="3.5M" spellcheck=${false} onInput=${(/** @type {any} */ e) => setText(e.target.value)}/></label>
      <label class="field">Holds<select value=${lasts} onChange=${(/** @type {any} */ e) => setLasts(e.target.value)}>${LASTS.map(([s, title]) => html`<option value=${s}>${title}</option>`)}</select></label>
      <label class="field wide">Reason<input value=${reason} maxlength="256" placeholder="for the log" onInput=${(/** @type {any} */ e) => setReason(e.target.value)}/></label></div><//>`;
};

/** @param {{site: any, power: any, onClose: () => void}} props */
const ClearPower = ({ site, power, onClose }) => {
  const { data, fault } = useAsked("clear", () => get(`sites/${safe(site.name)}/plan`));
  return html`<${Confirm} action=${actions.clearPower(site.name, data, fault, power)} onClose=${onClose}/>`;
};

/** @param {{onClose: () => void}} props */
const Reload = ({ onClose }) => {
  const { data, fault } = useAsked("reload", () => post("reload", { dry_run: true }));
  return html`<${Confirm} action=${actions.reload(data, fault)} onClose=${onClose}/>`;
};

/** What may be done to a site and to the proxy. @param {{site: any, power: any}} props */
export const SiteControls = ({ site, power }) => {
  const { mayAct } = useSession();
  const [open, setOpen] = useState("");
  if (!mayAct && !open) return null; // a dialog stays, and says that the session is over
  const close = () => setOpen("");
  const ordered = (power?.orders ?? []).some((/** @type {any} */ one) => one.source === "operator");
  const button = (/** @type {string} */ what, /** @type {string} */ title) => html`<button type="button" onClick=${() => setOpen(what)}>${title}…</button>`;
  return html`<div class="controls" role="group" aria-label="Actions">
    ${mayAct && html`${power && button("set", "Set power")}${ordered && button("clear", "Clear orders")}
      ${button("drain", site.draining ? "Take miners again" : "Drain")}${button("reload", "Reload")}`}
    ${open === "set" && html`<${SetPower} site=${site} power=${power} onClose=${close}/>`}
    ${open === "clear" && html`<${ClearPower} site=${site} power=${power} onClose=${close}/>`}
    ${open === "drain" && html`<${Confirm} action=${actions.drain(site, power)} onClose=${close}/>`}
    ${open === "reload" && html`<${Reload} onClose=${close}/>`}</div>`;
};

/**
 * What may be done to machines.
 * @param {{roster: any, cells: Uint8Array | null, racks: import("/geometry.js").Rack[], picked: number[], byHand: any[], onDone?: () => void}} props
 */
export const MachineControls = ({ roster, cells, racks, picked, byHand, onDone }) => {
  const { mayAct } = useSession();
  const [action, setAction] = useState(/** @type {any} */ (null));
  if ((!mayAct && !action) || !roster || !cells || !picked.length) return null;
  const close = (/** @type {boolean} */ isDone) => {
    setAction(null);
    if (isDone) onDone?.();
  };
  const isHeld = picked.some((at) => roster.states[cells[at] & 7] === "held");
  return html`<div class="controls" role="group" aria-label="Actions">
    ${mayAct && html`<button type="button" onClick=${() => setAction(actions.park(roster, cells, racks, picked, byHand))}>Park…</button>
    ${isHeld && html`<button type="button" onClick=${() => setAction(actions.unpark(roster, cells, picked, byHand))}>Unpark…</button>`}
    <button type="button" onClick=${() => setAction(actions.kick(roster, cells, picked))}>Kick…</button>`}
    ${action && html`<${Confirm} action=${action} onClose=${close}/>`}</div>`;
};
