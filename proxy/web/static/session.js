/** Whether this browser may steer, and word of its end. One owner: this module. */
import { useEffect, useState } from "/vendor/htm.js";
import { get, post } from "/api.js";
import { on } from "/store.js";

/**
 * @typedef {object} Session
 * @property {boolean} actions a token is configured: somebody may steer
 * @property {boolean} mayAct this browser may
 * @property {boolean} hasEnded it could until a moment ago
 */

/** Milliseconds beyond which a timer of a browser is over at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** @type {Session} */
let state = { actions: false, mayAct: false, hasEnded: false };
/** @type {Set<(state: Session) => void>} */
const listeners = new Set();
const others = new BroadcastChannel("baseload-session");
let timer = 0;

/** @param {Session} next */
const become = (next) => {
  state = next;
  listeners.forEach((listener) => listener(state));
};

/** Ask whether this browser may steer. */
export const refresh = async () => {
  try {
    const { actions, may_act: mayAct, ends_in_s: left } = await get("session");
    clearTimeout(timer);
    if (left != null) timer = setTimeout(refresh, Math.min(LONGEST_MS, left * 1000 + 500));
    become({ actions, mayAct, hasEnded: actions && !mayAct && (state.mayAct || state.hasEnded) });
  } catch {
    // the proxy is away: the page says so, and asks again when it is back
  }
};

/** @param {string} token */
export const login = async (token) => {
  await post("/login", { token });
  await refresh();
  others.postMessage("");
};

export const logout = async () => {
  await post("/logout", {});
  become({ ...state, mayAct: false, hasEnded: false });
  await refresh();
  others.postMessage("");
};

/** Take the word about an ended session away: it was read. */
export const read = () => become({ ...state, hasEnded: false });

/** Begin to know; once a page. */
export const begin = () => {
  void refresh();
  others.onmessage = refresh;
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
  // sessions are in memory: a proxy that was away may have forgotten this one
  on("link", (link) => link === "live" && refresh());
};

/** @returns {Session} */
export const useSession = () => {
  const [value, set] = useState(state);
  useEffect(() => {
    set(state);
    listeners.add(set);
    return () => void listeners.delete(set);
  }, []);
  return value;
};
