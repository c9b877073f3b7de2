// Curves over steps or seconds, by dygraphs. A chart keeps its zoom when it is given newer data.

const kTimes = [[7200 * 3, 3600, "hours"], [120 * 3, 60, "minutes"], [0, 1, "seconds"]];

function timeUnit(most) {
  return kTimes.find(([least]) => most >= least);
}

/** A number that has little room. */
function axisText(y) {
  const size = Math.abs(y);
  return size >= 1e6 || (size > 0 && size < 1e-4) ? Number(y.toPrecision(2)).toExponential() : numberText(y, 3);
}

/** Names of what charts show, with what the pointer is at; a button each, which hides and shows it. */
class Legend {
  constructor() {
    this.hidden = new Set();
    this.charts = [];
    this.values = new Map();
    this.box = element("ul", { class: "legend" });
  }

  draw() {
    const entries = new Map();
    for (const chart of this.charts) for (const one of chart.series || []) if (!entries.has(one.name)) entries.set(one.name, [one, chart]);
    this.values.clear();
    this.box.replaceChildren(...[...entries].map(([name, [one, chart]]) => {
      const value = element("span", { class: "value" });
      this.values.set(name, value);
      const button = element("button", { type: "button", "aria-pressed": String(!this.hidden.has(name)), title: `${name}: show or hide` },
        swatch(seriesColour(one.colour), one, chart.view.stacked), element("span", { class: "name" }, name), value);
      button.addEventListener("click", () => {
        if (!this.hidden.delete(name)) this.hidden.add(name);
        button.setAttribute("aria-pressed", String(!this.hidden.has(name)));
        for (const drawn of this.charts) drawn.draw();
      });
      return element("li", {}, button);
    }));
  }

  /** `texts`: by name. */
  say(texts) {
    for (const [name, value] of this.values) value.textContent = texts.get(name) || "";
  }
}

/**
 * A chart. `take(series, view)` shows series {name, x, y, colour, dots}; view: {xName, xFactor, yName, xText, yText, log,
 * stacked, percent}. Several may share a legend.
 */
class Chart {
  constructor(legend, low = false) {
    this.legend = legend;
    legend.charts.push(this);
    this.box = element("div", { class: low ? "chart low" : "chart" });
    this.reset = element("button", { type: "button", class: "screen", hidden: true }, "whole range");
    this.reset.addEventListener("click", () => { if (this.graph) this.graph.resetZoom(); });
    this.figure = element("figure", {}, this.box, this.reset);
    this.graph = null;
    this.shape = "";
    kPainters.add(() => {
      this.fitPaper();
      this.draw();
      this.legend.draw();
    });
    new ResizeObserver(() => {
      if (isPrinting) return;  // the canvas that is on its way to the paper would be emptied
      if (!this.graph) this.draw();
      else if (this.box.clientWidth > 0) this.graph.resize();
    }).observe(this.box);
  }

  /** On paper it is what it is on the screen, in small: Chromium prints a canvas that is resized now as an empty one. */
  fitPaper() {
    const width = this.box.clientWidth;
    if (isPrinting && width > 0) {
      this.box.style.width = `${width}px`;
      this.figure.style.zoom = Math.min(1, kPaperWidth / width);
    } else if (!isPrinting) {
      this.box.style.width = this.figure.style.zoom = "";
    }
  }

  take(series, view) {
    this.series = series.filter((one) => one.y.some(isNumber));
    this.view = view;
    this.draw();
    this.legend.draw();
  }

  draw() {
    if (!this.series || this.box.clientWidth === 0) return;
    if (this.series.length === 0) {
      if (this.graph) this.graph.destroy();
      this.graph = null;
      this.box.replaceChildren(element("p", { class: "quiet" }, `Nothing yet: ${this.view.yName}.`));
      return;
    }
    const rows = this.rows();
    // What shows other things, over another axis, is another graph: no zoom is kept from there.
    const shape = JSON.stringify([this.view.xName, this.view.yName, this.series.map((one) => one.name)]);
    if (this.graph && shape === this.shape) {
      this.graph.updateOptions({ ...this.options(rows), file: rows });
    } else {
      if (this.graph) this.graph.destroy();
      this.graph = null;
      this.box.replaceChildren();
      this.graph = new Dygraph(this.box, rows, this.options(rows));
      this.reset.hidden = true;
    }
    this.most = this.view.most;
    this.shape = shape;
  }

  /** Rows of x and all series' y: null where a series has nothing there, NaN where its line is broken. */
  rows() {
    const places = new Map();
    const factor = this.view.xFactor || 1;
    this.series.forEach((one, at) => {
      for (let i = 0; i < one.x.length; i += 1) {
        if (!isNumber(one.x[i])) continue;
        const x = one.x[i] / factor;
        let row = places.get(x);
        if (!row) {
          row = new Array(this.series.length + 1).fill(null);
          row[0] = x;
          places.set(x, row);
        }
        const y = one.y[i];
        const isShown = isNumber(y) && !(this.view.log && y <= 0);
        row[at + 1] = isShown ? y * (this.view.percent ? 100 : 1) : y === null && one.dots ? null : NaN;
      }
    });
    return [...places.values()].sort((a, b) => a[0] - b[0]);
  }

  options(rows) {
    const labels = ["x", ...this.series.map((_, at) => `s${at}`)];
    const { mousedown, dblclick, willDestroyContextMyself } = Dygraph.defaultInteractionModel;
    const each = {};
    this.series.forEach((one, at) => {
      const dash = this.view.stacked ? [] : seriesDash(one.colour);
      each[`s${at}`] = { strokePattern: dash.length ? dash : null, drawPoints: Boolean(one.dots) || one.x.length === 1, pointSize: 3.5,
        strokeWidth: this.view.stacked ? 1 : 1.8 };
    });
    const wide = this.box.clientWidth > 600;
    const [low, high] = [rows[0][0], rows[rows.length - 1][0]];
    return {
      labels, series: each, colors: this.series.map((one) => seriesColour(one.colour)),
      visibility: this.series.map((one) => !this.legend.hidden.has(one.name)),
      xlabel: this.view.xName, ylabel: this.view.yName, legend: "never", showLabelsOnHighlight: false,
      connectSeparatedPoints: true, stackedGraph: Boolean(this.view.stacked), fillAlpha: 0.75,
      logscale: Boolean(this.view.log), gridLineColor: shade(kGrid), axisLineColor: shade(kQuiet), highlightCircleSize: 4,
      xRangePad: 4, rightGap: 22, includeZero: Boolean(this.view.stacked), animatedZooms: false,
      dateWindow: low === high ? [low - 1, high + 1] : this.graph && this.graph.isZoomed("x") ? this.graph.xAxisRange() : null,
      axes: {
        x: { pixelsPerLabel: 70, axisLabelWidth: 64, axisLabelFormatter: (x) => numberText(x, 6) },
        y: { axisLabelWidth: wide ? 56 : 46, pixelsPerLabel: 40, axisLabelFormatter: (y) => axisText(y),
          ...(this.graph && this.most === this.view.most ? {} : { valueRange: this.view.most ? [0, this.view.most] : null }) },
      },
      // Touching scrolls the page.
      interactionModel: { mousedown, dblclick, willDestroyContextMyself },
      highlightCallback: (_, x, points) => this.say(x, points), unhighlightCallback: () => this.say(null, []),
      zoomCallback: () => { this.reset.hidden = !this.graph.isZoomed(); },
    };
  }

  say(x, points) {
    const texts = new Map();
    points.forEach((point, at) => {
      const text = this.view.yText ? this.view.yText(point.yval) : numberText(point.yval);
      texts.set(this.series[Number(point.name.slice(1))].name, at === 0 ? `${text} at ${this.view.xText(x)}` : text);
    });
    this.legend.say(texts);
  }
}

const kMostCurves = 40;

/** How high losses are drawn where one that explodes would leave the others a flat line; null: as high as they are. */
function lossesUpTo(series) {
  const highest = (values) => values.reduce((most, y) => (isNumber(y) && y > most ? y : most), 0);
  const each = series.map((one) => highest(one.y)).filter((most) => most > 0);
  const usual = Math.max(Math.min(...each), ...series.map((one) => one.y.find(isNumber) || 0));
  return each.length > 1 && Math.max(...each) > 100 * usual ? 2 * usual : null;
}

/** Loss and accuracy of several runs in one picture each. */
class Curves {
  constructor(isAlone) {
    this.over = "step";
    this.of = isAlone ? "both" : null;
    this.log = false;
    this.legend = new Legend();
    this.loss = new Chart(this.legend);
    this.accuracy = new Chart(this.legend);
    this.ofBox = element("span");
    this.controls = element("div", { class: "controls" },
      choice("over", "over", [["step", "steps"], ["at", "seconds"]], "step", (value) => { this.over = value; this.draw(); }), this.ofBox,
      checkbox("loss on a logarithmic axis", false, (value) => { this.log = value; this.draw(); }),
      element("span", { class: "quiet" }, "Drag to zoom, double-click for the whole range."));
    this.note = element("p", { class: "quiet" });
    this.box = element("section", {}, element("h2", { id: "curves" }, "What came out"), this.controls, this.legend.box,
      element("div", { class: "curves" }, this.loss.figure, this.accuracy.figure), this.note);
  }

  /** `runs`, or of an experiment its combinations: {name, values, curves, tests}. */
  show(runs, experiment = null) {
    this.all = runs;
    if (experiment && !this.among) this.offer(experiment);
    this.runs = runs.filter((run) => !this.among || this.among.every((value, at) => value === null || run.values[at] === value));
    if (this.of === null) {
      const areTested = runs.every((run) => run.tests.step.length > 1);
      this.of = areTested ? "tests" : "curves";
      if (runs.some((run) => run.tests.step.length > 0)) {
        this.ofBox.replaceChildren(choice("of", "of", [["curves", "training batches"], ["tests", "the test set"]], this.of,
          (value) => { this.of = value; this.draw(); }));
      }
    }
    this.draw();
  }

  /** One value of each axis but the compared one at a time. */
  offer(experiment) {
    const compared = comparedAxis(experiment);
    this.among = experiment.axes.map((axis, at) => (at === compared ? null : axis.values[0]));
    experiment.axes.forEach((axis, at) => {
      if (at === compared || axis.values.length < 2) return;
      const box = element("select", {}, ...axis.values.map((value) => element("option", { value }, value)));
      box.addEventListener("change", () => { this.among[at] = axis.values[box.selectedIndex]; this.show(this.all); });
      this.controls.prepend(element("label", {}, `${axis.name} `, box));
    });
  }

  draw() {
    const shown = this.runs.slice(0, kMostCurves);
    const last = (run) => (run.curves.at.length ? run.curves.at[run.curves.at.length - 1] : 0);
    const [, factor, unit] = timeUnit(Math.max(1, ...shown.map(last)));
    const isTime = this.over === "at";
    const xText = (x) => (isTime ? `${numberText(x)} ${unit}` : `step ${numberText(x)}`);
    const view = { xName: isTime ? `${unit} of steps` : "step", xFactor: isTime ? factor : 1, xText };
    const series = (what) => shown.flatMap((run, colour) => {
      const line = (of, name, itsColour) => ({ name, x: run[of][this.over], y: run[of][what], colour: itsColour, dots: of === "tests" });
      return this.of === "both" ? [line("curves", "training batches", 0), line("tests", "test set", 1)] : [line(this.of, run.name, colour)];
    });
    const losses = series("loss"), most = this.log ? null : lossesUpTo(losses);
    this.loss.take(losses, { ...view, yName: "loss (cross entropy)", log: this.log, most });
    this.accuracy.take(series("accuracy"), { ...view, yName: "accuracy, %", percent: true });
    const widths = [...new Set(shown.map((run) => run.curves.width))];
    const parts = [];
    if (this.of !== "tests" && Math.max(...widths) > 1)
      parts.push(`A point is the mean of ${widths.length === 1 ? numberText(widths[0]) : `${numberText(Math.min(...widths))} to ${numberText(Math.max(...widths))}`} steps.`);
    const odd = shown.reduce((sum, run) => sum + run.curves.not_finite, 0);
    if (odd > 0) parts.push(`${numberText(odd)} ${odd === 1 ? "step's loss is" : "steps' losses are"} not finite and left out.`);
    if (most !== null) parts.push(`Losses above ${numberText(most, 3)} are beyond the picture; a logarithmic axis shows them.`);
    if (this.runs.length > shown.length) parts.push(`The first ${shown.length} of ${this.runs.length}.`);
    this.note.textContent = parts.join(" ");
  }
}

/** Seconds by phase: stacked over steps, and a table. */
class Phases {
  constructor() {
    this.legend = new Legend();
    this.chart = new Chart(this.legend, true);
    this.table = element("div");
    this.box = element("div", {}, element("h3", {}, "Where the seconds go"), this.legend.box, this.chart.figure, this.table);
  }

  show(run) {
    const phases = run.phases;
    this.box.hidden = phases.step.length === 0;
    const whole = phases.totals.reduce((sum, value) => sum + value, 0), steps = Math.max(1, phases.steps);
    const [factor, unit] = whole / steps < 1 ? [1000, "ms"] : [1, "s"];
    // The first on top, as in the table.
    this.chart.take(phases.names.map((name, at) => ({ name, x: phases.step, y: phases.means[at].map((value) => value * factor), colour: at })),
      { xName: "step", yName: `${unit} a step`, stacked: true, xText: (x) => `step ${numberText(x)}` });
    this.table.replaceChildren(tableOf("Seconds by phase, all steps together",
      [{ name: "phase" }, { name: "seconds", number: true }, { name: "a step", number: true }, { name: "share", number: true }],
      [...phases.names.map((name, at) => [name, phases.totals[at]]), ["all", whole]].map(([name, total]) => ({
        cells: [name, secondsText(total), secondsText(total / steps), percentText(total / whole)] }))));
  }
}
