/** What the stream said last, for whoever shows it. One owner: this module. */
import { useEffect, useState } from "/vendor/htm.js";

/**
 * @typedef {object} Frame a second of all sites
 * @property {number} at Unix seconds
 * @property {any[]} sites
 */

/** Seconds after which what is shown is called stale: a frame comes each second. */
const STALE_S = 5;

const state = {
  /** @type {Frame | null} */ now: null,
  /** @type {"connecting" | "live" | "stale" | "lost"} */ link: "connecting",
  heardAt: 0,
};
/** @type {Map<string, Set<(data: any) => void>>} */
const listeners = new Map();

/**
 * Call a function with each event of a name; return what ends it.
 * @param {string} name
 * @param {(data: any) => void} listener
 */
export const on = (name, listener) => {
  const those = listeners.get(name) ?? new Set();
  listeners.set(name, those.add(listener));
  return () => void those.delete(listener);
};

/** @param {string} name @param {any} data */
const tell = (name, data) => listeners.get(name)?.forEach((listener) => listener(data));

/** @param {typeof state.link} link */
const setLink = (link) => {
  if (state.link === link) return;
  state.link = link;
  tell("link", link);
};

/** @param {{data: {name: string, data: string}}} message */
const hear = ({ data: { name, data } }) => {
  if (name === "link") return setLink(data === "live" && state.now ? "live" : /** @type {any} */ (data === "live" ? state.link : "lost"));
  state.heardAt = performance.now();
  setLink("live");
  if (name.includes(":")) return tell(name, data); // cells of a site: whoever shows them reads them
  const value = JSON.parse(data);
  if (name === "now") state.now = value;
  tell(name, value);
};

/** @type {((site: string, mode: string) => void)} */
let subscribe = () => {};

/** Milliseconds in which a tab says again which mode it shows: see `live.js`. */
const AGAIN_MS = 10_000;

const policy = /** @type {any} */ (window).trustedTypes?.createPolicy("baseload", {
  createScriptURL: (/** @type {string} */ url) => {
    if (url !== "/live.js") throw new TypeError(`no script of ours: ${url}`);
    return url;
  },
});

const share = () => {
  new BroadcastChannel("baseload").onmessage = hear;
  const url = "/live.js";
  const worker = new SharedWorker(policy ? policy.createScriptURL(url) : url);
  worker.port.onmessage = hear;
  subscribe = (site, mode) => worker.port.postMessage({ site, mode });
};

/** Without SharedWorker: a stream of this tab's own, closed while nobody sees it. */
const alone = () => {
  /** @type {EventSource | undefined} */
  let stream;
  /** @type {Set<string>} */
  const names = new Set(["now", "news", "alarm"]);
  let shown = "";
  const listen = (/** @type {string} */ name) =>
    stream?.addEventListener(name, (event) =>
      hear({ data: { name, data: /** @type {MessageEvent} */ (event).data } }),
    );
  const open = () => {
    stream?.close();
    if (document.hidden) return;
    stream = new EventSource(`/api/v1/stream?fields=now,map,news,alarm${shown && `,${shown}`}`);
    stream.onerror = () => setLink("lost");
    names.forEach(listen);
  };
  subscribe = (site, mode) => {
    for (const name of [`map:${site}`, ...(mode ? [`${mode}:${site}`] : [])]) {
      if (!names.has(name)) listen(name);
      names.add(name);
    }
    if (!mode || mode === shown) return;
    shown = mode;
    open();
  };
  document.addEventListener("visibilitychange", open);
  open();
};

/** Begin to listen; once a page. */
export const begin = () => {
  if ("SharedWorker" in window) share();
  else alone();
  setInterval(() => {
    const silent = (performance.now() - state.heardAt) / 1000;
    if (state.link === "live" && silent > STALE_S) setLink("stale");
  }, 1000);
};

/**
 * Call a function with each map of a site, base64; return what ends it.
 * @param {string} site
 * @param {(cells: string) => void} listener
 */
export const onMap = (site, listener) => {
  const end = on(`map:${site}`, listener);
  subscribe(site, "");
  return end;
};

/**
 * Call a function with each frame of a mode of a site's map; return what ends it.
 * @param {string} site
 * @param {string} mode age, temperature, efficiency
 * @param {(cells: string) => void} listener
 */
export const onMode = (site, mode, listener) => {
  const end = on(`${mode}:${site}`, listener);
  const say = () => document.hidden || subscribe(site, mode);
  say();
  const timer = setInterval(say, AGAIN_MS);
  return () => {
    end();
    clearInterval(timer);
  };
};

/**
 * Return what is known, and render again with each event of a name.
 * @template T
 * @param {string} name
 * @param {() => T} read
 * @returns {T}
 */
const useHeard = (name, read) => {
  const [value, set] = useState(read());
  useEffect(() => {
    set(read()); // it may have come after the page was rendered and before this
    return on(name, set);
  }, []);
  return value;
};

/** Return the newest frame, and render again with each. @returns {Frame | null} */
export const useNow = () => useHeard("now", () => state.now);

/** @returns {typeof state.link} */
export const useLink = () => useHeard("link", () => state.link);

/** Return the newest frame without rendering again. */
export const newest = () => state.now;
