/** Colours of the style sheet for what is drawn by hand, and word of their change. */

/** @type {Map<string, string>} */
let known = new Map();

/**
 * Return what a token is now: an element is asked, for light-dark() is resolved only there.
 * @param {string} token
 */
export const colour = (token) => {
  const before = known.get(token);
  if (before) return before;
  const asked = document.createElement("i");
  asked.hidden = true;
  asked.style.color = `var(${token})`;
  document.body.append(asked);
  const found = getComputedStyle(asked).color;
  asked.remove();
  known.set(token, found);
  return found;
};

/** @type {Set<() => void>} */
const listeners = new Set();

/** Forget all colours and have those who draw do so again. */
const changed = () => {
  known = new Map();
  listeners.forEach((listener) => listener());
};

/** Call a function when the theme is another; return what ends it. @param {() => void} listener */
export const onTheme = (listener) => {
  listeners.add(listener);
  return () => void listeners.delete(listener);
};

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);

/** @returns {"auto" | "light" | "dark"} */
export const theme = () => /** @type {any} */ (document.documentElement.dataset.theme ?? "auto");

/** @param {"auto" | "light" | "dark"} chosen */
export const setTheme = (chosen) => {
  if (chosen === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
  localStorage.setItem("theme", chosen);
  changed();
};
