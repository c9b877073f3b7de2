"""What a run left in its directory (docs/formats/run-directory.md), or leaves there while it goes on."""
from __future__ import annotations

import os
import pathlib
import re
import sys
from typing import Any, NamedTuple

from . import _journal, _latency
from ._others import imported
from ._safetensors import read_tensors
from .errors import InputError, UsageError
from .ledger import Ledger, read_ledger

_PHASES = ("broadcast", "compute", "receive", "vote", "aggregate", "update", "commit", "total")
_WHOLE = ("bytes_in", "bytes_out", "computed", "resolved", "unresolved", "corrupted")
_STATUS = ("running", "finished", "interrupted", "diverged", "failed")
_CHECKPOINT = re.compile(r"model_step_(0|[1-9][0-9]{0,17})")


class Status(NamedTuple):
    """How a run stands: as `status` one of running, finished, interrupted, diverged, failed; the steps taken when that was
    written; and of failed and diverged why."""

    status: str
    step: int
    message: str


class Slice(NamedTuple):
    """A slice of a step: the workers that it was assigned to, those whose answers were its majority (none: it got none),
    whether it was aggregated; with an arbiter who was asked besides, and whether the server computed it, too."""

    slice: int
    assigned: tuple[int, ...]
    counted: tuple[int, ...]
    used: bool
    more: tuple[int, ...] = ()
    server: bool = False


class Round(NamedTuple):
    """Who counted in a step, and the slices that the rule rejected of those that were aggregated. With an arbiter also who got
    no orders, how many of these were put out before, who was convicted in this step, and whom ``readmit`` had taken in before it.
    """

    step: int
    attempt: int
    skipped: bool
    slices: tuple[Slice, ...]
    away: tuple[int, ...] = ()
    put_out: int = 0
    convicted: tuple[int, ...] = ()
    readmitted: tuple[int, ...] = ()
    rejected: tuple[int, ...] = ()


class Latency(NamedTuple):
    """How long workers took: the steps, and the seconds (steps, workers), worker 1 first, from order to answer. NaN where a
    worker was not asked, or has not answered."""

    step: Any
    seconds: Any


def _slice(line: dict[str, Any], where: str) -> Slice:
    return Slice(_journal.whole(line, "slice", where), _journal.numbers(line, "assigned", where),
                 _journal.numbers(line, "counted", where), _journal.flag(line, "used", where),
                 _journal.numbers(line, "more", where), _journal.flag(line, "server", where, False))


def _round(line: dict[str, Any], where: str, step: int) -> Round:
    return Round(step, _journal.whole(line, "attempt", where, 0), _journal.flag(line, "skipped", where),
                 tuple(_slice(entry, where) for entry in _journal.objects(line, "slices", where)),
                 _journal.numbers(line, "away", where), _journal.whole(line, "put_out", where, 0),
                 _journal.numbers(line, "convicted", where), _journal.numbers(line, "readmitted", where),
                 _journal.numbers(line, "rejected", where))


def _step_metrics(line: dict[str, Any], where: str, step: int) -> dict[str, Any]:
    found: dict[str, Any] = {"step": step, "attempt": _journal.whole(line, "attempt", where, 0)}
    for name in ("lr", "loss", "accuracy"):
        found[name] = _journal.number(line, name, where)
    seconds = line.get("seconds", {})
    if not isinstance(seconds, dict):
        raise InputError(f"{where}: seconds is no object")
    for name in _PHASES:
        found[f"seconds_{name}"] = _journal.number(seconds, name, where)
    for name in _WHOLE:
        if name in line:
            found[name] = _journal.whole(line, name, where)
    for name in ("skipped", "diverged"):
        found[name] = _journal.flag(line, name, where, False)
    found["skipped_because"] = _journal.text(line, "skipped_because", where, "")
    return found


def _score(line: dict[str, Any], where: str) -> dict[str, Any]:
    found: dict[str, Any] = {name: _journal.whole(line, name, where, 0) for name in ("step", "attempt", "samples")}
    for name in ("loss", "prec1", "prec5"):
        found[name] = _journal.number(line, name, where)
    return found


def _column(numpy: Any, name: str, steps: list[dict[str, Any]]) -> Any:
    values = [of_step.get(name) for of_step in steps]
    if name == "skipped_because":
        return numpy.array(values, object)
    if name in ("skipped", "diverged"):
        return numpy.array(values, bool)
    if name in ("step", "attempt", "samples", *_WHOLE) and None not in values:
        return numpy.array(values, "int64")
    return numpy.array([float("nan") if value is None else value for value in values], "float64")


class RunDirectory:
    """A run's directory, of a run that has ended or goes on. Each call reads anew what is there by now.

    Parameters
    ----------
    path : str or path
        The ``train_dir`` of the run.

    Raises
    ------
    InputError
        Where it holds no run; of each method, where a file is not as it must be, with the file and the line. A last line that
        is half written is none.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        #: pathlib.Path: the directory.
        self.path = pathlib.Path(path)
        #: str: what the program said, of a run that `train` has started.
        self.output = ""
        if not os.path.exists(self.path / "config.toml"):
            raise InputError(f"{self.path} holds no run; valid: a train_dir, which has a config.toml")

    def __repr__(self) -> str:
        return f"<detoxml.RunDirectory {self.path}>"

    def __fspath__(self) -> str:
        return str(self.path)

    @property
    def config(self) -> dict[str, Any]:
        """All options of the run, resolved, as `train` takes them: ``config["max_steps"]``. Numbers are numbers, on and off
        True and False, all else text."""
        return _journal.settings(self.path / "config.toml")

    @property
    def status(self) -> Status:
        """How the run stands. A run that was killed still says that it is running."""
        path = self.path / "run.json"
        with _journal.opened(path) as file:
            line = _journal.parsed(file.read(_journal.LARGEST_CONFIG), str(path))
        status = _journal.text(line, "status", str(path))
        if status not in _STATUS:
            raise InputError(f"{path}: status is {status!a:.60}; valid: {', '.join(_STATUS)}")
        return Status(status, _journal.whole(line, "step", str(path)), _journal.text(line, "message", str(path), ""))

    @property
    def checkpoints(self) -> tuple[int, ...]:
        """The steps of which there is a checkpoint, ascending."""
        try:
            names = set(os.listdir(self.path))
        except OSError as error:
            raise InputError(f"{self.path}: {error.strerror}") from None
        found = (_CHECKPOINT.fullmatch(name) for name in names)
        return tuple(sorted(int(match[1]) for match in found if match and f"state_step_{match[1]}" in names))

    def checkpoint(self, step: int | None = None, *, library: str | None = None) -> dict[str, Any]:
        """The weights after a step, as a state_dict under PyTorch's names.

        Parameters
        ----------
        step : int, optional
            One of `checkpoints`; the newest where it is not given.
        library : {"torch", "numpy"}, optional
            Of the tensors; torch where that is imported already, else NumPy.

        Returns
        -------
        dict of str to tensor or array
            With memory of their own.
        """
        steps = self.checkpoints
        if not steps:
            raise InputError(f"{self.path} has no checkpoint yet; eval_freq=N writes one every N steps")
        if step is not None and step not in steps:
            raise UsageError(f"there is no checkpoint of step {step!r:.40} in {self.path}; valid: {_some(steps)}")
        return read_tensors(self.path / f"model_step_{steps[-1] if step is None else step}", library)

    def metrics(self, *, frame: bool = False) -> Any:
        """What each step gave.

        Of a run that went back (``heal``) the steps that stand. Fields are those of metrics.jsonl, with ``seconds_total`` and
        the like for its seconds, and ``attempt``.

        Parameters
        ----------
        frame : bool
            Whether to return a pandas DataFrame, by step.

        Returns
        -------
        dict of str to array (steps,), or DataFrame
            int64, bool, text as objects, else float64; NaN where a step has no value.
        """
        numpy = imported("numpy", "metrics()")
        steps = _journal.standing(self.path / "metrics.jsonl", _step_metrics)[0]
        names = dict.fromkeys(["step", "attempt", "lr", "loss", "accuracy", *(f"seconds_{phase}" for phase in _PHASES)])
        names.update((name, None) for name in _WHOLE if any(name in step for step in steps))
        names.update(dict.fromkeys(["skipped", "diverged", "skipped_because"]))
        columns = {name: _column(numpy, name, steps) for name in names}
        return imported("pandas", "frame=True").DataFrame(columns).set_index("step") if frame else columns

    def evaluations(self, *, frame: bool = False) -> Any:
        """What its checkpoints scored on the test set, as the run itself and ``detoxml evaluate`` have left it.

        Of a run that went back (``heal``) the checkpoints that stand; of one that was scored again the last score.

        Parameters
        ----------
        frame : bool
            Whether to return a pandas DataFrame, by step.

        Returns
        -------
        dict of str to array (checkpoints,), or DataFrame
            ``step``, ``attempt`` and ``samples`` as int64, ``loss``, ``prec1`` and ``prec5`` (percent) as float64.
        """
        numpy = imported("numpy", "evaluations()")
        backs = _journal.standing(self.path / "metrics.jsonl", lambda line, where, step: None)[1]
        scores = {}
        for where, line in _journal.lines_of(self.path / "evaluation.jsonl"):
            score = _score(line, where)
            if not any(back.attempt > score["attempt"] and back.to < score["step"] for back in backs):
                scores[score["step"]] = score
        steps = [scores[step] for step in sorted(scores)]
        columns = {name: _column(numpy, name, steps) for name in ("step", "attempt", "samples", "loss", "prec1", "prec5")}
        return imported("pandas", "frame=True").DataFrame(columns).set_index("step") if frame else columns

    def latency(self) -> Latency:
        """How long each worker took in each step that stands, at most 0.31 % off: ``step, seconds = run.latency()``."""
        return Latency(*_latency.read(self.path / "latency.bin", imported("numpy", "latency()")))

    def rounds(self) -> tuple[Round, ...]:
        """Who counted, step by step; of a run that went back the steps that stand."""
        return tuple(_journal.standing(self.path / "rounds.jsonl", _round)[0])

    def ledger(self) -> Ledger:
        """Who was outvoted, missing, convicted, and when; also in steps that the run took back, which their entries say."""
        backs = _journal.standing(self.path / "rounds.jsonl", lambda line, where, step: None)[1]
        return read_ledger(self.path / "ledger.jsonl", backs)

    def plot(self, axes: Any = None) -> Any:
        """Accuracy and loss over the steps, by matplotlib. Convictions are marked, each with its worker, skipped steps too.

        Parameters
        ----------
        axes : sequence of 2 Axes, optional
            Where to draw; else a new figure of pyplot's.

        Returns
        -------
        sequence of 2 Axes
            Accuracy, loss: ``run.plot()[0].figure.savefig("run.svg")``.
        """
        imported("matplotlib", "plot()")
        from ._plot import plot_run

        return plot_run(self, axes)

    def to_tensorboard(self, folder: str | os.PathLike[str]) -> None:
        """Writes the metrics for TensorBoard into a folder, by torch's SummaryWriter or tensorboardX's; one of both has to be
        there. A text ``ledger`` says who was convicted and outvoted how often."""
        writer = _summary_writer(folder)
        try:
            metrics = self.metrics()
            for name, values in metrics.items():
                if name in ("step", "attempt") or values.dtype == object:
                    continue
                group = name.replace("seconds_", "seconds/") if name.startswith("seconds_") else f"train/{name}"
                for step, value in zip(metrics["step"].tolist(), values.tolist()):
                    if value == value:
                        writer.add_scalar(group, float(value), step)
            last = int(metrics["step"][-1]) if len(metrics["step"]) else 0
            for worker, counts in self.ledger().totals().items():
                writer.add_text("ledger", f"worker {worker}: " + ", ".join(f"{n} {kind}" for kind, n in counts.items()), last)
        finally:
            writer.close()


def _summary_writer(folder: str | os.PathLike[str]) -> Any:
    for module in ("torch.utils.tensorboard", "tensorboardX"):
        if module.startswith("torch") and "torch" not in sys.modules and not _is_there("tensorboard"):
            continue  # it would take a second to find that out
        try:
            return __import__(module, fromlist=["_"]).SummaryWriter(os.fspath(folder))
        except ImportError:
            continue
    raise UsageError("neither torch.utils.tensorboard nor tensorboardX can be imported; valid: an environment with torch and "
                     "tensorboard, or with tensorboardX")


def _is_there(module: str) -> bool:
    import importlib.util

    return importlib.util.find_spec(module) is not None


def _some(steps: tuple[int, ...]) -> str:
    words = [str(step) for step in steps]
    return ", ".join(words if len(words) <= 8 else [*words[:3], "…", *words[-3:]])
