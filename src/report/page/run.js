// What the page has of one run.

const kWorkerColumns = [
  { key: "worker", name: "worker", title: "from 1" },
  { key: "standing", name: "standing", title: "as the ledger of all steps has it" },
  { key: "answers", name: "answers counted", number: true, title: "answers that were in their slice's majority, or its one answer" },
  { key: "given", name: "of slices given", number: true, title: "slices of the steps that it was assigned to" },
  { key: "accused", name: "accused", number: true, title: "steps with an accusation: outvoted, equivocated, bad bytes, convicted" },
  { key: "rejected", name: "rejected", number: true, title: "steps in which the rule gave it least weight" },
  { key: "missing", name: "missing", number: true, title: "no answer before the deadline" },
  { key: "late", name: "late", number: true, title: "an answer up to two steps late" },
  { key: "other", name: "other", number: true, title: "owed bytes, or others say that it relayed wrongly" },
  { key: "latency", name: "latency, median", number: true, text: secondsText, title: "seconds from order to digest" },
  { key: "latency_95", name: "95 of 100 within", number: true, text: secondsText, title: "seconds from order to digest" },
  { key: "last_seen", name: "last seen", number: true, title: "the last step of which an answer of it came" },
  { key: "lied", name: "made to lie", number: true, title: "steps: the simulated attackers' truth" },
];
const kFirstWorkers = 40;

function standing(worker) {
  if (worker.convicted) return `convicted in step ${numberText(worker.convicted)}`;
  return worker.suspect ? "suspect" : "";
}

/** Per worker, sorted by any column. */
class WorkerTable {
  constructor() {
    this.by = null;
    this.isUp = false;
    this.isWhole = false;
    this.box = element("div");
    this.more = element("button", { type: "button", class: "screen" });
    this.more.addEventListener("click", () => { this.isWhole = !this.isWhole; this.draw(); });
  }

  show(run) {
    this.workers = run.workers;
    this.stride = run.rounds_stride;
    this.columns = kWorkerColumns.filter((column) => column.key === "worker" ||
      (column.key === "standing" ? run.workers.some((worker) => standing(worker)) : run.workers.some((worker) => isNumber(worker[column.key]))));
    this.draw();
  }

  draw() {
    const value = (worker, key) => (key === "standing" ? (worker.convicted ? 2 : worker.suspect ? 1 : 0) : isNumber(worker[key]) ? worker[key] : -1);
    const sorted = this.by === null ? this.workers : [...this.workers].sort((a, b) =>
      (this.isUp ? 1 : -1) * (value(a, this.by) - value(b, this.by)) || a.worker - b.worker);
    const shown = this.isWhole ? sorted : sorted.slice(0, kFirstWorkers);
    const table = tableOf(`Each worker, over all steps; whom the ledger accuses most first${this.stride > 1 ? `; answers and slices in one step of ${this.stride}` : ""}`, this.columns, shown.map((worker) => ({
      class: worker.suspect || worker.convicted ? "suspect" : null,
      cells: this.columns.map((column) => (column.key === "worker" ? String(worker.worker) : column.key === "standing" ? standing(worker)
        : isNumber(worker[column.key]) ? (column.text || numberText)(worker[column.key]) : "–")),
    })));
    table.querySelectorAll("thead th").forEach((head, at) => {
      const column = this.columns[at];
      const isThis = this.by === column.key;
      head.setAttribute("aria-sort", isThis ? (this.isUp ? "ascending" : "descending") : "none");
      const button = element("button", { type: "button" }, column.name + (isThis ? (this.isUp ? " ▲" : " ▼") : ""));
      button.addEventListener("click", () => {
        this.isUp = isThis ? !this.isUp : column.key === "worker";
        this.by = column.key;
        this.draw();
        this.box.querySelectorAll("thead button")[at].focus();
      });
      head.replaceChildren(button);
    });
    const place = this.box.firstChild ? this.box.firstChild.scrollLeft : 0;
    this.more.textContent = this.isWhole ? `the first ${kFirstWorkers} alone` : `all ${numberText(this.workers.length)} workers`;
    this.more.hidden = this.workers.length <= kFirstWorkers;
    this.box.replaceChildren(table, this.more);
    table.scrollLeft = place;
  }
}

const kStatusSays = { finished: "finished", running: "is running", interrupted: "was interrupted", diverged: "diverged", failed: "failed",
  killed: "was killed" };

function statusText(run) {
  const of = run.steps > 0 && run.status !== "finished" ? ` of ${numberText(run.steps)}` : "";
  return `${kStatusSays[run.status] || run.status} at step ${numberText(run.step)}${of}`;
}

/** Who is not there, or often not: silence convicts nobody, but somebody should look. */
function silentText(run) {
  if (run.is_short) return "";
  const often = run.workers.filter((worker) => !worker.convicted && worker.missing > 0 && 10 * worker.missing >= run.map.steps);
  if (often.length === 0) return "";
  const each = often.slice(0, 8).map((worker) => `worker ${worker.worker} in ${numberText(worker.missing)}`);
  return `Often missing, of ${countText(run.map.steps, "step")}: ${each.join(", ")}${often.length > 8 ? ` and ${often.length - 8} more` : ""}.`;
}

function verdictClass(run) {
  if (run.status === "failed" || run.status === "diverged" || run.loss === "nan") return "bad";
  if (run.suspects.length > 0 || run.convicted.length > 0) return "bad";
  return run.slices.lost > 0 || silentText(run) || run.status === "killed" ? "warn" : "good";
}

function pairs(entries) {
  return element("dl", { class: "numbers" }, ...entries.map(([name, text]) => element("div", {}, element("dt", {}, name), element("dd", {}, text))));
}

/** A run's section; its parts keep what the reader has opened, zoomed and sorted when newer data comes. */
class RunView {
  constructor(id, isAlone) {
    this.id = id;
    this.map = new WorkerMap();
    this.table = new WorkerTable();
    this.phases = new Phases();
    this.slicesLegend = new Legend();
    this.slices = new Chart(this.slicesLegend, true);
    this.parts = Object.fromEntries(["head", "what", "config", "truth", "again"].map((name) => [name, element("div")]));
    this.slicesBox = element("div", {}, element("h3", {}, "Slices lost"), this.slicesLegend.box, this.slices.figure);
    this.workersBox = element("div", {}, element("h3", {}, "Who did what, and when"), this.map.box, this.table.box);
    const all = element("div", {}, this.parts.head, this.parts.what, this.parts.config, this.workersBox, this.parts.truth, this.slicesBox,
      this.phases.box, this.parts.again);
    this.title = element("h2", { class: "name" });
    this.fold = isAlone ? element("div", {}, all) : element("details", {}, element("summary", {}, this.title), all);
    this.box = element("section", { class: "run", id }, this.fold);
    this.foldConfig = element("details", {}, element("summary", {}, "All options"), element("div"));
    this.parts.config.append(this.foldConfig);
    if (!isAlone) this.fold.addEventListener("toggle", () => this.draw());
  }

  get isOpen() {
    return this.fold.tagName !== "DETAILS" || this.fold.open;
  }

  show(run) {
    this.run = run;
    this.title.textContent = `${run.name}: ${statusText(run)}`;
    this.title.title = run.place;
    this.draw();
  }

  draw() {
    const run = this.run;
    if (!this.isOpen || this.drawn === run) return;
    this.drawn = run;
    this.drawHead(run);
    this.parts.what.replaceChildren(element("h3", {}, "What was run"),
      tableOf("What was run, on what, against whom", [{ name: "what" }, { name: "as configured" }], run.what.map((cells) => ({ cells }))));
    for (const box of [this.parts.config, this.parts.truth, this.workersBox, this.phases.box]) box.hidden = Boolean(run.is_short);
    if (!run.is_short) this.drawParts(run);
    this.drawSlices(run);
    this.parts.again.replaceChildren(element("h3", {}, "Repeat and verify it"), ...run.commands.flatMap(([why, line]) =>
      [element("p", {}, why), element("pre", {}, line)]));
  }

  /** What a run among very many has not on their page. */
  drawParts(run) {
    this.foldConfig.lastChild.replaceChildren(tableOf("config.toml, resolved", [{ name: "option" }, { name: "value" }],
      run.config.map((cells) => ({ cells }))));
    this.workersBox.hidden = run.workers.length === 0;
    this.map.show(run);
    this.table.show(run);
    this.drawTruth(run);
    this.phases.show(run);
  }

  drawHead(run) {
    const says = [`${run.name} ${statusText(run)}.`];
    if (run.message) says.push(run.message);
    if (run.is_short) says.push("Its map and its workers are in a page of its own: detoxml report.");
    const notes = run.notes.map((note) => element("p", { class: "note" }, note));
    this.parts.head.replaceChildren(element("div", { class: `head ${verdictClass(run)}` }, element("p", {}, says.join(" ")),
      element("p", { class: "says" }, run.verdict), ...(run.rejections ? [element("p", {}, run.rejections)] : []), ...(silentText(run) ? [element("p", {}, silentText(run))] : []), ...notes), pairs(this.numbers(run)));
  }

  numbers(run) {
    const entries = [["steps taken", numberText(run.step)], ["loss", `${numberText(run.loss)}`]];
    if (isNumber(run.accuracy)) entries.push(["training accuracy", percentText(run.accuracy)]);
    if (isNumber(run.test_accuracy)) entries.push([`test accuracy, step ${numberText(run.test_step)}`, percentText(run.test_accuracy)]);
    entries.push(["seconds of steps", secondsText(run.seconds)], ["slices lost", `${numberText(run.slices.lost)} of ${numberText(run.slices.all)}`]);
    if (isNumber(run.slices.corrupted)) entries.push(["slices corrupted", `${numberText(run.slices.corrupted)} (${percentText(run.slices.corrupted / Math.max(1, run.slices.all))})`]);
    if (run.skipped > 0) entries.push(["steps skipped", numberText(run.skipped)]);
    if (run.taken_back > 0) entries.push(["steps taken again", numberText(run.taken_back)]);
    entries.push(["answers a slice", numberText(run.slices.all > 0 ? run.computed / run.slices.all : null, 3)]);
    if (run.bytes_in > 0) entries.push(["into the server", bytesText(run.bytes_in)], ["out of it", bytesText(run.bytes_out)]);
    return entries;
  }

  drawTruth(run) {
    const truth = run.truth;
    if (!truth) return this.parts.truth.replaceChildren();
    const rows = [];
    if (!truth.only_late) {
      rows.push({ cells: ["lies, a worker in a step each", numberText(truth.lies), numberText(truth.rightly), numberText(truth.wrongly),
        percentText(truth.rightly + truth.wrongly > 0 ? truth.rightly / (truth.rightly + truth.wrongly) : null),
        percentText(truth.lies > 0 ? truth.rightly / truth.lies : null)] });
    }
    const named = truth.named;
    if (named) {
      rows.push({ cells: ["workers that ever lied", numberText(named.liars), numberText(named.rightly), numberText(named.wrongly),
        percentText(named.rightly + named.wrongly > 0 ? named.rightly / (named.rightly + named.wrongly) : null),
        percentText(named.liars > 0 ? named.rightly / named.liars : null)] });
    }
    const who = truth.only_late ? `Simulated workers are late or silent here and tell no lies: ${listText(truth.liars)}. Accused wrongly ${numberText(truth.wrongly + truth.rightly)} times.`
      : truth.changes ? "Other workers were made to lie in each step, so nobody is to be named." : `Made to lie: ${truth.liars.length === 0 ? "nobody yet" : `worker${truth.liars.length === 1 ? "" : "s"} ${listText(truth.liars, 30)}`}.`;
    return this.parts.truth.replaceChildren(element("h3", {}, "The attackers' truth beside the ledger"), element("p", {}, who),
      ...rows.length === 0 ? [] : [tableOf("Precision: of those accused, how many lied. Recall: of those who lied, how many were accused.",
        [{ name: "" }, { name: "simulated", number: true }, { name: "accused rightly", number: true }, { name: "wrongly", number: true },
          { name: "precision", number: true }, { name: "recall", number: true }], rows)]);
  }

  drawSlices(run) {
    const { step, lost_a_step: lost, corrupted_a_step: corrupted } = run.slices;
    this.slicesBox.hidden = !lost.some((value) => value > 0) && !(corrupted || []).some((value) => value > 0);
    const series = [{ name: "lost: no majority", x: step, y: lost, colour: 1 }];
    if (corrupted) series.push({ name: "corrupted: liars had the majority", x: step, y: corrupted, colour: 0 });
    this.slices.take(series, { xName: "step", yName: "slices a step", xText: (x) => `step ${numberText(x)}` });
  }
}
