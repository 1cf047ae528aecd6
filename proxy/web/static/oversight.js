/** Oversight: who signed a document, and how the event log stands that others cosign. */
import { html } from "/vendor/htm.js";
import { useApi } from "/api.js";
import { Tag } from "/parts.js";
import * as units from "/units.js";

/** How often the log's state is asked for, seconds: it is signed each ten. */
const EVERY_S = 10;

/** @type {Record<string, string>} */
const LOOKS = { taken: "good", trusted: "good", refused: "bad", pending: "rest" };

/**
 * Who signed a document, and who is missing; nothing for other events.
 * @param {{ value: any }} props
 */
export const SignedBy = ({ value }) => {
  const body = value?.body;
  if (!body?.verdict || !["document", "policy"].includes(value.kind)) return null;
  const keys = body.keys?.length ? `signed by ${body.keys.join(", ")}` : "signed by nobody that counts";
  const needs = body.needs?.length ? `; needs ${body.needs.join("; ")}` : "";
  return html`<div class="dim"><${Tag} kind=${LOOKS[body.verdict] ?? ""}>${body.verdict}<//> ${body.verdict === "trusted" ? "by policy_id" : `${keys}${needs}`}${body.id ? html` · <code title=${body.id}>${body.id.slice(0, 12)}</code>` : ""}</div>`;
};

/** @param {any} log @returns {string[]} who has not cosigned what is signed now */
export const missing = (log) => (log.witnesses ?? []).filter((/** @type {any} */ one) => one.why || one.size < (log.size ?? 0)).map((/** @type {any} */ one) => one.name);

/** The event log for others at a glance; nothing where none is published. */
export const LogLine = () => {
  const { data: log } = useApi("log", EVERY_S);
  if (!log?.origin) return null;
  const away = missing(log);
  const age = log.cosigned_age_s == null ? "nobody has cosigned it yet" : `cosigned ${units.span(log.cosigned_age_s)} ago`;
  const witnesses = log.witnesses?.length ?? 0;
  return html`<p class="dim" aria-label="Event log for others">Log <a href="/log/checkpoint">${log.origin}</a>: ${units.count(log.size ?? 0)} rows signed${witnesses ? `, ${age}` : ", no witness is asked"}${away.length ? html`, <${Tag} kind="bad">missing<//> ${away.join(", ")}` : ""}${log.fault ? html` · <${Tag} kind="bad">${log.fault}<//>` : ""}</p>`;
};
