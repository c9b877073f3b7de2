// What the other parts stand on: elements, numbers as text, colours. Whatever a run says goes into the page as text nodes.

/** An element: properties, then children (elements or text). `class` and names with a dash are attributes. */
function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class" || name.includes("-") || name === "for" || name === "role") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** What stands for a number that is none: a run's journals say "nan", "inf" or "-inf"; null is nothing. */
function isNumber(value) {
  return typeof value === "number" && Number.isFinite(value);
}

function numberText(value, digits = 4) {
  if (!isNumber(value)) return typeof value === "string" ? value : "–";
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return value.toLocaleString("en-US");
  const size = Math.abs(value);
  if (size >= 1e7 || size < 1e-4) return value.toExponential(2);
  return size >= 1000 ? Math.round(value).toLocaleString("en-US") : String(Number(value.toPrecision(digits)));
}

function percentText(value) {
  return isNumber(value) ? `${(100 * value).toFixed(1)} %` : "–";
}

function secondsText(value) {
  if (!isNumber(value)) return "–";
  if (value < 1e-3) return `${numberText(value * 1e6, 3)} µs`;
  if (value < 1) return `${numberText(value * 1e3, 3)} ms`;
  if (value < 120) return `${numberText(value, 3)} s`;
  if (value < 7200) return `${Math.floor(value / 60)} min ${Math.floor(value % 60)} s`;
  return `${Math.floor(value / 3600)} h ${Math.floor((value % 3600) / 60)} min`;
}

function bytesText(value) {
  if (!isNumber(value)) return "–";
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let unit = 0;
  while (value >= 1000 && unit + 1 < units.length) { value /= 1000; unit += 1; }
  return `${numberText(value, 3)} ${units[unit]}`;
}

function countText(count, word) {
  return `${numberText(count)} ${word}${count === 1 ? "" : "s"}`;
}

/** "1, 2 and 3"; the first few where there are many. */
function listText(entries, most = 12) {
  if (entries.length === 0) return "nobody";
  if (entries.length > most) return `${entries.slice(0, most).join(", ")} and ${entries.length - most} more`;
  if (entries.length === 1) return String(entries[0]);
  return `${entries.slice(0, -1).join(", ")} and ${entries[entries.length - 1]}`;
}

// Colours that the colour-blind tell apart (after Okabe and Ito), at least 3 : 1 against their ground; each with a dash
// pattern of its own, so that nothing is told by colour alone.
const kSeries = [
  { light: "#0072b2", dark: "#56b4e9", dash: [] },
  { light: "#c24a00", dark: "#ff9a4d", dash: [7, 3] },
  { light: "#007a5a", dark: "#35c79b", dash: [2, 2] },
  { light: "#a03c78", dark: "#e08fc0", dash: [9, 3, 2, 3] },
  { light: "#8a6100", dark: "#f0c64a", dash: [12, 4] },
  { light: "#1a1d21", dark: "#e8eaee", dash: [4, 4] },
  { light: "#5a4fcf", dark: "#a79dff", dash: [2, 5] },
  { light: "#7a4a38", dark: "#cf9f8a", dash: [12, 3, 3, 3, 3, 3] },
];

const kDark = window.matchMedia("(prefers-color-scheme: dark)");
let isPrinting = false;
const kPaperWidth = 700;

function isDark() {
  if (isPrinting) return false;
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : kDark.matches;
}

function shade(pair) {
  return isDark() ? pair.dark : pair.light;
}

function seriesColour(index) {
  return shade(kSeries[index % kSeries.length]);
}

function seriesDash(index) {
  return kSeries[(index + Math.floor(index / kSeries.length)) % kSeries.length].dash;
}

const kInk = { light: "#1a1d21", dark: "#e8eaee" };
const kQuiet = { light: "#555c66", dark: "#a9b0bb" };
const kGrid = { light: "#dfe3e8", dark: "#333a44" };
const kGround = { light: "#ffffff", dark: "#14171c" };

// Whatever draws on a canvas is told when colours change.
const kPainters = new Set();

function repaint() {
  for (const paint of kPainters) paint();
}

function startTheme(choice) {
  let kept = null;
  try { kept = window.localStorage.getItem("detoxml-theme"); } catch { /* a page of a file may have no storage */ }
  const choose = (value) => {
    if (value) document.documentElement.dataset.theme = value;
    else delete document.documentElement.dataset.theme;
    repaint();
  };
  if (kept === "light" || kept === "dark") { choice.value = kept; choose(kept); }
  choice.addEventListener("change", () => {
    choose(choice.value);
    try { window.localStorage.setItem("detoxml-theme", choice.value); } catch { /* as above */ }
  });
  kDark.addEventListener("change", repaint);
  // What is on a canvas does not follow the paper's width by itself.
  const print = (isOn) => {
    isPrinting = isOn;
    repaint();
    document.body.classList.toggle("paper", isOn);
    repaint();
  };
  window.addEventListener("resize", (event) => { if (isPrinting) event.stopImmediatePropagation(); });
  window.addEventListener("beforeprint", () => print(true));
  window.addEventListener("afterprint", () => print(false));
}

/** A sample for a legend: stroke, dash and dots as in the chart. */
function swatch(colour, series, isFilled) {
  const space = "http://www.w3.org/2000/svg";
  const make = (name, attributes) => {
    const made = document.createElementNS(space, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const picture = make("svg", { width: isFilled ? 14 : 28, height: 12, "aria-hidden": "true" });
  if (isFilled) {
    picture.append(make("rect", { x: 0, y: 1, width: 14, height: 10, fill: colour }));
  } else {
    picture.append(make("line", { x1: 0, y1: 6, x2: 28, y2: 6, stroke: colour, "stroke-width": 2.5, "stroke-dasharray": seriesDash(series.colour).join(" ") }));
    if (series.dots) picture.append(make("circle", { cx: 14, cy: 6, r: 4, fill: colour }));
  }
  return picture;
}

/** Radio buttons side by side; `chosen` is told the value. */
function choice(title, name, options, value, chosen) {
  const box = element("fieldset", {}, element("legend", {}, title));
  for (const [key, text] of options) {
    const input = element("input", { type: "radio", name, value: key, checked: key === value });
    input.addEventListener("change", () => { if (input.checked) chosen(key); });
    box.append(element("label", {}, input, " ", text));
  }
  return box;
}

function checkbox(text, checked, chosen) {
  const input = element("input", { type: "checkbox", checked });
  input.addEventListener("change", () => chosen(input.checked));
  return element("label", {}, input, " ", text);
}

/** A table that scrolls by itself where the page is narrow. Cells are text or elements; columns: {name, number, title}. */
function tableOf(caption, columns, rows, headings = true) {
  const head = element("tr", {}, ...columns.map((column) =>
    element("th", { scope: "col", class: column.number ? "number" : null, title: column.title || "" }, column.name)));
  const body = rows.map((row) => element("tr", { class: row.class || null }, ...row.cells.map((cell, at) =>
    at === 0 && headings ? element("th", { scope: "row" }, cell)
      : element("td", { class: columns[at] && columns[at].number ? "number" : null }, cell))));
  return element("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": caption },
    element("table", {}, element("caption", {}, caption), element("thead", {}, head), element("tbody", {}, ...body)));
}
