// Of an experiment: its combinations in tables, and curves that are means over seeds.

/** Mean and sample deviation. */
function spreadOf(values) {
  const n = values.length;
  if (n === 0) return null;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { n, mean, deviation: n > 1 ? Math.sqrt(squares / (n - 1)) : null };
}

/** What the runs are compared by. */
function headlineOf(experiment) {
  if (experiment.rows.some((row) => isNumber(row.test_accuracy)))
    return { key: "test_accuracy", name: "test accuracy, %, of the last weights", factor: 100, digits: 1 };
  return { key: "loss", name: "training loss of the last steps", factor: 1, digits: 3 };
}

function comparedAxis(experiment) {
  return Math.max(0, experiment.axes.findIndex((axis) => axis.name === experiment.compared));
}

function cellsOf(experiment) {
  const cells = new Map();
  for (const row of experiment.rows) {
    const key = JSON.stringify(row.values);
    if (!cells.has(key)) cells.set(key, { values: row.values, rows: [] });
    cells.get(key).rows.push(row);
  }
  return cells;
}

/** "81.3 ± 0.4", and what of its runs is not so. */
function cellText(cell, headline) {
  if (!cell) return "";
  const finished = cell.rows.filter((row) => row.state === "finished" && isNumber(row[headline.key]));
  const spread = spreadOf(finished.map((row) => headline.factor * row[headline.key]));
  const parts = [];
  if (spread) parts.push(`${spread.mean.toFixed(headline.digits)}${spread.deviation === null ? "" : ` ± ${spread.deviation.toFixed(headline.digits)}`}`);
  const states = new Map();
  for (const row of cell.rows) if (row.state !== "finished") states.set(row.state, (states.get(row.state) || 0) + 1);
  for (const [state, count] of states) parts.push(count === cell.rows.length ? state : `${count} of ${cell.rows.length} ${state}`);
  return parts.join(", ");
}

/** Rows: the compared axis; columns: the last of the others; a table for each combination of those that remain. */
function crossedTables(experiment, cells, headline) {
  const compared = comparedAxis(experiment);
  const others = experiment.axes.map((_, at) => at).filter((at) => at !== compared);
  const across = others.pop();
  const titles = [...new Set(experiment.rows.map((row) => JSON.stringify(others.map((at) => row.values[at]))))];
  return titles.map((title) => {
    const fixed = JSON.parse(title);
    const key = (down, right) => JSON.stringify(experiment.axes.map((_, at) => (at === compared ? down : at === across ? right : fixed[others.indexOf(at)])));
    const says = others.map((at, place) => `${experiment.axes[at].name}: ${fixed[place]}`);
    const rights = across === undefined ? [null] : experiment.axes[across].values;
    const rows = experiment.axes[compared].values.map((down) => ({ cells: [down, ...rights.map((right) => cellText(cells.get(key(down, right)), headline))] }));
    return tableOf([`${headline.name}: mean ± deviation over seeds`, ...says].join("; "),
      [{ name: `${experiment.axes[compared].name}${across === undefined ? "" : ` \\ ${experiment.axes[across].name}`}` },
        ...rights.map((right) => ({ name: right === null ? headline.name : right, number: true }))], rows.filter((row) => row.cells.slice(1).some(Boolean)));
  });
}

function drawExperiment(experiment) {
  const headline = headlineOf(experiment), cells = cellsOf(experiment);
  const tables = experiment.axes.length > 0 ? crossedTables(experiment, cells, headline) : [];
  const columns = [...experiment.axes.map((axis) => ({ name: axis.name })), { name: "seed" }, { name: "state" }, { name: "test accuracy", number: true },
    { name: "loss", number: true }, { name: "seconds", number: true }, { name: "corrupted", number: true }, { name: "precision", number: true },
    { name: "recall", number: true }];
  const rows = experiment.rows.map((row) => ({ cells: [...row.values, runLink(row.run, row.run, String(row.seed)), row.message ? `${row.state}: ${row.message}` : row.state,
    percentText(row.test_accuracy), numberText(row.loss), secondsText(row.seconds), percentText(row.slices > 0 ? row.corrupted / row.slices : null),
    percentText(row.precision), percentText(row.recall)] }));
  const each = element("details", { open: rows.length <= 30 }, element("summary", {}, `Each of ${countText(rows.length, "run")}`),
    tableOf("Each run; its seed leads to its section", columns, rows, false));
  const done = experiment.rows.filter((row) => row.state === "finished").length;
  const figures = experiment.figures.map((figure) => element("figure", {}, element("img", { class: "figure", src: figure.source, alt: figure.name }),
    element("figcaption", {}, figure.name)));
  return element("section", {}, element("h2", { class: "name" }, experiment.title),
    element("p", {}, `${numberText(done)} of ${countText(rows.length, "run")} finished. Made by:`), element("pre", {}, experiment.command),
    ...tables, ...figures, each);
}

/** Element by element the means of what all have; lists of other lengths than the first are left out. */
function meanCurves(parts, names) {
  const first = parts[0];
  const same = parts.filter((part) => JSON.stringify(part.step) === JSON.stringify(first.step));
  const mean = (name) => first.step.map((_, at) => {
    const values = same.map((part) => part[name][at]).filter(isNumber);
    return values.length === same.length ? spreadOf(values).mean : null;
  });
  return { ...first, ...Object.fromEntries(names.map((name) => [name, mean(name)])) };
}

/** A line a combination, as Curves shows runs. */
function cellCurves(experiment, runs) {
  const byName = new Map(runs.map((run) => [run.name, run]));
  return [...cellsOf(experiment).values()].flatMap((cell) => {
    const its = cell.rows.map((row) => byName.get(row.run)).filter((run) => run && run.curves.step.length > 0);
    if (its.length === 0) return [];
    // Curves shows those that differ on the compared axis alone.
    return [{ name: cell.values[comparedAxis(experiment)] || experiment.title, values: cell.values, curves: meanCurves(its.map((run) => run.curves), ["at", "loss", "accuracy"]),
      tests: meanCurves(its.map((run) => run.tests), ["at", "loss", "accuracy"]) }];
  });
}
