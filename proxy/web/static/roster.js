/** A site's machines and the newest bytes of each, for whoever shows them. */
import { useEffect, useMemo, useState } from "/vendor/htm.js";
import { get, safe } from "/api.js";
import { decode, racksOf } from "/geometry.js";
import { hasBytes } from "/modes.js";
import { onMap, onMode } from "/store.js";

/** Keep a site's roster and newest bytes. @param {string} site */
export const useFleet = (site) => {
  const [roster, setRoster] = useState(/** @type {any} */ (null));
  const [cells, setCells] = useState(/** @type {Uint8Array | null} */ (null));
  const [fault, setFault] = useState(/** @type {Error | null} */ (null));
  useEffect(() => {
    let gen = -1;
    let asking = false;
    const fetchRoster = async () => {
      if (asking) return;
      asking = true;
      try {
        const found = await get(`sites/${safe(site)}/map`);
        gen = found.gen;
        setRoster(found);
        setFault(null);
      } catch (error) {
        setFault(/** @type {Error} */ (error));
      } finally {
        asking = false;
      }
    };
    void fetchRoster();
    return onMap(site, (text) => {
      const frame = JSON.parse(text);
      if (frame.gen !== gen) void fetchRoster();
      setCells(decode(frame.cells));
    });
  }, [site]);
  const racks = useMemo(() => (roster ? racksOfRoster(roster) : []), [roster]);
  return { roster, cells, racks, fault };
};

/** @param {any} roster */
const racksOfRoster = (roster) =>
  racksOf(roster.workers.map((/** @type {string} */ _, /** @type {number} */ at) => [roster.racks[at], roster.positions[at]]));

/**
 * Return the newest bytes of a mode; null: they are on their way, or it has none.
 * @param {string} site @param {string} mode
 * @returns {Uint8Array | null}
 */
export const useBytes = (site, mode) => {
  const [found, set] = useState({ mode: "", bytes: /** @type {Uint8Array | null} */ (null) });
  useEffect(() => {
    if (!hasBytes(mode)) return undefined;
    return onMode(site, mode, (text) => set({ mode, bytes: decode(JSON.parse(text).cells) }));
  }, [site, mode]);
  return found.mode === mode ? found.bytes : null;
};

/** @param {any} roster @param {number} at */
export const nameOf = (roster, at) => roster.workers[at] || roster.addresses[at];

/** Machines whose name, address, model, tenant or place holds a text. @param {any} roster @param {string} wanted @returns {number[]} */
export const find = (roster, wanted) => {
  const text = wanted.toLowerCase();
  const fields = [roster.workers, roster.addresses, roster.models, roster.tenants, roster.racks];
  const all = roster.workers.map((/** @type {string} */ _, /** @type {number} */ at) => at);
  return text ? all.filter((/** @type {number} */ at) => fields.some((column) => column[at].toLowerCase().includes(text))) : all;
};
