/** A rack map on one canvas: only cells that changed are painted again. */
import { colour, onTheme } from "/colours.js";
import { hit, layout, moved, within } from "/geometry.js";

/** @typedef {{colour: string, mark: string}} Look */

/** Pixels that a pointer goes before it draws a frame around machines. */
const DRAG_FROM = 6;

/** How much is seen of a machine that a filter leaves out. */
const FADED = 0.2;

/**
 * Paint one cell. Marks tell states apart where colours do not.
 * @param {CanvasRenderingContext2D} ctx
 * @param {number} x
 * @param {number} y
 * @param {number} size
 * @param {Look} look
 */
export const paintCell = (ctx, x, y, size, look) => {
  ctx.fillStyle = colour(look.colour);
  ctx.fillRect(x, y, size, size);
  if (!look.mark || size < 5) return;
  const strong = look.mark === "edge" ? "--s-held" : look.mark === "hatch" ? "--card" : "--ink";
  ctx.strokeStyle = colour(strong);
  ctx.lineWidth = size > 10 ? 1.5 : 1;
  ctx.beginPath();
  MARKS[look.mark]?.(ctx, x, y, size);
  ctx.stroke();
};

/** @type {Record<string, (c: CanvasRenderingContext2D, x: number, y: number, s: number) => void>} */
const MARKS = {
  hatch: (c, x, y, s) => {
    c.moveTo(x, y + s * 0.5);
    c.lineTo(x + s * 0.5, y);
    c.moveTo(x + s * 0.5, y + s);
    c.lineTo(x + s, y + s * 0.5);
  },
  cross: (c, x, y, s) => {
    const e = s * 0.27;
    c.moveTo(x + e, y + e);
    c.lineTo(x + s - e, y + s - e);
    c.moveTo(x + s - e, y + e);
    c.lineTo(x + e, y + s - e);
  },
  slash: (c, x, y, s) => {
    const e = s * 0.3;
    c.moveTo(x + e, y + s - e);
    c.lineTo(x + s - e, y + e);
  },
  bar: (c, x, y, s) => {
    c.moveTo(x + s * 0.27, y + s / 2);
    c.lineTo(x + s * 0.73, y + s / 2);
  },
  plus: (c, x, y, s) => {
    MARKS.bar(c, x, y, s);
    c.moveTo(x + s / 2, y + s * 0.27);
    c.lineTo(x + s / 2, y + s * 0.73);
  },
  ring: (c, x, y, s) => c.arc(x + s / 2, y + s / 2, s * 0.26, 0, 7),
  dot: (c, x, y, s) => c.arc(x + s / 2, y + s / 2, Math.max(0.6, s * 0.07), 0, 7),
  edge: (c, x, y, s) => c.rect(x + 0.5, y + 0.5, s - 1, s - 1),
};

/**
 * @typedef {object} Hands what a map tells of what is done on it
 * @property {(machine: number) => void} say the machine under the cursor is another; -1: none
 * @property {(machine: number) => void} open one is chosen
 * @property {(machines: number[], how: "toggle" | "only" | "none") => void} pick some are picked
 */

export class RackMap {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {import("/geometry.js").Rack[]} racks
   * @param {Hands} hands
   */
  constructor(canvas, racks, hands) {
    this.canvas = canvas;
    this.racks = racks;
    this.hands = hands;
    this.at = -1;
    this.mayPick = false;
    /** @type {Uint8Array} which look each machine has */ this.looks = new Uint8Array(0);
    /** @type {Uint8Array} */ this.shown = new Uint8Array(0);
    /** @type {Look[]} */ this.legend = [];
    /** @type {Set<number>} */ this.picked = new Set();
    /** @type {Set<number> | null} null: no filter */ this.found = null;
    /** @type {{x: number, y: number, toX: number, toY: number} | null} */ this.frame = null;
    this.ctx = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { alpha: false }));
    this.map = layout(racks, 300, 600);
    this.listen();
    this.sized = new ResizeObserver(() => this.fit());
    this.sized.observe(/** @type {Element} */ (canvas.parentElement));
    this.end = onTheme(() => this.fit());
    this.fit();
  }

  listen() {
    const { canvas, hands } = this;
    canvas.onpointermove = (event) => {
      if (this.frame && event.buttons & 1) return this.drag(event.offsetX, event.offsetY);
      return this.point(hit(this.map, event.offsetX, event.offsetY));
    };
    canvas.onpointerleave = () => this.frame || this.point(-1);
    canvas.onpointerdown = (event) => {
      if (!this.mayPick || event.pointerType === "touch" || event.button) return;
      this.frame = { x: event.offsetX, y: event.offsetY, toX: event.offsetX, toY: event.offsetY };
      canvas.setPointerCapture(event.pointerId);
    };
    canvas.onpointerup = (event) => this.drop(event.shiftKey);
    canvas.onclick = (event) => {
      if (this.at < 0 || this.wasDragged) return undefined;
      if (this.mayPick && (event.shiftKey || event.ctrlKey || event.metaKey)) return hands.pick([this.at], "toggle");
      return hands.open(this.at);
    };
    canvas.onkeydown = (event) => this.key(event);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const { hands } = this;
    if (event.key === "Enter" && this.at >= 0) return hands.open(this.at);
    if (this.mayPick && event.key === " " && this.at >= 0) {
      event.preventDefault();
      const rack = this.racks.find(({ machines }) => machines.includes(this.at));
      return hands.pick(event.shiftKey && rack ? rack.machines : [this.at], "toggle");
    }
    if (this.mayPick && event.key === "Escape") return hands.pick([], "none");
    const to = moved(this.map, this.at, event.key);
    if (event.key.length < 2 || (to === this.at && !/^(Arrow|Page|Home|End)/.test(event.key))) return undefined;
    event.preventDefault();
    return this.point(to);
  }

  /** @param {number} x @param {number} y */
  drag(x, y) {
    const frame = /** @type {NonNullable<typeof this.frame>} */ (this.frame);
    [frame.toX, frame.toY] = [x, y];
    if (Math.hypot(x - frame.x, y - frame.y) < DRAG_FROM) return;
    this.point(-1);
    this.whole();
    this.ctx.strokeStyle = colour("--accent");
    this.ctx.lineWidth = 1;
    this.ctx.strokeRect(frame.x, frame.y, x - frame.x, y - frame.y);
  }

  /** @param {boolean} isMore */
  drop(isMore) {
    const frame = this.frame;
    this.frame = null;
    this.wasDragged = Boolean(frame && Math.hypot(frame.toX - frame.x, frame.toY - frame.y) >= DRAG_FROM);
    if (!frame || !this.wasDragged) return;
    this.whole();
    const those = within(this.map, frame.x, frame.y, frame.toX, frame.toY).filter((at) => !this.found || this.found.has(at));
    this.hands.pick(those, isMore ? "toggle" : "only");
  }

  close() {
    this.sized.disconnect();
    this.end();
  }

  /** Lay out anew for the width that there is, and paint all. */
  fit() {
    const { canvas, ctx } = this;
    const width = /** @type {Element} */ (canvas.parentElement).clientWidth;
    const dots = devicePixelRatio;
    this.map = layout(this.racks, width, Math.max(420, innerHeight * 0.62));
    canvas.width = Math.round(width * dots);
    canvas.height = Math.round(this.map.height * dots);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${this.map.height}px`;
    ctx.setTransform(dots, 0, 0, dots, 0, 0);
    this.whole();
  }

  /** Paint all of it. */
  whole() {
    this.ctx.fillStyle = colour("--card");
    this.ctx.fillRect(0, 0, this.canvas.width, this.map.height);
    if (this.map.head) this.names();
    this.shown.fill(255);
    this.paint();
  }

  names() {
    const { ctx, map } = this;
    ctx.fillStyle = colour("--dim");
    ctx.font = "11px Inter, system-ui, sans-serif";
    ctx.textBaseline = "top";
    const room = map.across * map.cell;
    for (const rack of map.racks) ctx.fillText(fitting(ctx, rack.name, room), rack.x, rack.y);
  }

  /** @param {Uint8Array} looks @param {Look[]} legend */
  update(looks, legend) {
    if (looks.length !== this.shown.length || legend !== this.legend) this.shown = new Uint8Array(looks.length).fill(255);
    this.looks = looks;
    this.legend = legend;
    if (!this.frame) this.paint();
  }

  /** @param {Set<number>} picked @param {Set<number> | null} found @param {boolean} mayPick */
  mark(picked, found, mayPick) {
    this.mayPick = mayPick;
    if (picked === this.picked && found === this.found) return;
    this.picked = picked;
    this.found = found;
    this.whole();
  }

  paint() {
    const { looks, shown, map } = this;
    const most = Math.min(looks.length, map.xs.length);
    for (let machine = 0; machine < most; machine++) {
      if (looks[machine] !== shown[machine]) this.cell(machine);
    }
    if (this.at >= 0) this.ring();
  }

  /** @param {number} machine */
  cell(machine) {
    const { map, ctx } = this;
    const look = this.legend[this.looks[machine]];
    this.shown[machine] = this.looks[machine];
    if (!look) return;
    const [x, y, size] = [map.xs[machine], map.ys[machine], map.cell - (map.cell > 6 ? 2 : 1)];
    if (this.found && !this.found.has(machine)) {
      ctx.fillStyle = colour("--card");
      ctx.fillRect(x, y, size, size);
      ctx.globalAlpha = FADED;
    }
    paintCell(ctx, x, y, size, look);
    ctx.globalAlpha = 1;
    if (!this.picked.has(machine)) return;
    ctx.strokeStyle = colour("--ink");
    this.outline(ctx, map, machine);
  }

  /** @param {number} machine */
  point(machine) {
    if (machine === this.at) return;
    if (this.at >= 0) this.clear();
    this.at = machine;
    this.canvas.style.cursor = machine < 0 ? "default" : "pointer";
    if (machine >= 0) this.ring();
    this.hands.say(machine);
  }

  /** Take the ring off the cell under the cursor: it lies in the gap around it. */
  clear() {
    const { ctx, map, at } = this;
    ctx.strokeStyle = colour("--card");
    this.outline(ctx, map, at);
    this.cell(at);
  }

  ring() {
    this.ctx.strokeStyle = colour("--ink");
    this.outline(this.ctx, this.map, this.at);
  }

  /** @param {CanvasRenderingContext2D} ctx @param {import("/geometry.js").Layout} map @param {number} at */
  outline(ctx, map, at) {
    ctx.lineWidth = map.cell > 6 ? 2 : 1;
    const size = map.cell - (map.cell > 6 ? 2 : 1);
    const inset = ctx.lineWidth / 2;
    ctx.strokeRect(map.xs[at] + inset, map.ys[at] + inset, size - 2 * inset, size - 2 * inset);
  }
}

/** @param {CanvasRenderingContext2D} ctx @param {string} text @param {number} room */
const fitting = (ctx, text, room) => {
  if (ctx.measureText(text).width <= room) return text;
  let cut = text;
  while (cut.length > 1 && ctx.measureText(`…${cut}`).width > room) cut = cut.slice(1);
  return `…${cut}`;
};
