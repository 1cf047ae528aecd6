// One stream for all tabs: a browser opens six connections to a host and no more, so a
// seventh tab with a stream of its own would hang. A BroadcastChannel carries what comes.
// Without SharedWorker a page imports nothing of this: store.js opens the stream itself.
const air = new BroadcastChannel("baseload");
/** @type {Map<string, {name: string, data: string}>} what a new tab is told at once */
const last = new Map();
/** @type {EventSource | undefined} */
let stream;

/** @param {string} name @param {string} data */
const tell = (name, data) => {
  const message = { name, data };
  if (name !== "news") last.set(name, message);
  air.postMessage(message);
};

/** @param {string} name */
const hear = (name) => {
  if (heard.has(name)) return;
  heard.add(name);
  stream?.addEventListener(name, (event) =>
    tell(name, /** @type {MessageEvent} */ (event).data),
  );
};
/** @type {Set<string>} */
const heard = new Set();

const connect = () => {
  stream = new EventSource("/api/v1/stream");
  for (const name of ["now", "news", "alarm"]) hear(name);
  stream.onopen = () => tell("link", "live");
  stream.onerror = () => {
    tell("link", "lost");
    if (stream?.readyState !== EventSource.CLOSED) return;
    heard.clear(); // refused for good, for example while too many look: try again
    setTimeout(connect, 5000);
  };
};
connect();

/** @type {any} */ (self).onconnect = (/** @type {MessageEvent} */ event) => {
  const port = event.ports[0];
  // a tab says which sites' maps it shows: their events have the site in their name
  port.onmessage = (asked) => hear(`map:${asked.data}`);
  for (const message of last.values()) port.postMessage(message);
};
