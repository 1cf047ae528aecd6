/**
 * Where the cells of a rack map are. Pure: no canvas, no page.
 *
 * @typedef {object} Rack
 * @property {string} name
 * @property {number[]} machines their indexes, in order of place
 * @typedef {object} Layout
 * @property {number} cell side of a cell with its gap, CSS pixels
 * @property {number} across cells beside each other in a rack
 * @property {number} head pixels above a rack for its name; 0: no names
 * @property {number} width
 * @property {number} height
 * @property {{name: string, x: number, y: number}[]} racks
 * @property {Float32Array} xs left edge of each machine's cell
 * @property {Float32Array} ys top edge
 * @property {number[]} order machines as they lie
 * @property {Int32Array} rank where in `order` a machine is
 */

export const GAP = 10;
const LARGEST = 30;
const SMALLEST = 4;
const NAMED_FROM = 8;
const HEAD = 16;

/**
 * Return machines by rack, racks and machines in natural order.
 * @param {[string, string][]} places rack and position of each machine
 * @returns {Rack[]}
 */
export const racksOf = (places) => {
  /** @type {Map<string, number[]>} */
  const byName = new Map();
  places.forEach(([rack], machine) => {
    const rows = byName.get(rack);
    if (rows) rows.push(machine);
    else byName.set(rack, [machine]);
  });
  const natural = new Intl.Collator("en", { numeric: true }).compare;
  return [...byName]
    .sort((a, b) => natural(a[0], b[0]))
    .map(([name, machines]) => ({
      name,
      machines: machines.sort((a, b) => natural(places[a][1], places[b][1])),
    }));
};

/**
 * Return how many cells lie beside each other in a rack of so many: near a square, and
 * no last row that is half empty where a number allows it.
 * @param {number} machines
 */
export const acrossOf = (machines) => {
  if (machines <= 5) return Math.max(1, machines);
  const side = Math.sqrt(machines);
  const even = [4, 5, 6, 7, 8, 9, 10, 12].filter((across) => machines % across === 0);
  const near = even.filter((across) => across >= side / 1.6 && across <= side * 1.6);
  const best = near.sort((a, b) => Math.abs(a - side) - Math.abs(b - side))[0];
  return best ?? Math.min(12, Math.ceil(side));
};

/**
 * @param {Rack[]} racks
 * @param {number} width
 * @param {number} cell
 */
const sizeAt = (racks, width, cell) => {
  const most = Math.max(1, ...racks.map((rack) => rack.machines.length));
  const across = acrossOf(most);
  const down = Math.ceil(most / across);
  const head = cell >= NAMED_FROM ? HEAD : 0;
  const gap = cell >= NAMED_FROM ? GAP : 4;
  const stepX = across * cell + gap;
  const stepY = down * cell + gap + head;
  const columns = Math.max(1, Math.floor((width + gap) / stepX));
  const height = Math.ceil(racks.length / columns) * stepY - gap;
  return { across, head, stepX, stepY, columns, height: Math.max(cell, height) };
};

/**
 * Return the largest layout that is no higher than `most`, or the smallest there is.
 * @param {Rack[]} racks
 * @param {number} width
 * @param {number} most
 * @returns {Layout}
 */
export const layout = (racks, width, most) => {
  let cell = LARGEST;
  let size = sizeAt(racks, width, cell);
  while (cell > SMALLEST && size.height > most) size = sizeAt(racks, width, --cell);
  const machines = racks.reduce((sum, rack) => sum + rack.machines.length, 0);
  const xs = new Float32Array(machines);
  const ys = new Float32Array(machines);
  const rank = new Int32Array(machines);
  /** @type {number[]} */
  const order = [];
  const placed = racks.map((rack, nth) => {
    const x = (nth % size.columns) * size.stepX;
    const y = Math.floor(nth / size.columns) * size.stepY;
    rack.machines.forEach((machine, at) => {
      xs[machine] = x + (at % size.across) * cell;
      ys[machine] = y + size.head + Math.floor(at / size.across) * cell;
      rank[machine] = order.push(machine) - 1;
    });
    return { name: rack.name, x, y };
  });
  const { across, head, height } = size;
  return { cell, across, head, width, height, racks: placed, xs, ys, order, rank };
};

/**
 * Return the machine whose cell holds a point, or -1.
 * @param {Layout} map
 * @param {number} x
 * @param {number} y
 */
export const hit = (map, x, y) => {
  for (let machine = 0; machine < map.xs.length; machine++) {
    const dx = x - map.xs[machine];
    const dy = y - map.ys[machine];
    if (dx >= 0 && dy >= 0 && dx < map.cell && dy < map.cell) return machine;
  }
  return -1;
};

/**
 * Return the machines whose cells' middles a frame holds.
 * @param {Layout} map
 * @param {number} x @param {number} y one corner @param {number} toX @param {number} toY the other
 */
export const within = (map, x, y, toX, toY) => {
  const [left, right, top, bottom] = [Math.min(x, toX), Math.max(x, toX), Math.min(y, toY), Math.max(y, toY)];
  const half = map.cell / 2;
  return map.order.filter((at) => {
    const [cx, cy] = [map.xs[at] + half, map.ys[at] + half];
    return cx >= left && cx <= right && cy >= top && cy <= bottom;
  });
};

/**
 * Return the machine that a key moves to from another; the same at an edge.
 * @param {Layout} map
 * @param {number} from
 * @param {string} key of a KeyboardEvent
 */
export const moved = (map, from, key) => {
  if (from < 0) return map.order[0] ?? -1;
  const at = map.rank[from];
  const last = map.order.length - 1;
  if (key === "ArrowLeft") return map.order[Math.max(0, at - 1)];
  if (key === "ArrowRight") return map.order[Math.min(last, at + 1)];
  if (key === "Home") return map.order[0];
  if (key === "End") return map.order[last];
  return nearest(map, from, key);
};

/** Directions of keys that leave a row, and whether they leave the rack as well. */
const LEAPS = /** @type {Record<string, [number, boolean]>} */ ({
  ArrowUp: [-1, false],
  ArrowDown: [1, false],
  PageUp: [-1, true],
  PageDown: [1, true],
});

/** @param {Layout} map @param {number} from @param {string} key */
const nearest = (map, from, key) => {
  const leap = LEAPS[key];
  if (!leap) return from;
  const [sign, whole] = leap;
  if (whole) return rackBeside(map, from, sign);
  let best = from;
  let least = Infinity;
  for (let machine = 0; machine < map.xs.length; machine++) {
    const down = (map.ys[machine] - map.ys[from]) * sign;
    if (down <= 0) continue;
    const far = down + 3 * Math.abs(map.xs[machine] - map.xs[from]);
    if (far < least) [least, best] = [far, machine];
  }
  return best;
};

/** @param {Layout} map @param {number} machine */
export const rackOf = (map, machine) => {
  let found = 0;
  map.racks.forEach((rack, nth) => {
    const below = map.ys[machine] >= rack.y;
    const right = map.xs[machine] >= rack.x;
    if (below && right) found = nth;
  });
  return found;
};

/** @param {Layout} map @param {number} from @param {number} sign */
const rackBeside = (map, from, sign) => {
  const rack = rackOf(map, from);
  let at = map.rank[from];
  while (at + sign >= 0 && at + sign < map.order.length) {
    at += sign;
    const now = rackOf(map, map.order[at]);
    if (now !== rack && (sign > 0 || at === 0 || rackOf(map, map.order[at - 1]) !== now))
      return map.order[at];
  }
  return from;
};

/**
 * Return the bytes of base64.
 * @param {string} text
 */
export const decode = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
