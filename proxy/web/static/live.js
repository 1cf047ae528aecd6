// One stream for all tabs: a browser opens six connections to a host and no more, so a
// seventh tab with a stream of its own would hang. A BroadcastChannel carries what comes.
// Without SharedWorker a page imports nothing of this: store.js opens the stream itself.
const air = new BroadcastChannel("baseload");

/** Events of every tab; a mode of the map comes only while a tab asks for it. */
const ALWAYS = ["now", "map", "news", "alarm"];

/** Milliseconds after which a mode is wanted no more: tabs ask again each ten seconds. */
const WANTED_MS = 30_000;

/** @type {Map<string, {name: string, data: string}>} what a new tab is told at once */
const last = new Map();
/** @type {Map<string, number>} until when each mode is wanted */
const wanted = new Map();
const names = new Set(["now", "news", "alarm"]);
/** @type {EventSource | undefined} what is heard */
let stream;
/** @type {EventSource | undefined} the newest one, that is or will be heard */
let coming;
let tuned = "";

/** @param {string} name @param {string} data */
const tell = (name, data) => {
  const message = { name, data };
  if (name !== "news") last.set(name, message);
  air.postMessage(message);
};

/** @param {EventSource} from @param {string} name */
const hear = (from, name) =>
  from.addEventListener(name, (event) => from === stream && tell(name, /** @type {MessageEvent} */ (event).data));

/** @param {string} name */
const take = (name) => {
  if (names.has(name)) return;
  names.add(name);
  for (const one of new Set([stream, coming])) if (one) hear(one, name);
};

/** Open a stream of what is wanted; the one before goes on until this one is there. */
const connect = () => {
  const next = new EventSource(`/api/v1/stream?fields=${[...ALWAYS, ...(tuned ? tuned.split(",") : [])].join(",")}`);
  if (coming !== stream) coming?.close(); // the newest is the one that is wanted
  coming = next;
  for (const name of names) hear(next, name);
  next.onopen = () => {
    if (stream !== next) stream?.close();
    stream = next;
    tell("link", "live");
  };
  next.onerror = () => {
    if (stream === next || !stream) tell("link", "lost");
    if (next.readyState !== EventSource.CLOSED) return;
    // refused for good, for example while too many look: try again
    setTimeout(() => coming === next && connect(), 5000);
  };
};

/** Open another stream where other modes are wanted than it carries. */
const tune = () => {
  const now = Date.now();
  for (const [mode, until] of wanted) {
    if (until >= now) continue;
    wanted.delete(mode);
    for (const name of last.keys()) if (name.startsWith(`${mode}:`)) last.delete(name);
  }
  const modes = [...wanted.keys()].sort().join(",");
  if (modes === tuned) return;
  tuned = modes;
  connect();
};
connect();
setInterval(tune, 10_000);

/** @type {any} */ (self).onconnect = (/** @type {MessageEvent} */ event) => {
  const port = event.ports[0];
  // a tab says which sites' maps it shows, and how: their events have the site in their name
  port.onmessage = ({ data: { site, mode } }) => {
    take(`map:${site}`);
    if (!mode) return;
    take(`${mode}:${site}`);
    wanted.set(mode, Date.now() + WANTED_MS);
    tune();
  };
  for (const message of last.values()) port.postMessage(message);
};
