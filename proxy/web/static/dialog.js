/** What is asked before something is done: its effect first, then a word of consent. */
import { html, useLayoutEffect, useRef, useState } from "/vendor/htm.js";
import { Problem } from "/api.js";
import * as session from "/session.js";

/**
 * A dialog over the page: Escape closes it, and what had the focus has it again.
 * @param {{title: string, onClose: () => void, children?: any}} props
 */
export const Dialog = ({ title, onClose, children }) => {
  const box = useRef(/** @type {any} */ (null));
  useLayoutEffect(() => {
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    const dialog = box.current;
    dialog.showModal();
    // what is typed into first; else what does nothing
    (dialog.querySelector(".first") ?? dialog.querySelector(".buttons button"))?.focus();
    return () => {
      dialog.close();
      before?.focus?.();
    };
  }, []);
  const cancel = (/** @type {Event} */ event) => {
    event.preventDefault();
    onClose();
  };
  return html`<dialog ref=${box} aria-labelledby="dialog-title" onCancel=${cancel}>
    <h2 id="dialog-title">${title}</h2>${children}</dialog>`;
};

/** @param {{onDone: () => void, onClose: () => void, why?: string}} props */
const TokenForm = ({ onDone, onClose, why }) => {
  const [fault, setFault] = useState("");
  const [isBusy, setBusy] = useState(false);
  const send = async (/** @type {any} */ event) => {
    event.preventDefault();
    const token = event.target.elements.token.value;
    if (!token) return setFault("Type the token first.");
    setBusy(true);
    try {
      await session.login(token);
      onDone();
    } catch (error) {
      setFault(/** @type {Error} */ (error).message);
      setBusy(false);
    }
    return undefined;
  };
  return html`<form onSubmit=${send}>
    <p>${why || "Who may steer has the token of [proxy.web]."} <span class="dim">The session lasts 12 hours.</span></p>
    <input class="unseen" name="username" autocomplete="username" value="operator" tabindex="-1" aria-hidden="true" readonly/>
    <label class="field">Token<input class="first" name="token" type="password" autocomplete="current-password" spellcheck=${false}
      aria-describedby=${fault ? "token-fault" : undefined} aria-invalid=${fault ? "true" : undefined}/></label>
    <p class="fault" id="token-fault" role="alert">${fault && `Not logged in: ${fault}.`}</p>
    <div class="buttons"><button type="button" onClick=${onClose}>Cancel</button><button type="submit" class="main" disabled=${isBusy}>Log in</button></div></form>`;
};

/** @param {{onClose: () => void}} props */
export const Login = ({ onClose }) =>
  html`<${Dialog} title="Log in" onClose=${onClose}><${TokenForm} onDone=${onClose} onClose=${onClose}/><//>`;

/**
 * @typedef {object} Call one request
 * @property {string} name what it is about, where there are several
 * @property {() => Promise<any>} send resolves to what the proxy says
 * @typedef {object} Action
 * @property {string} title
 * @property {string} verb on the button
 * @property {string[]} effect sentences; the first one in watts and machines
 * @property {string} [obstacle] why it cannot be done
 * @property {Call[]} calls
 */

/** @param {any} answer @returns {string} */
const said = (answer) => answer?.text ?? answer?.detail ?? "Done";

/**
 * Send all calls, one after the other; return what became of each.
 * @param {Call[]} calls @param {(done: number) => void} tell
 */
const run = async (calls, tell) => {
  /** @type {string[]} */ const done = [];
  /** @type {string[]} */ const refused = [];
  for (const { name, send } of calls) {
    try {
      done.push(said(await send()));
    } catch (error) {
      if (error instanceof Problem && error.status === 401) {
        await session.refresh();
        return { done, refused, isOver: true };
      }
      refused.push(calls.length > 1 ? `${name}: ${/** @type {Error} */ (error).message}` : /** @type {Error} */ (error).message);
    }
    tell(done.length + refused.length);
  }
  return { done, refused, isOver: false };
};

/** Lines of a result that are listed. */
const LISTED = 6;

/** @param {{kind: string, lines: string[]}} props */
const Lines = ({ kind, lines }) => html`${lines.slice(0, LISTED).map((line) => html`<p class=${kind}>${line}</p>`)}
  ${lines.length > LISTED && html`<p class="dim">and ${lines.length - LISTED} more like these</p>`}`;

/**
 * Say what an action does; do it when that is agreed to; say what became of it.
 * @param {{action: Action, children?: any, onClose: (isDone: boolean) => void}} props
 */
export const Confirm = ({ action, children, onClose }) => {
  const [phase, setPhase] = useState(/** @type {"ask" | "busy" | "over" | "login"} */ ("ask"));
  const [count, setCount] = useState(0);
  const [result, setResult] = useState(/** @type {{done: string[], refused: string[]}} */ ({ done: [], refused: [] }));
  const go = async (/** @type {any} */ event) => {
    event.preventDefault();
    setPhase("busy");
    const { done, refused, isOver } = await run(action.calls, setCount);
    setResult({ done, refused });
    setPhase(isOver ? "login" : "over");
  };
  const close = () => phase !== "busy" && onClose(phase === "over");
  if (phase === "login")
    return html`<${Dialog} key="login" title="Log in again" onClose=${() => onClose(false)}>
      <${TokenForm} why=${`Your session has ended: ${result.done.length ? "the rest was" : "nothing was"} ${result.done.length ? "not done" : "done"}.`}
        onDone=${() => setPhase("ask")} onClose=${() => onClose(false)}/><//>`;
  if (phase === "over")
    return html`<${Dialog} key="over" title=${result.refused.length ? (result.done.length ? "Done in part" : "Refused") : "Done"} onClose=${close}>
      <div role="status"><${Lines} kind="said" lines=${result.done}/></div><div role="alert"><${Lines} kind="said fault" lines=${result.refused}/></div>
      <div class="buttons"><button type="button" class="main" onClick=${close}>Close</button></div><//>`;
  return html`<${Dialog} key="ask" title=${action.title} onClose=${close}><form onSubmit=${go}>${children}
    <div class="effect" role="status" aria-label="Effect">${action.effect.map((line, nth) => html`<p class=${nth ? "dim" : ""}>${line}</p>`)}</div>
    ${action.obstacle && html`<p class="fault" role="alert">${action.obstacle}</p>`}
    <div class="buttons">${phase === "busy" && action.calls.length > 1 && html`<span class="dim" role="status">${count} of ${action.calls.length}</span>`}
      <button type="button" onClick=${close} disabled=${phase === "busy"}>Cancel</button>
      <button type="submit" class="main" disabled=${phase === "busy" || Boolean(action.obstacle) || !action.calls.length}>${phase === "busy" ? "Asking…" : action.verb}</button></div></form><//>`;
};
