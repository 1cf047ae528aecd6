/** The frame of every page: head, navigation, which page is shown. */
import { html, render, useEffect, useState } from "/vendor/htm.js";
import { setTheme, theme } from "/colours.js";
import { Login } from "/dialog.js";
import * as history from "/history.js";
import { EventsPage } from "/pages/events.js";
import { FleetPage } from "/pages/fleet.js";
import { MachinePage } from "/pages/machine.js";
import { NowPage } from "/pages/now.js";
import { PoolsPage } from "/pages/pools.js";
import { TenantsPage } from "/pages/tenants.js";
import * as session from "/session.js";
import * as store from "/store.js";
import { clock, span } from "/units.js";

/** @type {[string, string, any][]} */
const PAGES = [
  ["/", "Now", NowPage],
  ["/fleet", "Fleet", FleetPage],
  ["/pools", "Pools and nodes", PoolsPage],
  ["/tenants", "Tenants", TenantsPage],
  ["/events", "Events", EventsPage],
];

const LINKS = {
  connecting: "Connecting",
  live: "Live",
  stale: "No news for some seconds",
  lost: "Connection lost, trying again",
};

/** @param {string} path @returns {[string, string, any]} */
const pageAt = (path) =>
  path.startsWith("/m/")
    ? ["/fleet", decodeURIComponent(path.slice(3)), MachinePage]
    : (PAGES.find(([at]) => at === path) ?? PAGES[0]);

const Link = () => {
  const link = store.useLink();
  const now = store.useNow();
  return html`<span class=${`link ${link}`}><span role="status">${LINKS[link]}</span>
    ${now && html`<time>${clock(now.at)}</time>`}</span>`;
};

/** Says over the page that what stands there is old. */
const Stale = () => {
  const link = store.useLink();
  const now = store.newest();
  const [, again] = useState(0);
  useEffect(() => {
    if (link === "live") return undefined;
    const timer = setInterval(() => again((n) => n + 1), 1000);
    return () => clearInterval(timer);
  }, [link]);
  if (link === "live" || link === "connecting" || !now) return null;
  return html`<p class="notice">What you see is ${span(Date.now() / 1000 - now.at)} old. It stands as it was until the proxy answers again.</p>`;
};

const NEXT = /** @type {const} */ ({ auto: "light", light: "dark", dark: "auto" });
const Theme = () => {
  const [is, set] = useState(theme());
  const press = () => {
    setTheme(NEXT[is]);
    set(NEXT[is]);
  };
  return html`<button type="button" class="plain" onClick=${press} aria-label=${`Theme: ${is}. Press for ${NEXT[is]}`}>${
    { auto: "Auto", light: "Light", dark: "Dark" }[is]}</button>`;
};

/** Log in and out, where somebody may steer. */
const Door = () => {
  const { actions, mayAct } = session.useSession();
  const [isOpen, setOpen] = useState(false);
  if (!actions) return null;
  return html`${mayAct
      ? html`<button type="button" class="plain" onClick=${session.logout}>Log out</button>`
      : html`<button type="button" class="plain" onClick=${() => setOpen(true)}>Log in</button>`}
    ${isOpen && html`<${Login} onClose=${() => setOpen(false)}/>`}`;
};

/** Says over the page that a session is over: buttons that were there are gone. */
const Ended = () => {
  const { hasEnded } = session.useSession();
  const [isOpen, setOpen] = useState(false);
  if (!hasEnded && !isOpen) return null;
  return html`<p class="notice" role="status">Your session has ended: you watch, and steer no more.
    <button type="button" class="link-like" onClick=${() => setOpen(true)}>Log in again</button>
    <button type="button" class="link-like" onClick=${session.read}>Go on watching</button></p>
    ${isOpen && html`<${Login} onClose=${() => setOpen(false)}/>`}`;
};

/** @param {{sites: string[], site: string, onPick: (site: string) => void}} props */
const Sites = ({ sites, site, onPick }) =>
  sites.length > 1
    ? html`<select aria-label="Site" value=${site} onChange=${(/** @type {any} */ e) => onPick(e.target.value)}>
        ${sites.map((name) => html`<option value=${name}>${name}</option>`)}</select>`
    : html`<span class="dim">${site}</span>`;

/** Names of sites, the same array while they are the same. */
const useSites = () => {
  const now = /** @type {any} */ (store.useNow());
  const names = (now?.status?.sites ?? []).map((/** @type {any} */ one) => one.name);
  const [kept, keep] = useState(/** @type {string[]} */ ([]));
  if (names.length && names.join("\n") !== kept.join("\n")) keep(names);
  return kept;
};

const App = () => {
  const [path, setPath] = useState(location.pathname);
  const [site, setSite] = useState(localStorage.getItem("site") ?? "");
  const sites = useSites();
  const chosen = sites.includes(site) ? site : (sites[0] ?? "");
  const [at, title, Page] = pageAt(path);
  useEffect(() => {
    const moved = () => setPath(location.pathname);
    const follow = (/** @type {any} */ event) => {
      const link = event.target.closest?.("a[href^='/']");
      const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey;
      if (!link || !plain || link.hasAttribute("download") || link.pathname.startsWith("/api/")) return;
      event.preventDefault();
      window.history.pushState(null, "", link.href);
      moved();
      scrollTo(0, 0);
      document.querySelector("main")?.focus({ preventScroll: true });
    };
    addEventListener("popstate", moved);
    document.addEventListener("click", follow);
  }, []);
  useEffect(() => void (document.title = `${title} · ${chosen || "Baseload"}`), [title, chosen]);
  const pick = (/** @type {string} */ name) => {
    localStorage.setItem("site", name);
    setSite(name);
  };
  return html`<header class="top">
      <a class="brand" href="/"><svg viewBox="0 0 16 16" aria-hidden="true"><rect width="16" height="16" rx="4"/><path d="M3 11h10M3 7.5h6"/></svg>Baseload</a>
      <nav aria-label="Pages">${PAGES.map(([to, name]) => html`
        <a href=${to} aria-current=${to === at ? "page" : undefined}>${name}</a>`)}</nav>
      <div class="end"><${Sites} sites=${sites} site=${chosen} onPick=${pick}/><${Link}/><${Theme}/><${Door}/></div></header>
    <${Stale}/><${Ended}/><main id="main" tabindex="-1">${chosen
      ? html`<${Page} key=${`${path} ${chosen}`} site=${chosen} name=${title}/>`
      : html`<h1 class="unseen">${title}</h1><p class="empty" role="status"><b>Waiting for the first second</b>The proxy sends all numbers once a second.</p>`}</main>`;
};

history.begin();
store.begin();
session.begin();
render(html`<${App}/>`, /** @type {Element} */ (document.querySelector("#app")));
