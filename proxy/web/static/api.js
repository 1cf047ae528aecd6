/** The API as promises: /api/v1, JSON, problem+json for what is refused. */
import { useEffect, useState } from "/vendor/htm.js";

/** What the server refused, in its words. */
export class Problem extends Error {
  /** @param {number} status @param {string} title @param {string} detail */
  constructor(status, title, detail) {
    super(detail || title);
    this.status = status;
    this.title = title;
  }
}

/** @param {Response} answer */
const read = async (answer) => {
  const kind = answer.headers.get("content-type") ?? "";
  const body = kind.includes("json") ? await answer.json() : {};
  if (answer.ok) return body;
  throw new Problem(answer.status, body.title ?? answer.statusText, body.detail ?? "");
};

/** @param {string} path below /api/v1/ @returns {Promise<any>} */
export const get = async (path) =>
  read(await fetch(`/api/v1/${path}`, { headers: { accept: "application/json" } }));

/** @param {string} path @param {object} body @returns {Promise<any>} */
export const post = async (path, body) =>
  read(
    await fetch(path.startsWith("/") ? path : `/api/v1/${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    }),
  );

/** @param {string} path @returns {Promise<any>} */
export const remove = async (path) =>
  read(await fetch(`/api/v1/${path}`, { method: "DELETE", headers: { "content-type": "application/json" } }));

/**
 * Return what a path answers, asked again every so many seconds while the page is seen.
 * What was last known stays where a question fails; `fault` says so.
 * @param {string | null} path null: nothing to ask
 * @param {number} every seconds; 0: once
 * @returns {{data: any, fault: Error | null}}
 */
export const useApi = (path, every = 5) => {
  const [answer, set] = useState(/** @type {{data: any, fault: any, path: string | null}} */ ({ data: null, fault: null, path }));
  useEffect(() => {
    if (path == null) return undefined;
    let over = false;
    const ask = async () => {
      if (document.hidden) return;
      try {
        const data = await get(path);
        if (!over) set({ data, fault: null, path });
      } catch (fault) {
        if (!over) set((old) => ({ data: old.path === path ? old.data : null, fault, path }));
      }
    };
    ask();
    const timer = every ? setInterval(ask, every * 1000) : 0;
    return () => {
      over = true;
      clearInterval(timer);
    };
  }, [path, every]);
  return answer.path === path ? answer : { data: null, fault: null };
};

/** Return a list, whether it came bare or as a property of an object. @param {any} data @returns {any[]} */
export const rowsOf = (data) => {
  if (Array.isArray(data)) return data;
  return Object.values(data ?? {}).find(Array.isArray) ?? [];
};

/** @param {string} text */
export const safe = encodeURIComponent;
