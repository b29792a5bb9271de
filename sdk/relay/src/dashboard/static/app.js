// The dashboard's page. Everything shown is set as text, never as markup: names come from clients.

const $ = (id) => document.getElementById(id);
const element = (name, className, text) => {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
};

let csrf = "";
let source = null;
let overview = null;
let frames = new Map(); // session -> { frames, lost, at, rate, quality }
let history = { sessions: [], rate: [], quality: [] };
let tab = "live";
let over = { rows: [], next: null };
let open = null; // { id, epoch }
let detail = null;

// ---- asking ----

class Refused extends Error {
  constructor(status, report) {
    super(`${report.message}: ${report.remedy}`);
    this.status = status;
  }
}

async function ask(path, options = {}) {
  const answer = await fetch(`/dashboard${path}`, {
    ...options,
    credentials: "same-origin",
    headers: { "x-csrf-token": csrf, ...(options.body ? { "content-type": "application/json" } : {}) },
  });
  if (!answer.ok) {
    const report = await answer.json().catch(() => ({ message: `status ${answer.status}`, remedy: "try again" }));
    throw new Refused(answer.status, report);
  }
  return answer.status === 204 ? null : answer.json();
}

// ---- logging in ----

async function begin() {
  const ticket = new URLSearchParams(location.hash.slice(1)).get("ticket");
  if (ticket) {
    // It is good once: it stays neither in the address nor in the history.
    window.history.replaceState(null, "", "/dashboard");
    await logIn({ ticket });
    return;
  }
  try {
    const me = await ask("/me");
    csrf = me.csrf;
    $("who").textContent = me.identity;
    show();
  } catch {
    showLogin("");
  }
}

async function logIn(offer) {
  try {
    csrf = (await ask("/login", { method: "POST", body: JSON.stringify(offer) })).csrf;
    $("who").textContent = (await ask("/me")).identity;
    show();
  } catch (error) {
    showLogin(error.message);
  }
}

function showLogin(message) {
  source?.close();
  source = null;
  $("app").hidden = true;
  $("login").hidden = false;
  $("login-error").textContent = message;
  $("token").value = "";
  $("token").focus();
}

function show() {
  $("login").hidden = true;
  $("app").hidden = false;
  watch();
}

// ---- watching ----

function watch() {
  source?.close();
  source = new EventSource("/dashboard/live");
  source.addEventListener("overview", (event) => {
    overview = JSON.parse(event.data);
    measure();
    draw();
  });
  source.addEventListener("change", (event) => {
    const told = JSON.parse(event.data);
    if (open && told.id === open.id && told.epoch === open.epoch && detail) {
      detail.state = told.state;
      if (!detail.changes.some((known) => known.version === told.change.version)) detail.changes.push(told.change);
      drawDetail();
      refreshDetail();
    }
  });
  source.onerror = async () => {
    pill($("ready"), "reconnecting", "warn");
    if (source.readyState === EventSource.CLOSED) {
      try {
        await ask("/me");
        setTimeout(watch, 1000);
      } catch (error) {
        if (error instanceof Refused && error.status === 401) showLogin("You were logged out.");
        else setTimeout(watch, 2000);
      }
    }
  };
}

function measure() {
  const now = performance.now();
  const next = new Map();
  let total = 0, good = 0, lost = 0;
  for (const row of overview.rows) {
    const sum = (name) => row.streams.reduce((all, stream) => all + stream[name], 0);
    const figures = { frames: sum("frames"), lost: sum("lost"), at: now, rate: 0, part: 1 };
    const before = frames.get(row.id + row.epoch);
    if (before) {
      const seconds = (now - before.at) / 1000;
      const came = Math.max(0, figures.frames - before.frames);
      const missing = Math.max(0, figures.lost - before.lost);
      // Smoothed over some seconds, so that a burst after an outage is one.
      figures.rate = before.rate * 0.6 + (came / seconds) * 0.4;
      const part = came + missing ? came / (came + missing) : 1;
      figures.part = before.part * 0.8 + part * 0.2;
      good += came;
      lost += missing;
    }
    total += figures.rate;
    next.set(row.id + row.epoch, figures);
  }
  frames = next;
  const attached = overview.rows.filter((row) => row.state === "attached").length;
  push("sessions", attached);
  push("rate", total);
  push("quality", good + lost ? good / (good + lost) : 1);
  $("k-rate").textContent = Math.round(total).toLocaleString();
  $("k-attached").textContent = `${attached} connected`;
  const part = history.quality.reduce((all, value) => all + value, 0) / history.quality.length;
  $("k-quality").textContent = total > 0.5 || lost ? `${(part * 100).toFixed(part === 1 ? 0 : 1)} %` : "–";
  $("k-lost").textContent = "of frames";
}

function push(name, value) {
  history[name].push(value);
  if (history[name].length > 60) history[name].shift();
}

// ---- drawing ----

function pill(at, text, kind) {
  at.textContent = text;
  at.className = `pill ${kind}`;
}

function spark(at, values, floor) {
  const top = Math.max(...values, floor);
  const step = 120 / Math.max(1, values.length - 1);
  const points = values.map((value, index) => {
    const x = 120 - (values.length - 1 - index) * step;
    return `${x.toFixed(1)},${(26 - (value / top) * 22).toFixed(1)}`;
  });
  const path = (className, d) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", "path");
    made.setAttribute("class", className);
    made.setAttribute("d", d);
    return made;
  };
  const first = 120 - (values.length - 1) * step;
  at.replaceChildren(
    path("area", `M${first.toFixed(1)},28 L${points.join(" L")} L120,28 Z`),
    path("line", `M${points.join(" L")}`),
  );
}

const ENGINES = { ready: ["ready", "good"], loading: ["loading", "warn"], not_installed: ["not installed", "bad"], degraded: ["degraded", "warn"], disabled: ["none", ""] };
const STATES = { attached: ["connected", "good"], waiting: ["away", "warn"], over: ["over", ""] };

function draw() {
  $("version").textContent = overview.version;
  pill($("ready"), overview.ready ? "ready" : "not ready", overview.ready ? "good" : "bad");
  $("banner").hidden = overview.reasons.length === 0;
  $("banner").textContent = overview.reasons.join("\n");
  $("k-sessions").textContent = overview.sessions.toLocaleString();
  $("k-engine").textContent = ENGINES[overview.engine.state]?.[0] ?? overview.engine.state;
  $("k-engine-say").textContent = overview.engine.remedy || overview.engine.message;
  $("k-writes").textContent = overview.writes.toLocaleString();
  $("k-db").textContent = `database ${overview.database}`;
  $("k-conn").textContent = overview.connections.toLocaleString();
  spark($("s-sessions"), history.sessions, 1);
  spark($("s-rate"), history.rate, 100);
  spark($("s-quality"), history.quality, 1);
  if (tab === "live") drawRows(overview.rows);
  if (open && detail) drawDetail();
}

function quality(row) {
  const part = frames.get(row.id + row.epoch)?.part ?? 1;
  if (row.state !== "attached") return ["q0", "no connection"];
  if (part > 0.998) return ["q4", "excellent"];
  if (part > 0.98) return ["q3", "good"];
  return part > 0.9 ? ["q2", "fair"] : ["q1", "poor"];
}

function behind(row) {
  // Where nobody transcribes, nothing is behind.
  if (row.engine === "disabled") return "–";
  const worst = Math.max(0, ...row.streams.map((stream) => (stream.untranscribed * (stream.frame_ms ?? 10)) / 1000));
  return worst < 1 ? "–" : worst < 90 ? `${worst.toFixed(0)} s` : `${(worst / 60).toFixed(0)} min`;
}

function drawRows(rows) {
  const body = $("rows");
  const focused = document.activeElement?.dataset?.key;
  const made = rows.map((row) => {
    const line = element("tr");
    line.dataset.key = row.id + row.epoch;
    line.dataset.id = row.id;
    line.dataset.epoch = row.epoch;
    line.tabIndex = 0;
    if (open && open.id === row.id && open.epoch === row.epoch) line.classList.add("open");
    const name = element("td");
    name.append(element("span", "mono", row.id.slice(0, 8)), element("span", "client", row.client || "unnamed client"));
    const state = element("td");
    const [word, kind] = STATES[row.state] ?? [row.state, ""];
    state.append(element("span", `pill ${kind}`, word));
    const link = element("td");
    if (row.streams) {
      const [level, say] = quality(row);
      const bars = element("span", `bars ${level}`);
      bars.setAttribute("aria-hidden", "true");
      for (let bar = 0; bar < 4; bar += 1) bars.append(element("i"));
      link.append(bars, say);
    } else {
      link.append(row.over_ms ? new Date(row.over_ms).toLocaleString() : "–");
    }
    const rate = frames.get(row.id + row.epoch)?.rate ?? 0;
    line.append(
      name,
      state,
      element("td", "", row.owner),
      link,
      element("td", "num", row.streams ? `${Math.round(rate)}/s` : "–"),
      element("td", "num", row.streams ? behind(row) : "–"),
    );
    return line;
  });
  body.replaceChildren(...made);
  if (focused) body.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  $("empty").hidden = rows.length > 0;
  $("more").hidden = tab === "live" || !over.next;
}

async function showOver(more) {
  try {
    const page = await ask(`/api/sessions?state=over&limit=50${more && over.next ? `&cursor=${encodeURIComponent(over.next)}` : ""}`);
    over = { rows: more ? over.rows.concat(page.sessions) : page.sessions, next: page.next };
    if (tab === "over") drawRows(over.rows);
  } catch (error) {
    $("banner").hidden = false;
    $("banner").textContent = error.message;
  }
}

// ---- one session ----

const base = () => `/api/sessions/${open.id}`;

async function openSession(id, epoch) {
  open = { id, epoch };
  detail = null;
  await refreshDetail();
  if (detail) $("detail").focus({ preventScroll: true });
}

let refreshing = false;
async function refreshDetail() {
  if (refreshing || !open) return;
  refreshing = true;
  const wanted = open;
  try {
    const found = await ask(`${base()}?epoch=${wanted.epoch}`);
    if (open === wanted) {
      detail = found;
      $("detail").hidden = false;
      drawDetail();
    }
  } catch (error) {
    if (open === wanted) close();
    $("banner").hidden = false;
    $("banner").textContent = error.message;
  } finally {
    refreshing = false;
  }
}

function close() {
  const key = open && open.id + open.epoch;
  open = null;
  detail = null;
  $("detail").hidden = true;
  for (const line of $("rows").children) line.classList.remove("open");
  if (key) $("rows").querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
}

const WORDS = {
  created: ["Created", ""], found: ["Found again", "good"], attached: ["Connected", "good"], detached: ["Connection lost", "warn"],
  stream_opened: ["Stream opened", "good"], stream_ended: ["Stream ended", ""], gap: ["Gap", "bad"], engine: ["Speech engine", ""],
  audio_stalled: ["No audio from the source", "warn"], closed: ["Connection closed", ""], stuck: ["Client takes nothing", "bad"],
  expired: ["Credentials expired", "bad"], ledger_mismatch: ["Ledger does not balance", "bad"], over: ["Over", ""],
};

function drawDetail() {
  $("d-title").textContent = `Session ${detail.id.slice(0, 8)}`;
  const [word, kind] = STATES[detail.state] ?? [detail.state, ""];
  pill($("d-state"), word, kind);
  const facts = [
    ["Client", detail.client || "unnamed"], ["Owner", detail.owner], ["Since", new Date(detail.created_ms).toLocaleString()],
    ["Trace", detail.trace || "–"], ["Version", String(detail.version)],
    ["Waiting for it", detail.live?.queued_bytes === undefined || detail.live?.queued_bytes === null ? "–" : `${(detail.live.queued_bytes / 1024).toFixed(1)} KiB`],
  ];
  $("d-facts").replaceChildren(...facts.flatMap(([name, value]) => [element("dt", "", name), element("dd", name === "Trace" ? "mono" : "", value)]));
  const row = overview?.rows.find((one) => one.id === detail.id && one.epoch === detail.epoch);
  const streams = detail.streams.map((stream) => {
    const box = element("div", "stream");
    box.append(element("b", "", stream.label || `Stream ${stream.stream}`));
    const sums = row?.streams.find((one) => one.stream === stream.stream) ?? stream.live;
    const seconds = sums ? Math.round((sums.frames * stream.frame_samples) / stream.sample_rate) : null;
    const codec = stream.codec === "pcm_s16le" ? "PCM" : stream.codec.toUpperCase();
    box.append(element("small", "", `${codec} · ${stream.sample_rate / 1000} kHz · ${stream.ended ? "ended" : "open"}`));
    if (sums) box.append(element("small", "", `${seconds} s arrived · ${sums.lost} frames lost · ${sums.duplicates} twice`));
    return box;
  });
  $("d-streams").replaceChildren(...(streams.length ? streams : [element("p", "sub", "None yet.")]));
  const steps = detail.changes.slice(-200).reverse().map((change) => {
    const [said, kind] = WORDS[change.what] ?? [change.what, ""];
    const step = element("li", kind);
    const time = element("time", "", new Date(change.at_ms).toLocaleTimeString());
    time.dateTime = new Date(change.at_ms).toISOString();
    step.append(time, said, element("small", "", change.detail));
    return step;
  });
  $("d-timeline").replaceChildren(...steps);
  $("d-txt").href = `/dashboard${base()}/transcript?format=txt&epoch=${open.epoch}`;
  $("d-txt").download = `${detail.id.slice(0, 8)}.txt`;
  const stream = detail.streams[0]?.stream ?? 0;
  $("d-wav").href = `/dashboard${base()}/audio?stream=${stream}&epoch=${open.epoch}`;
  $("d-wav").hidden = detail.streams.length === 0;
  for (const line of $("rows").children) line.classList.toggle("open", line.dataset.key === detail.id + detail.epoch);
}

async function remove() {
  $("confirm").close();
  try {
    await ask(`${base()}?epoch=${open.epoch}&end=true`, { method: "DELETE" });
    close();
    if (tab === "over") showOver(false);
  } catch (error) {
    $("banner").hidden = false;
    $("banner").textContent = error.message;
  }
}

// ---- hands ----

function choose(line) {
  if (line) openSession(line.dataset.id, Number(line.dataset.epoch));
}

function setTab(name) {
  tab = name;
  $("tab-live").setAttribute("aria-selected", String(name === "live"));
  $("tab-over").setAttribute("aria-selected", String(name === "over"));
  if (name === "live") drawRows(overview?.rows ?? []);
  else showOver(false);
}

function theme(dark) {
  document.documentElement.classList.toggle("dark", dark);
}

$("login-form").addEventListener("submit", (event) => {
  event.preventDefault();
  logIn({ token: $("token").value });
});
$("logout").addEventListener("click", async () => {
  await ask("/logout", { method: "POST" }).catch(() => {});
  showLogin("");
});
$("rows").addEventListener("click", (event) => choose(event.target.closest("tr")));
$("tab-live").addEventListener("click", () => setTab("live"));
$("tab-over").addEventListener("click", () => setTab("over"));
$("more").addEventListener("click", () => showOver(true));
$("d-close").addEventListener("click", close);
$("d-delete").addEventListener("click", () => $("confirm").showModal());
$("c-no").addEventListener("click", () => $("confirm").close());
$("c-yes").addEventListener("click", remove);
$("theme").addEventListener("click", () => theme(!document.documentElement.classList.contains("dark")));
document.addEventListener("keydown", (event) => {
  if ($("app").hidden || $("confirm").open || event.ctrlKey || event.metaKey || event.altKey) return;
  const line = document.activeElement?.closest?.("tr[data-key]");
  const lines = [...$("rows").children];
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    const at = lines.indexOf(line);
    const next = lines[Math.min(lines.length - 1, Math.max(0, at + (event.key === "ArrowDown" ? 1 : -1)))];
    if (next && (line || document.activeElement === document.body || document.activeElement === $("rows"))) {
      next.focus();
      event.preventDefault();
    }
  } else if (event.key === "Enter" && line) choose(line);
  else if (event.key === "Escape" && open) close();
  else if (event.key === "t") theme(!document.documentElement.classList.contains("dark"));
});
const wish = matchMedia("(prefers-color-scheme: dark)");
theme(wish.matches);
wish.addEventListener("change", () => theme(wish.matches));
begin();
