"""A run as a picture, by matplotlib."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._others import imported

if TYPE_CHECKING:
    from .run_directory import RunDirectory

_SMOOTHED = 60  # steps above which a moving mean is drawn over the values
_MOST_NAMES = 12


def _draw(numpy: Any, axes: Any, steps: Any, values: Any, name: str) -> None:
    axes.set_ylabel(name)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    width = len(steps) // 30
    if len(steps) <= _SMOOTHED:
        axes.plot(steps, values, color="C0", lw=1.4)
        return
    axes.plot(steps, values, color="C0", lw=0.6, alpha=0.35)
    is_there = numpy.isfinite(values)
    sums = numpy.cumsum(numpy.where(is_there, values, 0.0))
    counts = numpy.cumsum(is_there)
    mean = (sums[width:] - sums[:-width]) / numpy.maximum(1, counts[width:] - counts[:-width])
    axes.plot(steps[width:], numpy.where(counts[width:] > counts[:-width], mean, numpy.nan), color="C0", lw=1.6,
              label=f"mean of {width} steps")


def _mark_convictions(run: RunDirectory, pair: Any) -> None:
    convicted: dict[int, set[int]] = {}
    for entry in run.ledger().of("convicted"):
        convicted.setdefault(entry.step, set()).add(entry.worker)
    lines = imported("matplotlib.collections", "plot()").LineCollection
    for axes in pair:  # of any number, and outside of what the limits follow
        axes.add_collection(lines([[(step, 0), (step, 1)] for step in convicted], colors="C3", lw=0.8, ls="--", alpha=0.8,
                                  transform=axes.get_xaxis_transform()), autolim=False)
    if convicted:
        pair[1].plot([], [], color="C3", lw=0.8, ls="--", label="convicted, with the worker's number")
    low, high = pair[0].get_xlim()
    names: list[tuple[int, list[int]]] = []  # of lines that are close together at the first of them
    for step, workers in sorted(convicted.items()):
        if names and step - names[-1][0] < (high - low) / 20:
            names[-1][1].extend(sorted(workers))
        else:
            names.append((step, sorted(workers)))
    for step, numbers in names[:_MOST_NAMES]:
        shown = ", ".join(map(str, numbers[:6])) + (", …" if len(numbers) > 6 else "")
        pair[0].annotate(shown, (step, 1), xycoords=("data", "axes fraction"), color="C3", xytext=(-2, 3),
                         textcoords="offset points", fontsize=8, annotation_clip=False)


def plot_run(run: RunDirectory, axes: Any) -> Any:
    numpy = imported("numpy", "plot()")
    if axes is None:
        _, axes = imported("matplotlib.pyplot", "plot()").subplots(2, 1, sharex=True, figsize=(7, 4.6), layout="constrained")
    metrics = run.metrics()
    steps = metrics["step"]
    _draw(numpy, axes[0], steps, 100 * metrics["accuracy"], "accuracy, %")
    _draw(numpy, axes[1], steps, metrics["loss"], "loss")
    _mark_convictions(run, axes)
    skipped = steps[metrics["skipped"]]
    if len(skipped):
        axes[1].plot(skipped, numpy.zeros(len(skipped)), "|", color="C7", transform=axes[1].get_xaxis_transform(),
                     clip_on=False, label="skipped")
    for part in axes:
        if part.get_legend_handles_labels()[1]:
            part.legend(frameon=False, fontsize=8)
    axes[1].set_xlabel("step")
    return axes
