/* The live page: shows what its socket pushes. Every text goes in as text, never as HTML. */
"use strict";

const page = document.getElementById("live");
const words = page.dataset;
const SHOWN_ENDED = 100;
const SHOWN_EVENTS = 40;
const SPARK_POINTS = 60;
const FINAL = { 4401: "signedOut", 4403: "notAllowed", 4429: "tooMany" };

let after = "";
let held = false;
let waiting = []; // frames that came while the page was held
let clock = 0; // how far the server's clock is ahead of ours, in ms
let pause = 500;
const knownEvents = new Set();
const history = { requests_a_second: [], tokens_a_second: [] };
let sampled = 0;

function byId(id) {
  return document.getElementById(id);
}

function put(text, names) {
  return text.replace(/\{(\w+)\}/g, (all, name) => names[name] ?? all);
}

function state(name) {
  const line = byId("state");
  if (line.dataset.state !== name) {
    line.dataset.state = name;
    line.textContent = words[name];
  }
}

function duration(ms) {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 60000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60000)} min ${Math.floor((ms % 60000) / 1000)} s`;
}

function number(value) {
  return value.toLocaleString(document.documentElement.lang || "en");
}

function cell(row, content, kind) {
  const made = row.insertCell();
  if (kind) made.className = kind;
  if (content instanceof Node) made.append(content);
  else made.textContent = content;
  return made;
}

function link(url, id, text) {
  if (!url) return document.createTextNode(text);
  const made = document.createElement("a");
  made.href = url.replace("ROW", encodeURIComponent(id));
  made.textContent = text;
  return made;
}

function model(request) {
  const made = document.createElement("span");
  made.className = "desk-model";
  made.textContent = request.asked;
  if (request.served && request.served !== request.asked) {
    const served = document.createElement("span");
    served.className = "desk-served";
    served.textContent = ` → ${request.served}`;
    made.append(served);
  }
  return made;
}

/* --- Running: rows are kept, so that a selection or the focus stays where it is --- */

const rows = new Map();

function showRunning(frame) {
  const body = byId("running");
  const there = new Set(frame.running.map((request) => request.id));
  for (const [id, row] of rows) {
    if (!there.has(id)) {
      row.remove();
      rows.delete(id);
    }
  }
  for (const request of frame.running) {
    let row = rows.get(request.id);
    if (!row) {
      row = body.insertRow();
      row.dataset.began = request.began;
      cell(row, "", "number since");
      cell(row, link(words.userUrl, request.user_id, request.user));
      cell(row, "");
      cell(row, request.stream ? `${request.endpoint} ⇢` : request.endpoint, "wide");
      cell(row, "", "wide number");
      cell(row, "", "number");
      rows.set(request.id, row);
    }
    if (row.dataset.served !== request.served) {
      row.dataset.served = request.served;
      row.cells[2].replaceChildren(model(request));
    }
    row.cells[4].textContent = request.attempts;
    row.cells[5].textContent = request.tokens ? number(request.tokens) : "–";
  }
  const more = frame.running_count - frame.running.length;
  byId("running-more").hidden = more <= 0;
  byId("running-more").textContent = more > 0 ? `+ ${number(more)}` : "";
  byId("running-none").hidden = frame.running_count > 0;
  age();
}

function age() {
  const now = Date.now() + clock;
  for (const row of rows.values()) row.cells[0].textContent = duration(now - row.dataset.began);
}

/* --- Ended --- */

function showEnded(frame) {
  const body = byId("ended");
  for (const request of frame.ended) {
    const row = body.insertRow(0);
    row.dataset.status = Math.floor(request.status / 100);
    const status = document.createElement("span");
    status.className = "desk-status";
    status.textContent = request.status;
    cell(row, link(words.recordUrl, request.id, "")).firstChild.append(status);
    if (request.error && request.status !== 200) {
      const why = document.createElement("span");
      why.className = "desk-why";
      why.textContent = request.status === 499 ? words.clientLeft : request.error;
      row.cells[0].append(why);
    }
    cell(row, new Date(request.began + request.total_ms).toLocaleTimeString(document.documentElement.lang || "en"), "wide");
    cell(row, link(words.userUrl, request.user_id, request.user));
    cell(row, model(request));
    cell(row, request.stream ? `${request.endpoint} ⇢` : request.endpoint, "wide");
    cell(row, request.attempts, "wide number");
    cell(row, number(request.tokens), "number");
    cell(row, duration(request.first_byte_ms), "wide number");
    cell(row, duration(request.total_ms), "number");
  }
  while (body.rows.length > SHOWN_ENDED) body.deleteRow(-1);
  if (frame.left_out) {
    byId("left-out").hidden = false;
    byId("left-out").textContent = put(words.leftOut, { count: number(frame.left_out) });
  }
  byId("ended-none").hidden = body.rows.length > 0;
}

/* --- Keys and breakers --- */

function sentence(event) {
  if (event.kind === "key") {
    const names = { ...event, model: event.model || words.allModels };
    return put({ resting: words.keyResting, disabled: words.keyDisabled }[event.became] || words.keyOther, names);
  }
  return put(words[event.kind + (event.model ? "" : "All")], event);
}

function showEvents(frame) {
  const list = byId("events");
  for (const event of frame.events) {
    if (knownEvents.has(event.id)) continue;
    knownEvents.add(event.id);
    const item = document.createElement("li");
    const time = document.createElement("time");
    const at = new Date(event.at);
    time.dateTime = at.toISOString();
    const exact = event.kind === "key" ? { hour: "2-digit", minute: "2-digit" } : {};
    time.textContent = at.toLocaleTimeString(document.documentElement.lang || "en", exact);
    item.dataset.kind = event.kind;
    item.append(time, ` ${sentence(event)}`);
    list.prepend(item);
  }
  while (list.children.length > SHOWN_EVENTS) list.lastChild.remove();
  byId("events-none").hidden = list.children.length > 0;
  const shut = byId("shut");
  shut.hidden = frame.shut.length === 0;
  shut.replaceChildren(
    ...frame.shut.map((name) => {
      const item = document.createElement("li");
      item.textContent = put(words[name ? "shut" : "shutAll"], { model: name });
      return item;
    }),
  );
}

/* --- Numbers --- */

function showNumbers(frame) {
  byId("running-count").textContent = number(frame.running_count);
  byId("requests").textContent = number(frame.requests_a_second);
  byId("tokens").textContent = number(frame.tokens_a_second);
  byId("processes").textContent = number(frame.processes);
  if (Date.now() - sampled < 1000) return;
  sampled = Date.now();
  for (const line of document.querySelectorAll(".desk-spark")) {
    const values = history[line.dataset.of];
    values.push(frame[line.dataset.of]);
    if (values.length > SPARK_POINTS) values.shift();
    const most = Math.max(1, ...values);
    const step = 120 / (SPARK_POINTS - 1);
    const start = 120 - (values.length - 1) * step;
    const points = values.map((value, place) => `${(start + place * step).toFixed(1)},${(23 - (22 * value) / most).toFixed(1)}`);
    line.firstElementChild.setAttribute("points", points.join(" "));
  }
}

/* --- The socket --- */

function show(frame) {
  clock = frame.now - Date.now();
  showNumbers(frame);
  showRunning(frame);
  showEnded(frame);
  showEvents(frame);
}

function merged(frames) {
  const last = frames[frames.length - 1];
  return {
    ...last,
    ended: frames.flatMap((frame) => frame.ended).slice(-SHOWN_ENDED),
    events: frames.flatMap((frame) => frame.events),
    left_out: frames.reduce((sum, frame) => sum + frame.left_out, 0),
  };
}

function connect() {
  const address = new URL(words.feed, location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  if (after) address.searchParams.set("after", after);
  const socket = new WebSocket(address);
  socket.addEventListener("message", (message) => {
    const frame = JSON.parse(message.data);
    pause = 500;
    after = frame.after;
    if (held) {
      waiting.push(frame);
      if (waiting.length > SHOWN_ENDED) waiting = [merged(waiting)];
    } else {
      state(frame.paused ? "paused" : "live");
      show(frame);
    }
    socket.send(String(frame.frame)); // shown: the next may come
  });
  socket.addEventListener("close", (event) => {
    const why = FINAL[event.code];
    state(why || "lost");
    if (why) {
      show({ now: Date.now(), requests_a_second: 0, tokens_a_second: 0, running_count: 0, processes: 0, running: [], ended: [], events: [], shut: [], left_out: 0 });
      return;
    }
    setTimeout(connect, pause * (0.75 + Math.random() / 2));
    pause = Math.min(10000, 2 * pause);
  });
}

byId("hold").addEventListener("click", (event) => {
  held = !held;
  event.currentTarget.setAttribute("aria-pressed", String(held));
  event.currentTarget.textContent = held ? words.goOn : words.hold;
  if (held) state("held");
  else if (waiting.length) {
    const frame = merged(waiting);
    waiting = [];
    state(frame.paused ? "paused" : "live");
    show(frame);
  }
});

setInterval(() => held || age(), 200);
connect();
