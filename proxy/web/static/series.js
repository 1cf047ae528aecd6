/** Rows of charts as the server keeps them. Pure: no page, no network. */

/** @typedef {Record<string, (number | null)[]>} Columns of one length; `at` is of Unix seconds */

/** What charts can show: seconds, title, seconds of a row, how often it is asked for. @type {[number, string, number, number][]} */
export const RANGES = [
  [600, "10 min", 1, 0],
  [3600, "1 h", 1, 0],
  [86_400, "1 day", 30, 30],
  [3_024_000, "35 days", 900, 300],
];

/**
 * Return rows with others in the place of those of their time, the newest so many.
 * @param {Columns} rows @param {Columns} others @param {readonly string[]} names @param {number} most
 * @returns {Columns}
 */
export const spliced = (rows, others, names, most) => {
  const first = others.at[0];
  const last = others.at.at(-1);
  if (first == null || last == null) return rows;
  const before = rows.at.findIndex((at) => /** @type {number} */ (at) >= first);
  const after = rows.at.findIndex((at) => /** @type {number} */ (at) >= last + 1);
  const head = before < 0 ? rows.at.length : before;
  const tail = after < 0 ? rows.at.length : after;
  return Object.fromEntries(names.map((name) => [name, [...rows[name].slice(0, head), ...(others[name] ?? []), ...rows[name].slice(tail)].slice(-most)]));
};

/**
 * Return columns from the first row to the last one of which something is known: before
 * it there was no record, which is no gap in one.
 * @param {Columns} columns @returns {Columns}
 */
export const trimmed = (columns) => {
  const others = Object.entries(columns).filter(([name]) => name !== "at");
  const isKnown = (/** @type {any} */ _, /** @type {number} */ row) => others.some(([, column]) => column[row] != null);
  const first = columns.at.findIndex(isKnown);
  const until = columns.at.findLastIndex(isKnown) + 1;
  return Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, column.slice(Math.max(0, first), until)]));
};

/**
 * Return the smallest range that reaches back to a moment, seconds as a text.
 * @param {number} at Unix seconds @param {number} now the same
 */
export const reaching = (at, now) => String((RANGES.find(([seconds]) => now - at < seconds * 0.98) ?? RANGES[RANGES.length - 1])[0]);

/**
 * Return marks of a time axis, those near each other as one of the gravest kind.
 * @template {{at: number, kind: "order" | "alarm" | "action"}} M
 * @param {M[]} marks the oldest first
 * @param {number} from @param {number} to Unix seconds at the axis' ends
 * @param {number} room pixels between them
 * @param {number} near pixels
 * @returns {{x: number, at: number, kind: M["kind"], marks: M[]}[]}
 */
export const grouped = (marks, from, to, room, near) => {
  /** @type {{x: number, at: number, kind: M["kind"], marks: M[]}[]} */
  const groups = [];
  for (const mark of marks) {
    if (mark.at < from || mark.at > to) continue;
    const x = ((mark.at - from) / (to - from)) * room;
    const last = groups.at(-1);
    if (!last || x - last.x > near) groups.push({ x, at: mark.at, kind: mark.kind, marks: [mark] });
    else {
      last.marks.push(mark);
      if (mark.kind === "alarm") last.kind = "alarm";
    }
  }
  return groups;
};

/** Part of shares that were not accepted, percent; null: there were none. @param {Columns} columns @param {string} name @returns {(number | null)[]} */
export const partOf = (columns, name) =>
  columns.at.map((_, row) => {
    const [part, accepted] = [columns[name][row], columns.accepted[row]];
    const all = (accepted ?? 0) + (columns.rejected[row] ?? 0) + (columns.lost?.[row] ?? 0);
    return part == null || !all ? null : (100 * part) / all;
  });
