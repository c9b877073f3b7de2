"""The demo's picture: test accuracy over steps, one panel an attack, every curve named at its end."""
import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402  (the backend has to be chosen first)

import demo_runs  # noqa: E402

# Okabe and Ito's colours, which the colour-blind can tell apart; DETOX and audits also differ by line and marker.
COLOURS = {"normal": "#000000", "coord-median": "#0072B2", "multi-krum": "#D55E00", "bulyan": "#009E73"}
MARKERS = {"normal": "", "coord-median": "o", "multi-krum": "s", "bulyan": "^"}
AUDIT_COLOUR = "#CC79A7"
LABEL_DISTANCE = 4.6  # percent between two labels at the right edge
LABEL_INCHES = 2.05  # what the longest of them takes


def draw(results, steps, paths):
    """Writes the plot to every path; the ending chooses the format."""
    pyplot.rcParams.update({"font.size": 9, "svg.hashsalt": "detoxml"})
    good = [result for result in results if not result.failure]
    reference = [result for result in good if result.run.attack == "none"]
    attacks = [attack for attack in ("rev_grad", "alie") if any(result.run.attack == attack for result in results)]
    figure, axes = pyplot.subplots(1, len(attacks), figsize=(6.1 * len(attacks), 4.2), sharey=True, squeeze=False)
    for axis, attack in zip(axes[0], attacks):
        draw_panel(axis, reference + [result for result in good if result.run.attack == attack], steps)
        axis.set_title(demo_runs.ATTACKS[attack])
    axes[0][0].set_ylabel("test accuracy, %")
    figure.suptitle(f"{demo_runs.WORKERS} workers, {demo_runs.BYZANTINE} of them lie: LeNet on Fashion-MNIST"
                    + ("\n" if len(attacks) == 1 else " ") + "(solid: behind DETOX; dash-dotted: audits; dashed: the rule alone)")
    # The labels stand to the right of their panel and need as much room there, however many panels.
    width = 6.1 * len(attacks)
    panel = (width - 0.6) / len(attacks) - LABEL_INCHES
    figure.subplots_adjust(left=0.6 / width, right=1 - LABEL_INCHES / width, bottom=0.11, top=0.83,
                           wspace=LABEL_INCHES / panel)
    for path in paths:
        metadata = {"Date": None} if path.suffix == ".svg" else None
        figure.savefig(path, dpi=130, metadata=metadata)
    pyplot.close(figure)


def draw_panel(axis, results, steps):
    ends = []
    for result in results:
        run = result.run
        label = "mean, no attack" if run.attack == "none" else run.defence.split(",")[0]
        x, y = zip(*result.accuracy)
        colour, line, marker = look(run)
        axis.plot(x, y, color=colour, linestyle=line, marker=marker, markersize=4, linewidth=1.8)
        ends.append([y[-1], label, colour, x[-1]])
    axis.set_xlim(0, steps)
    axis.set_xlabel("step")
    axis.set_ylim(0, 100)
    axis.grid(axis="y", alpha=0.3)
    axis.spines[["top", "right"]].set_visible(False)
    heights = spread([end[0] for end in ends], LABEL_DISTANCE, 2, 98)
    for (value, label, colour, last), height in zip(ends, heights):
        axis.annotate(f"{label}  {value:.1f}", xy=(last, value), xytext=(steps * 1.05, height), color=colour,
                      va="center", fontsize=8, annotation_clip=False,
                      arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.6, "relpos": (0, 0.5),
                                  "shrinkB": 3})


def look(run):
    """Colour, line and marker."""
    if run.attack == "none":
        return "#777777", ":", ""
    if run.approach == "audit":
        return AUDIT_COLOUR, "-.", "D"
    is_detox = run.approach == "detox"
    return COLOURS[run.rule], "-" if is_detox else "--", MARKERS[run.rule] if is_detox else ""


def spread(values, distance, low, high):
    """The heights nearest to the values, by least squares, that keep their order and are at least `distance` apart.

    Isotonic regression on values minus rank * distance: neighbours in the wrong order are pooled to their mean.
    """
    order = sorted(range(len(values)), key=lambda index: values[index])
    pools = []  # (sum, count), means ascending
    for rank, index in enumerate(order):
        total, count = values[index] - rank * distance, 1
        while pools and pools[-1][0] / pools[-1][1] >= total / count:
            below = pools.pop()
            total, count = total + below[0], count + below[1]
        pools.append((total, count))
    flat = [total / count for total, count in pools for _ in range(count)]
    top = high - distance * (len(values) - 1)
    heights = [0.0] * len(values)
    for rank, index in enumerate(order):
        heights[index] = min(max(flat[rank], low), max(top, low)) + rank * distance
    return heights
