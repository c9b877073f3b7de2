"""The picture of `detoxml tune`: how the loss fell in each run, and what each value led to. Reads FOLDER/results.json and the
runs beside it, writes FOLDER/plot.svg and FOLDER/plot.png."""
import sys

sys.path = [entry for entry in sys.path if entry]  # nothing from the folder where the program was started

import json  # noqa: E402
import math  # noqa: E402
import os  # noqa: E402
import pathlib  # noqa: E402

try:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
except ImportError:
    sys.exit("Debian's package python3-matplotlib is not installed; with it the same command draws the plot")

COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C564B"]  # Okabe and Ito's
MOST_NAMED = len(COLOURS)
SCORES = {"loss": ("loss", "training loss"), "accuracy": ("accuracy", "training accuracy, %"),
          "test-accuracy": ("test_accuracy", "test accuracy, %")}


def plain(text):
    """As a label: no mathematics, and not too long."""
    return (text if len(text) <= 40 else text[:39] + "…").replace("$", r"\$")


def number(text):
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


class Search:
    def __init__(self, folder):
        self.folder = folder
        results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
        self.swept = [sweep["option"] for sweep in results["swept"]]
        self.values = {sweep["option"]: sweep["values"] for sweep in results["swept"]}
        self.runs = results["runs"]
        self.last_steps = results["last_steps"]
        self.metric = results["metric"]
        self.field, self.score_name = SCORES[self.metric]
        # Along the axis: the option of the most values among those that are numbers, else of all.
        numeric = [o for o in self.swept if all(number(v) is not None for v in self.values[o])]
        self.axis = max(numeric or self.swept, key=lambda option: len(self.values[option]))
        self.axis_is_number = self.axis in numeric
        self.others = [option for option in self.swept if option != self.axis]

    def label(self, run):
        """Short where a single option is swept, because the legend's title names it."""
        if len(self.swept) == 1:
            return plain(run["values"][self.swept[0]])
        return ", ".join(f"{option} {plain(run['values'][option])}" for option in self.swept)

    def score(self, run):
        if run["state"] != "finished" or run.get(self.field) is None:
            return None
        return run[self.field] * (1 if self.metric == "loss" else 100)

    def losses(self, run):
        """Steps and losses, those that are not finite left out; nothing where there is no such run."""
        steps, losses = [], []
        try:
            lines = (self.folder / "runs" / run["run"] / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        except OSError:
            return steps, losses
        for line in lines:
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if "back_from" in entry:
                while steps and steps[-1] > entry["step"]:
                    steps.pop(), losses.pop()
            if isinstance(entry.get("loss"), (int, float)) and entry["loss"] > 0:
                steps.append(entry["step"])
                losses.append(entry["loss"])
        return steps, losses


def smooth(values, width):
    """Means over the latest `width` values."""
    result, total = [], 0.0
    for index, value in enumerate(values):
        total += value
        if index >= width:
            total -= values[index - width]
        result.append(total / min(index + 1, width))
    return result


def is_wide(values):
    """Whether a logarithmic axis shows them better."""
    return min(values) > 0 and max(values) > 8 * min(values)


def draw_losses(axes, search):
    named = [run for run in search.runs if run["state"] in ("finished", "diverged")]
    curves, top = [], 0.0
    for place, run in enumerate(named):
        steps, losses = search.losses(run)
        if not losses:
            continue
        is_named = place < MOST_NAMED
        width = max(1, search.last_steps // 2)
        curve = smooth(losses, width)
        best = run["rank"] == 1
        axes.plot(steps, curve, color=COLOURS[place] if is_named else "#BBBBBB", linewidth=2.4 if best else 1.2,
                  linestyle="--" if run["state"] == "diverged" else "-", zorder=3 if best else 2 if is_named else 1,
                  label=search.label(run) + (" (best)" if best else " (diverged)" if run["state"] == "diverged" else "")
                  if is_named else None)
        curves.append((run["state"], curve))
        top = max(top, losses[0])
    axes.set_xlabel("step")
    axes.set_ylabel("training loss" + (f", mean of {max(1, search.last_steps // 2)} steps" if search.last_steps > 3 else ""))
    if not curves:
        return
    # What diverged would press the others flat.
    shown = [loss for state, curve in curves for loss in curve if state == "finished"] or [top / 2, 2 * top]
    low, high = min(shown), max(shown)
    axes.set_yscale("log" if high > 4 * low else "linear")
    axes.set_ylim(low * 0.95, high * 1.05)
    plain_numbers(axes.yaxis)
    title = search.swept[0] if len(search.swept) == 1 else None
    axes.legend(title=title, fontsize=7, title_fontsize=8, loc="upper right", framealpha=0.85)
    if len(named) > MOST_NAMED:
        axes.set_title(f"the best {MOST_NAMED} of {len(named)} runs named", fontsize=9)


def plain_numbers(axis):
    """0.3 and not 3 x 10^-1; few enough of them."""
    formatter = matplotlib.ticker.FuncFormatter(lambda value, _: f"{value:g}")
    axis.set_major_formatter(formatter)
    if axis.get_scale() == "log":
        axis.set_major_locator(matplotlib.ticker.LogLocator(subs=(1, 2, 5)))
        axis.set_minor_formatter(matplotlib.ticker.NullFormatter())


def draw_scores(axes, search):
    ticks = search.values[search.axis]
    places = {v: number(v) if search.axis_is_number else index for index, v in enumerate(ticks)}
    series = {}
    for run in search.runs:
        series.setdefault(tuple(run["values"][o] for o in search.others), []).append(run)
    # The series with the best runs first, as runs are sorted: these get the colours.
    for index, (key, runs) in enumerate(series.items()):
        good = sorted((places[run["values"][search.axis]], search.score(run), run.get("loss_error") or 0)
                      for run in runs if search.score(run) is not None)
        colour = COLOURS[index] if index < MOST_NAMED else "#BBBBBB"
        name = ", ".join(f"{option} {plain(value)}" for option, value in zip(search.others, key))
        if not good:
            continue
        x, y, error = zip(*good)
        axes.errorbar(x, y, yerr=error if search.metric == "loss" else None, color=colour, marker="o", markersize=4,
                      linewidth=1.4 if search.axis_is_number else 0, elinewidth=1, capsize=2,
                      label=name if name and index < MOST_NAMED else None, zorder=2)
    good = [(search.score(run), run) for run in search.runs if search.score(run) is not None]
    scale_scores(axes, search, places, [score for score, _ in good])
    best = next((entry for entry in good if entry[1]["rank"] == 1), None)
    if best:
        axes.plot([places[best[1]["values"][search.axis]]], [best[0]], marker="*", markersize=15, color="#D55E00",
                  markeredgecolor="black", markeredgewidth=0.6, linestyle="", zorder=4,
                  label=f"best: {search.label(best[1])}")
    mark_bad(axes, search, places)
    axes.set_xlabel(search.axis)
    axes.set_ylabel(f"{search.score_name}, last {search.last_steps} steps" if search.metric != "test-accuracy"
                    else search.score_name)
    if axes.get_legend_handles_labels()[0]:
        beside = {"loc": "upper left", "bbox_to_anchor": (1.01, 1)} if len(series) > 1 else {}
        axes.legend(fontsize=7, framealpha=0.85, **beside)


def scale_scores(axes, search, places, scores):
    if search.metric == "loss" and scores and is_wide(scores):
        axes.set_yscale("log")
        plain_numbers(axes.yaxis)
    x = list(places.values())
    if not search.axis_is_number:
        axes.set_xticks(x, labels=[plain(value) for value in places], rotation=30, ha="right", fontsize=8)
        axes.set_xlim(-0.5, len(x) - 0.5)
    elif is_wide(x):
        axes.set_xscale("log", base=2 if are_powers_of_two(x) else 10)
        if len(x) <= 12:
            axes.set_xticks(x, labels=list(places), rotation=45, ha="right", fontsize=8)
            axes.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())


def are_powers_of_two(values):
    return all(math.frexp(value)[0] == 0.5 for value in values)


def mark_bad(axes, search, places):
    """Runs that must not be chosen, as crosses along the upper edge."""
    for state, colour in (("diverged", "#CC79A7"), ("failed", "#000000")):
        x = [places[run["values"][search.axis]] for run in search.runs if run["state"] == state]
        if x:
            axes.plot(x, [0.98] * len(x), transform=axes.get_xaxis_transform(), marker="x", color=colour, linestyle="",
                      label=state, clip_on=False, zorder=5)


def main(folder):
    search = Search(pathlib.Path(folder))
    pyplot.rcParams.update({"font.size": 9, "svg.hashsalt": "detoxml"})
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11 if len(search.swept) == 1 else 13, 4.6))
    draw_losses(left, search)
    draw_scores(right, search)
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    for ending in ("svg", "png"):
        # Under a name of its own first: a picture is there whole or not at all.
        temporary = search.folder / f".plot.{os.getpid()}.{ending}"
        try:
            figure.savefig(temporary, dpi=130, metadata={"Date": None} if ending == "svg" else None)
            os.replace(temporary, search.folder / f"plot.{ending}")
        finally:
            temporary.unlink(missing_ok=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except OSError as error:
        sys.exit(str(error))
