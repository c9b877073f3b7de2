"""The figures of an experiment. Reads FOLDER/results.json and FOLDER/curves.csv; writes, each as .svg and .png,

heatmap          two axes or more: a cell a combination, the worst of each row outlined
points           one axis: every run, and mean and deviation
curves_accuracy  test accuracy over steps, a panel for each combination of what is not compared
curves_loss      training loss likewise
"""
import sys

sys.path = [entry for entry in sys.path if entry]  # nothing from the folder where the program was started

import csv  # noqa: E402
import itertools  # noqa: E402
import json  # noqa: E402
import math  # noqa: E402
import os  # noqa: E402
import pathlib  # noqa: E402
import statistics  # noqa: E402

try:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import patches, pyplot
except ImportError:
    sys.exit("Debian's package python3-matplotlib is not installed; with it the same command draws the figures")

COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C564B"]  # Okabe and Ito's
STYLES = ["-", (0, (5, 1.5)), (0, (1, 1)), (0, (6, 1.5, 1, 1.5))]
LONGEST_NAME = 36
MOST_PANELS = 24
ENDINGS = ("svg", "png")


def plain(text, longest=LONGEST_NAME):
    """As a label: on one line, no mathematics, and not too long."""
    text = "".join(c if c.isprintable() else " " for c in text)
    return (text if len(text) <= longest else text[:longest - 1] + "…").replace("$", r"\$")


def style_of(place):
    """A colour and a line style, which no other of 32 has both; neighbours share neither."""
    return {"color": COLOURS[place % 8], "linestyle": STYLES[(place + place // 8) % 4]}


class Experiment:
    def __init__(self, folder):
        self.folder = folder
        results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
        self.name = results["name"]
        # Values that no run has are left out.
        self.axes = {axis["name"]: [value for value in axis["values"]
                                    if any(run["values"][axis["name"]] == value for run in results["runs"])]
                     for axis in results["axes"]}
        self.compared = results["compared"]
        self.others = [axis for axis in self.axes if axis != self.compared]
        self.runs = results["runs"]
        self.has_tests = any(self.test(run) is not None for run in self.runs)

    @staticmethod
    def test(run):
        final = run.get("test", {}).get("final")
        return final["prec1"] if final and run["state"] == "finished" else None

    @staticmethod
    def loss(run):
        loss = run.get("training", {}).get("loss")
        return loss if isinstance(loss, (int, float)) and run["state"] == "finished" else None

    def score(self, run):
        return self.test(run) if self.has_tests else self.loss(run)

    @property
    def score_name(self):
        return "test accuracy after the last step (%)" if self.has_tests else "training loss of the last steps"

    @property
    def digits(self):
        return 1 if self.has_tests else 3

    def is_worse(self, value, other):
        return value < other if self.has_tests else value > other

    def at(self, values):
        return [run for run in self.runs if all(run["values"][axis] == value for axis, value in values.items())]


class Cell:
    """The replicates of one combination."""

    def __init__(self, experiment, values):
        runs = experiment.at(values)
        self.is_there = bool(runs)
        scores = [score for score in map(experiment.score, runs) if score is not None]
        self.mean = statistics.fmean(scores) if scores else None
        self.deviation = statistics.stdev(scores) if len(scores) > 1 else None
        others = {}
        for run in runs:
            if run["state"] != "finished":
                others[run["state"]] = others.get(run["state"], 0) + 1
        self.has_diverged = "diverged" in others
        if scores or not others:
            self.words = ", ".join(f"{count} {state}" for state, count in others.items())
        else:
            self.words = "\n".join(others)


def shade_of(colours, place):
    red, green, blue, _ = colours(place)
    return "white" if 0.299 * red + 0.587 * green + 0.114 * blue < 0.5 else "black"


def worst_of(experiment, cells):
    """Index of the worst: a run that diverged is worse than any number, what was refused says nothing."""
    worst = None
    for index, cell in enumerate(cells):
        if cell.has_diverged:
            return index
        if cell.mean is not None and (worst is None or experiment.is_worse(cell.mean, cells[worst].mean)):
            worst = index
    return worst


def draw_heatmap(experiment):
    columns_axis, fixed_axes = experiment.others[-1], experiment.others[:-1]
    rows, columns = experiment.axes[experiment.compared], experiment.axes[columns_axis]
    panels = list(itertools.product(*(experiment.axes[axis] for axis in fixed_axes)))
    grids = []
    for fixed in panels:
        base = dict(zip(fixed_axes, fixed))
        grid = [[Cell(experiment, {**base, experiment.compared: row, columns_axis: column}) for column in columns]
                for row in rows]
        if any(cell.is_there for line in grid for cell in line):
            grids.append((fixed, grid))
    grids = grids[:MOST_PANELS]
    means = [cell.mean for _, grid in grids for line in grid for cell in line if cell.mean is not None]
    low, high = (min(means), max(means)) if means else (0, 1)
    colours = matplotlib.colormaps["cividis" if experiment.has_tests else "cividis_r"]
    has_words = any(cell.words for _, grid in grids for line in grid for cell in line)
    has_spread = any(cell.deviation is not None for _, grid in grids for line in grid for cell in line)
    wide, tall = (0.85 if has_words or has_spread else 0.6), 0.42
    label_width = 0.085 * max(len(plain(row)) for row in rows) + 0.6
    head = 0.075 * max(len(plain(column)) for column in columns) * 0.71 + 0.25
    panel_tall = head + tall * len(rows) + (0.3 if fixed_axes else 0)
    width, height = label_width + wide * len(columns) + 1.1, panel_tall * len(grids) + 0.55
    figure = pyplot.figure(figsize=(max(width, 4.2), height))
    width, has_worst = max(width, 4.2), False
    for place, (fixed, grid) in enumerate(grids):
        bottom = height - panel_tall * (place + 1)
        axes = figure.add_axes([label_width / width, bottom / height, wide * len(columns) / width,
                                tall * len(rows) / height])
        axes.set_xlim(0, len(columns))
        axes.set_ylim(len(rows), 0)
        for y, row_cells in enumerate(grid):
            for x, cell in enumerate(row_cells):
                draw_cell(axes, x, y, cell, colours, (low, high), experiment.digits)
            worst = worst_of(experiment, row_cells)
            has_worst = has_worst or worst is not None
            if worst is not None and len(columns) > 1:
                for colour, line_width in (("white", 3.4), ("black", 1.6)):  # seen on light and dark, in print too
                    axes.add_patch(patches.Rectangle((worst + 0.04, y + 0.06), 0.92, 0.88, fill=False, edgecolor=colour,
                                                     linewidth=line_width, zorder=3))
        axes.set_xticks([x + 0.5 for x in range(len(columns))], [plain(column) for column in columns], fontsize=8,
                        rotation=45, ha="left", rotation_mode="anchor")
        axes.set_yticks([y + 0.5 for y in range(len(rows))], [plain(row) for row in rows], fontsize=8)
        axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
        axes.set_ylabel(plain(experiment.compared), fontsize=9)
        axes.set_xlabel(plain(columns_axis) + (
            "   —   " + ", ".join(f"{plain(axis)} {plain(value)}" for axis, value in zip(fixed_axes, fixed))
            if fixed_axes else ""), fontsize=9)
        axes.spines[:].set_visible(False)
    if means:
        bar = figure.add_axes([(label_width + wide * len(columns) + 0.2) / width,
                               (height - panel_tall) / height, 0.14 / width, tall * len(rows) / height])
        scale = matplotlib.cm.ScalarMappable(matplotlib.colors.Normalize(low, high if high > low else low + 1), colours)
        figure.colorbar(scale, cax=bar)
        bar.tick_params(labelsize=7)
        bar.set_ylabel(experiment.score_name if len(rows) > 5 else experiment.score_name.split(" after")[0].split(" of")[0]
                       + (" (%)" if experiment.has_tests else ""), fontsize=8)
        bar.spines[:].set_visible(False)
    notes = (["mean ± deviation over seeds"] if has_spread else []) + (
        ["outlined: the worst of a row"] if has_worst and len(columns) > 1 else [])
    figure.text(0.06 / width, 0.08 / height, "; ".join(notes), fontsize=7, color="#444444")
    save(experiment, figure, "heatmap")


def draw_cell(axes, x, y, cell, colours, limits, digits):
    low, high = limits
    if cell.mean is None:
        if cell.is_there:
            axes.add_patch(patches.Rectangle((x, y), 1, 1, facecolor="#E4E4E4", edgecolor="white", hatch="////",
                                             linewidth=1))
            axes.text(x + 0.5, y + 0.5, cell.words or "no value", ha="center", va="center", fontsize=6.5, color="black",
                      bbox={"facecolor": "#E4E4E4", "edgecolor": "none", "pad": 1})
        return
    shade = (cell.mean - low) / (high - low) if high > low else 0.5
    axes.add_patch(patches.Rectangle((x, y), 1, 1, facecolor=colours(shade), edgecolor="white", linewidth=1))
    text = shade_of(colours, shade)
    small = [f"± {cell.deviation:.{digits}f}"] if cell.deviation is not None else []
    small += [cell.words] if cell.words else []
    heights = {0: [0.5], 1: [0.34, 0.74], 2: [0.24, 0.54, 0.82]}[len(small)]
    axes.text(x + 0.5, y + heights[0], f"{cell.mean:.{digits}f}", ha="center", va="center", fontsize=8.5, color=text)
    for part, place in zip(small, heights[1:]):
        axes.text(x + 0.5, y + place, part, ha="center", va="center", fontsize=6 if len(small) < 2 else 5.2, color=text)


def draw_points(experiment):
    axis = experiment.compared
    values = experiment.axes[axis]
    cells = [Cell(experiment, {axis: value}) for value in values]
    label_width = 0.085 * max(len(plain(value)) for value in values) + 0.7
    width, height = label_width + 5.2, 0.3 * len(values) + 1.0
    figure = pyplot.figure(figsize=(width, height))
    axes = figure.add_axes([label_width / width, 0.85 / height, 5.0 / width, 0.3 * len(values) / height])
    for y, (value, cell) in enumerate(zip(values, cells)):
        scores = [score for score in map(experiment.score, experiment.at({axis: value})) if score is not None]
        axes.plot(scores, [y] * len(scores), linestyle="", marker="|", markersize=9, color="#777777", zorder=2)
        if cell.mean is not None:
            axes.errorbar([cell.mean], [y], xerr=None if cell.deviation is None else [cell.deviation], marker="o",
                          markersize=5, color=COLOURS[0], capsize=3, linewidth=1.4, zorder=3)
        if cell.words:
            axes.annotate(cell.words.replace("\n", ", "), (0.005, y), xycoords=("axes fraction", "data"), va="center",
                          fontsize=7, color="#B04000")
    axes.set_yticks(range(len(values)), [plain(value) for value in values], fontsize=8)
    axes.set_ylim(len(values) - 0.5, -0.5)
    axes.margins(x=0.12)
    axes.set_ylabel(plain(axis), fontsize=9)
    axes.set_xlabel(experiment.score_name, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    has_spread = any(cell.deviation is not None for cell in cells)
    figure.text(0.06 / width, 0.1 / height, "| a run" + ("; ● mean and deviation over seeds" if has_spread else ""),
                fontsize=7, color="#444444")
    save(experiment, figure, "points")


def read_curves(experiment):
    """By quantity, values of the other axes and value of the compared one: steps, means, deviations, state."""
    curves = {}
    with open(experiment.folder / "curves.csv", encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        next(reader)
        names = list(experiment.axes)
        for row in reader:
            values = dict(zip(names, row))
            state, quantity, step, mean, deviation, _ = row[len(names):]
            key = (quantity, tuple(values[axis] for axis in experiment.others), values.get(experiment.compared))
            curve = curves.setdefault(key, ([], [], [], state))
            curve[0].append(float(step))
            curve[1].append(float(mean))
            curve[2].append(float(deviation) if deviation else 0.0)
    return curves


def draw_curves(experiment, curves, quantity, name, label):
    # One step is no curve; but where a run that diverged ended so is marked.
    curves = {key: curve for key, curve in curves.items()
              if key[0] == quantity and (len(curve[0]) > 1 or curve[3] != "finished")}
    if not any(len(curve[0]) > 1 for curve in curves.values()):
        return remove(experiment, name)
    panels = [values for values in itertools.product(*(experiment.axes[axis] for axis in experiment.others))
              if any(key[:2] == (quantity, values) for key in curves)][:MOST_PANELS]
    lines = experiment.axes[experiment.compared] if experiment.compared is not None else [None]
    count = len(panels)
    columns = 1 if count == 1 else 2 if count in (2, 4) else 3 if count <= 9 else 4
    rows = math.ceil(count / columns)
    panel_width, panel_height = (5.4, 3.4) if count == 1 else (3.2, 2.3)
    width = panel_width * columns + (0.5 if len(lines) <= 12 or count > 1 else 2.5)
    legend_columns = max(1, int(width / (0.062 * max(len(plain(line or "all")) for line in lines) + 0.65)))
    legend_rows = math.ceil(len(lines) / legend_columns)
    legend_height = 0.155 * legend_rows + 0.32
    height = panel_height * rows + legend_height + 0.35
    figure, grid = pyplot.subplots(rows, columns, figsize=(width, height), squeeze=False, sharex=True, sharey=True)
    flat = [axes for line in grid for axes in line]
    shown, edges, handles, ends, has_bands = [], [], {}, [], False
    for axes, values in zip(flat, panels):
        for place, line in enumerate(lines):
            curve = curves.get((quantity, values, line))
            if curve is None:
                continue
            steps, means, deviations, state = curve
            style = style_of(place)
            handle, = axes.plot(steps, means, linewidth=1.4, marker="o" if len(steps) < 12 else None, markersize=2.5,
                                alpha=1 if state == "finished" else 0.6, **style)
            if state != "finished":
                ends.append((axes, steps, means, style["color"]))
            else:
                shown += means
            if any(deviations) and state == "finished":
                has_bands = True
                edges += [m + sign * d for m, d in zip(means, deviations) for sign in (-1, 1)]
                axes.fill_between(steps, [m - d for m, d in zip(means, deviations)],
                                  [m + d for m, d in zip(means, deviations)], color=style["color"],
                                  alpha=0.15 if len(lines) <= 12 else 0.06, linewidth=0)
            handles[place] = handle
        title = ", ".join(plain(value) if len(experiment.others) == 1 else f"{plain(axis, 20)} {plain(value, 20)}"
                          for axis, value in zip(experiment.others, values))
        if title:
            axes.set_title(title if len(experiment.others) > 1 else f"{plain(experiment.others[0])}: {title}", fontsize=8)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=7, labelbottom=True)
    flat[0].xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(nbins=6, integer=True))
    for axes in flat[count:]:
        axes.set_visible(False)
    limit(flat[0], quantity, shown, edges)
    for axes, steps, means, colour in ends:
        mark_end(axes, steps, means, colour)
    left, bottom = 0.62 / width, (legend_height + 0.42) / height
    figure.subplots_adjust(left=left, right=1 - 0.15 / width, top=1 - 0.32 / height, bottom=bottom, wspace=0.14,
                           hspace=0.42 if rows > 1 else 0.2)
    figure.text(0.12 / width, (1 + bottom) / 2, label, rotation=90, ha="center", va="center", fontsize=9)
    figure.text((1 + left) / 2, (legend_height + 0.06) / height, "step", ha="center", va="bottom", fontsize=9)
    notes = (["band: deviation over seeds"] if has_bands else []) + (["✖ diverged"] if ends else [])
    figure.text(0.06 / width, (legend_height + 0.06) / height, "; ".join(notes), fontsize=7, color="#444444")
    if experiment.compared is not None:
        places = sorted(handles)
        # A label that begins with an underscore would be left out.
        names = [("\u2009" if lines[place].startswith("_") else "") + plain(lines[place]) for place in places]
        figure.legend([handles[place] for place in places], names, loc="lower center",
                      bbox_to_anchor=(0.5, 0.0), ncol=min(legend_columns, len(places)), fontsize=7.5, handlelength=3.2,
                      frameon=False, title=plain(experiment.compared), title_fontsize=8)
    save(experiment, figure, name)


def mark_end(axes, steps, means, colour):
    """A cross where a run that diverged ends, or leaves the picture."""
    low, high = axes.get_ylim()
    place = next((index for index, mean in enumerate(means) if not low <= mean <= high), len(means) - 1)
    axes.plot([steps[place]], [min(max(means[place], low), high)], marker="X", markersize=6, color=colour,
              markeredgecolor="black", markeredgewidth=0.5, linestyle="", clip_on=False, zorder=5)


def limit(axes, quantity, shown, edges):
    """What diverged would press the others flat. `edges` are the bands'."""
    if not shown:
        return
    low, high = min(shown), max(shown)
    if quantity == "loss" and low > 0 and high > 8 * low:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_major_locator(matplotlib.ticker.LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_minor_formatter(matplotlib.ticker.NullFormatter())
        axes.set_ylim(low * 0.9, high * 1.1)
    else:
        low, high = min(edges + [low]), max(edges + [high])
        room = (high - low) * 0.06 or abs(high) * 0.1 or 1
        axes.set_ylim(low - room, high + room)


def save(experiment, figure, name):
    for ending in ENDINGS:
        # Under a name of its own first: a picture is there whole or not at all.
        temporary = experiment.folder / f".{name}.{ending}.{os.getpid()}.tmp"
        try:
            figure.savefig(temporary, format=ending, dpi=150, metadata={"Date": None} if ending == "svg" else None)
            os.replace(temporary, experiment.folder / f"{name}.{ending}")
        finally:
            temporary.unlink(missing_ok=True)
    pyplot.close(figure)


def remove(experiment, name):
    """What an earlier look had drawn."""
    for ending in ENDINGS:
        (experiment.folder / f"{name}.{ending}").unlink(missing_ok=True)


def main(folder):
    experiment = Experiment(pathlib.Path(folder))
    pyplot.rcParams.update({"font.size": 9, "svg.hashsalt": "detoxml", "font.family": "DejaVu Sans"})
    for name, is_drawn, draw in (("heatmap", len(experiment.axes) > 1, draw_heatmap),
                                 ("points", len(experiment.axes) == 1, draw_points)):
        if is_drawn:
            draw(experiment)
        else:
            remove(experiment, name)
    curves = read_curves(experiment)
    draw_curves(experiment, curves, "test_prec1", "curves_accuracy", "test accuracy (%)")
    draw_curves(experiment, curves, "loss", "curves_loss", "training loss")


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except OSError as error:
        sys.exit(str(error))
