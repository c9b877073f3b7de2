// The map workers x steps. Each row has lanes of its own, so that no kind is told by its colour alone: accused above,
// missing below, a line in the middle while a worker gets no orders, a bar where it is convicted, dots where it was made to lie.

const kKinds = [
  { key: "accused", name: "accused", title: "outvoted, equivocated, bad bytes: docs/formats/run-directory.md", light: "#c24a00", dark: "#ff9a4d" },
  { key: "rejected", name: "rejected by the rule", title: "least weight in the robust rule", light: "#a03c78", dark: "#e08fc0" },
  { key: "missing", name: "missing or late", title: "no answer before the deadline, or a late one", light: "#0072b2", dark: "#56b4e9" },
  { key: "away", name: "no orders", title: "put out, or absent", light: "#555c66", dark: "#a9b0bb" },
  { key: "convicted", name: "convicted", title: "an arbiter found otherwise than it said", light: "#1a1d21", dark: "#e8eaee" },
  { key: "lied", name: "made to lie", title: "the simulated attackers' truth: attackers.jsonl", light: "#007a5a", dark: "#35c79b" },
];
const kRowHeight = 15, kAxisHeight = 34, kLabelWidth = 92, kPrintedRows = 60;

const kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Codes of docs/formats/run-directory.md (latency.bin), two letters each. */
function latencyCodes(text) {
  const codes = [];
  for (let at = 0; at + 1 < text.length; at += 2) codes.push(64 * kLetters.indexOf(text[at]) + kLetters.indexOf(text[at + 1]));
  return codes;
}

function latencySeconds(code) {
  return code < 2 ? null : 1e-6 * 2 ** ((code - 2) / 112);
}

class WorkerMap {
  constructor() {
    this.kinds = [];
    this.view = "seen";
    this.viewBox = element("div", { class: "controls", hidden: true });
    this.cursor = null;
    this.canvas = element("canvas", { tabIndex: 0, role: "img", "aria-label": "Map of workers and steps; arrow keys read it out" });
    this.tall = element("div", { class: "tall" });
    this.scroller = element("div", { class: "map" }, this.tall, this.canvas);
    this.readout = element("p", { class: "readout", "aria-live": "polite" });
    this.legend = element("ul", { class: "legend" });
    this.hint = element("p", { class: "quiet" });
    this.box = element("figure", {}, this.viewBox, this.legend, this.scroller, this.readout, this.hint);
    this.scroller.addEventListener("scroll", () => this.paint());
    this.canvas.addEventListener("pointermove", (event) => this.point(event));
    this.canvas.addEventListener("pointerleave", () => { this.cursor = null; this.say(); this.paint(); });
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.paint()).observe(this.scroller);
    kPainters.add(() => {
      if (!this.map) return;  // nobody has opened its section
      this.drawLegend();
      this.paint();
    });
  }

  show(run) {
    this.map = run.map;
    this.marks = new Map(run.workers.map((worker) => [worker.worker, worker]));
    this.box.hidden = this.map.step.length === 0;
    this.kinds = kKinds.filter((kind) => this.map.rows.some((row) => row[kind.key]));
    this.showLatency();
    const places = this.map.step.length;
    this.all = { worker: "all" };
    for (const kind of this.kinds) {
      const sums = new Array(places).fill(0);
      for (const row of this.map.rows) (row[kind.key] || []).forEach((count, at) => { sums[at] += count; });
      this.all[kind.key] = sums;
    }
    const timed = this.map.rows.filter((row) => row.codes);
    this.all.codes = Array.from({ length: timed.length > 0 ? places : 0 }, (_, at) => {
      const codes = timed.map((row) => row.codes[at]);
      const answered = codes.filter((code) => code >= 2);
      return answered.length > 0 ? answered.reduce((sum, code) => sum + code, 0) / answered.length : Math.max(...codes);
    });
    this.rows = [this.all, ...this.map.rows];
    this.drawLegend();
    this.paint();
    this.say();
  }

  /** Where the run has latencies: a second view of the same rows, darker (in dark: lighter) where answers took longer. */
  showLatency() {
    const codes = [];
    for (const row of this.map.rows) {
      if (!row.latency) continue;
      row.codes = latencyCodes(row.latency);
      for (const code of row.codes) if (code >= 2) codes.push(code);
    }
    if (codes.length > 0 && this.viewBox.hidden) {
      this.viewBox.replaceChildren(choice("show", `view-${kPainters.size}`, [["seen", "what was seen"], ["latency", "latency"]], this.view,
        (value) => { this.view = value; this.drawLegend(); this.paint(); this.say(); }));
    }
    this.viewBox.hidden = codes.length === 0;
    if (codes.length === 0) { this.view = "seen"; return; }
    codes.sort((a, b) => a - b);
    // What is beyond these is as dark as they are.
    this.range = [codes[Math.floor(codes.length * 0.01)], codes[Math.ceil(codes.length * 0.99) - 1]];
  }

  paintLatency(context, row, y, labels, column) {
    if (!row.codes) return;
    const [low, high] = this.range;
    for (let at = 0; at < row.codes.length; at += 1) {
      const code = row.codes[at], x = labels + at * column;
      if (code === 1) {
        this.cell(context, kKinds.find((kind) => kind.key === "missing"), x, y, column, kRowHeight, 1);
      } else if (code >= 2) {
        context.fillStyle = shade(kInk);
        context.globalAlpha = 0.08 + 0.92 * Math.max(0, Math.min(1, (code - low) / Math.max(1, high - low)));
        context.fillRect(x, y + 1, Math.max(1, column), kRowHeight - 3);
        context.globalAlpha = 1;
      }
    }
  }

  drawLatencyLegend() {
    const [low, high] = this.range;
    const canvas = element("canvas", { width: 120, height: kRowHeight, "aria-hidden": "true" });
    const context = canvas.getContext("2d");
    const codes = Array.from({ length: 40 }, (_, at) => low + ((high - low) * at) / 39);
    this.paintLatency(context, { codes }, 0, 0, 3);
    const missing = kKinds.find((kind) => kind.key === "missing");
    this.legend.replaceChildren(
      element("li", {}, element("span", { class: "entry" }, `${secondsText(latencySeconds(low))} or less`, canvas, `${secondsText(latencySeconds(high))} or more, from order to answer`)),
      element("li", {}, element("span", { class: "entry" }, this.sample(missing), "asked, no answer")));
  }

  drawHint() {
    const parts = [];
    const isSeen = this.view === "seen";
    if (this.map.width > 1) parts.push(`A column is ${numberText(this.map.width)} steps${isSeen ? "; a stronger colour is a larger share of them" : ", and has the geometric mean"}.`);
    parts.push("Whom the ledger accuses most comes first.");
    if (this.map.left_out > 0) parts.push(`${countText(this.map.left_out, "worker")} of whom there is less to say left out.`);
    this.hint.textContent = parts.join(" ");
  }

  drawLegend() {
    this.drawHint();
    if (this.view === "latency") return this.drawLatencyLegend();
    return this.legend.replaceChildren(...this.kinds.map((kind) => element("li", {}, element("span", { class: "entry", title: kind.title },
      this.sample(kind), kind.name))));
  }

  sample(kind) {
    const canvas = element("canvas", { width: 28, height: kRowHeight, "aria-hidden": "true" });
    this.cell(canvas.getContext("2d"), kind, 2, 0, 24, kRowHeight, 1);
    return canvas;
  }

  /** One kind's mark in a cell: which lane it is in says what it is. */
  cell(context, kind, x, y, width, height, share) {
    context.fillStyle = shade(kind);
    context.globalAlpha = kind.key === "convicted" || kind.key === "away" ? 1 : 0.3 + 0.7 * Math.min(1, share);
    const wide = Math.max(1, width);
    if (kind.key === "accused" || kind.key === "rejected") context.fillRect(x, y + 1, wide, height * 0.45);
    else if (kind.key === "missing") context.fillRect(x, y + height * 0.6, wide, height * 0.3);
    else if (kind.key === "away") context.fillRect(x, y + height * 0.5, wide, 1.5);
    else if (kind.key === "convicted") context.fillRect(x, y, Math.max(3, Math.min(5, wide)), height - 1);
    else for (let dot = 0; dot < wide; dot += 4) context.fillRect(x + dot, y + height - 3, Math.min(2, wide), 2);
    context.globalAlpha = 1;
  }

  shape() {
    const width = this.scroller.clientWidth;
    const labels = width < 500 ? 64 : kLabelWidth;
    const rows = isPrinting ? Math.min(this.rows.length, kPrintedRows) : this.rows.length;
    const most = parseFloat(getComputedStyle(this.scroller).maxHeight) || Infinity;
    const whole = rows * kRowHeight + kAxisHeight;
    return { width, labels, rows, whole, height: isPrinting ? whole : Math.min(whole, most - 2), column: (width - labels - 8) / this.map.step.length };
  }

  paint() {
    if (!this.map || this.map.step.length === 0 || this.scroller.clientWidth === 0) return;
    const { width, labels, rows, whole, height, column } = this.shape();
    this.tall.style.height = `${whole}px`;
    const scale = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(height * scale);
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
    const context = this.canvas.getContext("2d");
    context.scale(scale, scale);
    const top = isPrinting ? 0 : this.scroller.scrollTop;
    const first = Math.floor(top / kRowHeight);
    context.font = "11px system-ui, 'DejaVu Sans', sans-serif";
    context.textBaseline = "middle";
    for (let at = first; at < rows && at * kRowHeight - top < height - kAxisHeight; at += 1) {
      this.paintRow(context, this.rows[at], at * kRowHeight - top, labels, column, width);
    }
    this.paintAxis(context, labels, column, width, height);
    if (this.cursor) {
      context.strokeStyle = shade(kInk);
      context.lineWidth = 1.5;
      context.strokeRect(labels + this.cursor.column * column - 1, this.cursor.row * kRowHeight - top, Math.max(3, column + 2), kRowHeight - 1);
    }
  }

  paintRow(context, row, y, labels, column, width) {
    const mark = this.marks.get(row.worker);
    context.fillStyle = shade(kGrid);
    context.fillRect(labels, y + kRowHeight - 1, width - labels - 8, 0.5);
    context.fillStyle = shade(mark && (mark.suspect || mark.convicted) ? kInk : kQuiet);
    context.font = `${mark && (mark.suspect || mark.convicted) ? "bold " : ""}11px system-ui, 'DejaVu Sans', sans-serif`;
    const sign = mark && mark.convicted ? " ✕" : mark && mark.suspect ? " !" : "";
    context.fillText(row.worker === "all" ? "all" : `${labels < kLabelWidth ? "" : "worker "}${row.worker}${sign}`, 4, y + kRowHeight / 2);
    if (this.view === "latency") return this.paintLatency(context, row, y, labels, column);
    for (const kind of this.kinds) {
      const counts = row[kind.key];
      if (!counts) continue;
      const of = (at) => (row.worker === "all" ? Math.max(1, ...counts) : this.steps(at));
      for (let at = 0; at < counts.length; at += 1) {
        if (counts[at] > 0) this.cell(context, kind, labels + at * column, y, column, kRowHeight, counts[at] / of(at));
      }
    }
    return undefined;
  }

  paintAxis(context, labels, column, width, height) {
    const y = height - kAxisHeight;
    context.fillStyle = shade(kGround);
    context.fillRect(0, y, width, kAxisHeight);
    context.fillStyle = context.strokeStyle = shade(kQuiet);
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(labels, y + 0.5);
    context.lineTo(width - 8, y + 0.5);
    context.font = "11px system-ui, 'DejaVu Sans', sans-serif";
    const from = this.map.first, to = this.map.step[this.map.step.length - 1];
    const most = Math.max(1, Math.floor((width - labels) / 90));
    const power = 10 ** Math.floor(Math.log10(Math.max(1, (to - from) / most)));
    const every = [1, 2, 5, 10].map((factor) => factor * power).find((size) => (to - from) / size <= most) || power * 10;
    const right = labels + this.map.step.length * column;
    context.textAlign = "center";
    for (let step = Math.ceil(from / every) * every; step <= to; step += every) {
      const x = labels + (0.5 + (step - from)) / this.map.width * column;
      context.moveTo(x, y);
      context.lineTo(x, y + 4);
      const text = numberText(step), half = context.measureText(text).width / 2;
      context.fillText(text, Math.min(x, right + 8 - half), y + 11);
    }
    context.stroke();
    context.textAlign = "center";
    context.fillText("step", labels + (width - labels) / 2, y + 26);
    context.textAlign = "left";
  }

  begin(at) {
    return at === 0 ? this.map.first : this.map.step[at - 1] + 1;
  }

  steps(at) {
    return this.map.step[at] - this.begin(at) + 1;
  }

  point(event) {
    const { labels, rows, height, column } = this.shape();
    const bounds = this.canvas.getBoundingClientRect();
    const x = event.clientX - bounds.left, y = event.clientY - bounds.top;
    const row = Math.floor((y + this.scroller.scrollTop) / kRowHeight), at = Math.floor((x - labels) / column);
    const isIn = x >= 0 && y < height - kAxisHeight && row < rows && at < this.map.step.length;
    this.cursor = isIn ? { row, column: Math.max(0, at) } : null;
    this.say();
    this.paint();
  }

  key(event) {
    const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], Home: [0, -1e9], End: [0, 1e9],
      PageUp: [-20, 0], PageDown: [20, 0] };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    const from = this.cursor || { row: 0, column: 0 };
    const within = (value, count) => Math.max(0, Math.min(count - 1, value));
    this.cursor = { row: within(from.row + move[0], this.rows.length), column: within(from.column + move[1], this.map.step.length) };
    const y = this.cursor.row * kRowHeight, { height } = this.shape();
    const room = height - kAxisHeight;
    if (y < this.scroller.scrollTop) this.scroller.scrollTop = y;
    if (y + kRowHeight > this.scroller.scrollTop + room) this.scroller.scrollTop = y + kRowHeight - room;
    this.say();
    this.paint();
  }

  say() {
    if (!this.cursor || !this.rows[this.cursor.row]) {
      this.readout.textContent = "Point at a cell, or use the arrow keys, to read it.";
      return;
    }
    const row = this.rows[this.cursor.row], at = this.cursor.column;
    const begin = this.begin(at), end = this.map.step[at];
    const counts = this.kinds.map((kind) => [kind.name, (row[kind.key] || [])[at] || 0]).filter(([, count]) => count > 0);
    const where = begin === end ? `step ${numberText(end)}` : `steps ${numberText(begin)} to ${numberText(end)}`;
    const whom = row.worker === "all" ? "all workers" : `worker ${row.worker}`;
    if (this.view === "latency") {
      const code = (row.codes || [])[at] || 0;
      this.readout.textContent = `${whom}, ${where}: ${code >= 2 ? `${secondsText(latencySeconds(code))} from order to answer${begin < end ? " (geometric mean)" : ""}`
        : code === 1 ? "asked, no answer" : "not asked"}`;
      return;
    }
    this.readout.textContent = `${whom}, ${where}: ` +
      (counts.length === 0 ? "nothing against it" : counts.map(([name, count]) => `${name} ${numberText(count)}`).join(", "));
  }
}
