"""Rules, the steps before them, and what they report."""
from __future__ import annotations

import ctypes
import functools
import itertools
import os
import threading
import weakref
from typing import Any, NamedTuple

from ._library import CALL_SIZE, REPORT_SIZE, CCall, CReport, check, count, encoded, lib, refuse, shown, text
from .arrays import Rows, delivered, result_for, rows_of
from .errors import Error, UsageError

# Below so many values threads cost more than they save.
_WORTH_THREADS = 1 << 20
_STANDARD_SEED = 428


class RuleInfo(NamedTuple):
    """A rule of the registry.

    Attributes
    ----------
    name : str
    requirement : str
        As ``"n >= 2f + 1"``.
    paper : str
        Where it was published.
    takes_weights : bool
        Whether rows may count for more or less.
    draws : bool
        Whether it draws at random, by seed and step.
    """

    name: str
    requirement: str
    paper: str
    takes_weights: bool
    draws: bool


class Rejection(NamedTuple):
    """A row that the result is not made of, and why."""

    row: int
    reason: str


class Report(NamedTuple):
    """What a rule found out about the rows of a call.

    Attributes
    ----------
    selected : tuple of int
        Rows that the result is made of, ascending; empty: all, by coordinate.
    scores : tuple of float
        One a row, higher is more suspect; empty where the rule has none.
    weights : tuple of float
        One a row, of rules that weigh rows; else empty.
    rejected : tuple of Rejection
        Ascending by row.
    """

    selected: tuple[int, ...]
    scores: tuple[float, ...]
    weights: tuple[float, ...]
    rejected: tuple[Rejection, ...]


def _info(number: int) -> RuleInfo:
    return RuleInfo(text(lib.detox_rule_name(number)), text(lib.detox_rule_requirement(number)), text(lib.detox_rule_paper(number)),
                    bool(lib.detox_rule_takes_weights(number)), bool(lib.detox_rule_draws(number)))


def rules() -> tuple[RuleInfo, ...]:
    """All rules, in the order of their names.

    Returns
    -------
    tuple of RuleInfo

    Examples
    --------
    >>> import detoxml as detox
    >>> [rule.name for rule in detox.rules() if rule.draws]
    ['dnc']
    """
    return tuple(_info(number) for number in range(lib.detox_rule_count()))


def _option_value(value: Any) -> str:
    try:
        return str(value) if isinstance(value, str) else format(value)
    except Exception:
        return shown(value)


def _option_words(options: dict[str, Any]) -> str:
    words = []
    for name, value in options.items():
        if value is None:
            continue
        word = f"{name.replace('_', '-')}={_option_value(value)}"
        if not word.isprintable() or " " in word:
            raise UsageError(f"option {shown(word)}; valid: a value without blanks, as {name}=3")
        words.append(word)
    return " ".join(words)


def _pre_text(pre: Any) -> Any:
    return pre.text if isinstance(pre, Pre) else "none" if pre is None else pre


def _weights_of(weights: Any, n: int) -> Any:
    try:
        numbers = [float(weight) for weight in itertools.islice(weights, n + 1)]
    except Exception:  # of whatever they are
        raise UsageError(f"weights are {type(weights).__name__:.40}; valid: {n} numbers") from None
    if len(numbers) != n:
        raise UsageError(f"{len(numbers) if len(numbers) < n else f'more than {n}'} weights for {n} rows")
    return (ctypes.c_double * n)(*numbers)


def _report_of(report: CReport) -> Report:
    rejected = zip(report.rejected[: report.rejected_count], report.reasons[: report.rejected_count])
    return Report(tuple(report.selected[: report.selected_count]), tuple(report.scores[: report.score_count]),
                  tuple(report.weights[: report.weight_count]), tuple(Rejection(row, text(reason)) for row, reason in rejected))


class _Handles:
    """What the library made for one object here: by the number of threads, made when needed."""

    def __init__(self, create: Any, destroy: Any, threads: int) -> None:
        self._create, self._destroy, self._threads = create, destroy, threads
        self.lock = threading.Lock()
        self._made: dict[int, int] = {}
        _all_handles.add(self)

    def get(self, values: int) -> int:
        """For a call over so many values, of whoever holds the lock."""
        threads = 1 if self._threads == 0 and values < _WORTH_THREADS else self._threads
        handle = self._made.get(threads)
        if handle is None:
            handle = self._create(threads)
            if not handle:
                raise refuse()
            self._made[threads] = handle
        return handle

    def begin_again(self) -> None:
        """After a fork: threads of the parent are not here, nor is who held the lock. What they used is not touched."""
        self.lock, self._made = threading.Lock(), {}

    def __del__(self) -> None:
        for handle in getattr(self, "_made", {}).values():
            self._destroy(handle)


_all_handles: weakref.WeakSet[_Handles] = weakref.WeakSet()


def _begin_again() -> None:
    for handles in list(_all_handles):
        handles.begin_again()


os.register_at_fork(after_in_child=_begin_again)


def _call_of(taken: Rows, step: int, pointer: int) -> CCall:
    return CCall(CALL_SIZE, taken.dtype.code, ctypes.addressof(taken.pointers), taken.n, taken.d, step, pointer, None, None)


class Rule:
    """A rule that reduces n rows, f of them hostile, to one.

    Threads may share it: calls wait for each other. It keeps scratch memory from call to call.

    Parameters
    ----------
    name : str
        A rule's name or alias (`rules`); case and dashes do not matter.
    f : int
        Hostile rows that it has to survive.
    pre : str or Pre
        Steps before the rule, as ``"nnm,bucketing:s=2"``.
    seed : int, optional
        What bucketing and dnc draw of.
    threads : int
        0: one a core where the rows are large enough. The result does not depend on it.
    semantics : {"paper", "byzfl", "byzpy"}
        Whose definition, where those of the common libraries differ.
    **options
        What the rule can be told, with the names of ``detoxml aggregate``: ``krum_select=3``, ``clip_radius=10.0``.

    Raises
    ------
    UsageError
        A name or an option that cannot be, in one line with what would be valid.

    Notes
    -----
    Sources of the rules are in `paper`; docs/rules.md has their definitions and bounds.

    Examples
    --------
    >>> import array
    >>> import detoxml as detox
    >>> median = detox.Rule("coord-median", f=1)
    >>> median([array.array("f", row) for row in ([1, 2], [3, 4], [1e30, -1e30])])
    array('f', [3.0, 2.0])
    >>> median.unmet(2)
    'coord-median needs n >= 2f + 1: n = 2, f = 1'
    """

    def __init__(self, name: str, *, f: int = 0, pre: str | Pre = "none", seed: int | None = None, threads: int = 0,
                 semantics: str = "paper", **options: Any) -> None:
        number = lib.detox_find_rule(encoded(name, "the rule"))
        if number >= lib.detox_rule_count():
            raise refuse()
        #: RuleInfo: of the registry.
        self.info = _info(number)
        self.f = count(f, "f")
        words = _option_words({"f": self.f, "pre": _pre_text(pre), "semantics": semantics,
                               "seed": None if seed is None else count(seed, "seed"), **options})
        arguments = encoded(self.info.name, "the rule"), encoded(words, "the options")
        self._handles = _Handles(lambda threads: lib.detox_create(*arguments, threads), lib.detox_destroy,
                                 count(threads, "threads"))
        self._text = text(lib.detox_describe(self._handles.get(0)))
        #: str: as "n >= 2f + 1", in its semantics.
        self.requirement = text(lib.detox_requirement(self._handles.get(0)))

    name = property(lambda self: self.info.name, doc="str: its name.")
    paper = property(lambda self: self.info.paper, doc="str: where it was published.")

    def __repr__(self) -> str:
        return f"<detoxml.Rule {self._text}>"

    def __reduce__(self) -> Any:
        raise TypeError("a Rule is of one process; valid: its name and options, to make another")

    def unmet(self, n: int) -> str:
        """Why n rows will not do, or an empty text where they will."""
        with self._handles.lock:
            return text(lib.detox_unmet(self._handles.get(0), count(n, "n")))

    def __call__(self, rows: Any, *, weights: Any = None, step: int = 0, out: Any = None, report: bool = False) -> Any:
        """Reduce rows to one.

        Parameters
        ----------
        rows : (n, ...) array or tensor, or a sequence of n of one shape
            float32, float64, bfloat16 or float16, of NumPy, torch, DLPack or buffers. Never written and never copied, so each
            row has to be contiguous. Values that are not finite are data like any other. Those of 16 bits are widened to
            float32 a few columns at a time, and the result is rounded once.
        weights : sequence of n floats, optional
            What each row counts for, for rules that take weights.
        step : int
            What draws and ties depend on.
        out : array, optional
            Where the result goes: of the rows' dtype and of a row's shape.
        report : bool
            Whether to return what the rule found out as well.

        Returns
        -------
        array, or (array, Report)
            Of the rows' dtype and library and of a row's shape; of buffers, and of DLPack whose library has no
            ``from_dlpack``, an ``array.array`` or a memoryview.

        Raises
        ------
        UsageError
            Rows that are too few, not of one shape, not contiguous or of another dtype; weights that cannot be.
        """
        if not isinstance(report, bool):
            raise UsageError(f"report is {shown(report)}; valid: True, False")
        taken = rows_of(rows)
        result, view = result_for(taken, taken.shape, out)
        call = _call_of(taken, step if type(step) is int and 0 <= step < 2**64 else count(step, "step"), view.pointer)
        if weights is not None:
            numbers = _weights_of(weights, taken.n)
            call.weights = ctypes.addressof(numbers)
        handles = self._handles
        with handles.lock:
            handle = handles.get(taken.n * taken.d)
            if report is False:
                check(lib.detox_aggregate(handle, call))
                return delivered(result)
            found = CReport(REPORT_SIZE)
            call.report = ctypes.addressof(found)
            check(lib.detox_aggregate(handle, call))
            return delivered(result), _report_of(found)


class Pre:
    """The steps before a rule by themselves: n rows to the n' points that a rule behind them sees.

    Parameters
    ----------
    text : str
        As ``"nnm,bucketing:s=2"``.
    f : int
        Hostile rows that the steps have to survive.
    seed : int, optional
        What bucketing draws of.
    threads : int
        0: one a core where the rows are large enough.

    Raises
    ------
    UsageError
        Steps that cannot be.

    Examples
    --------
    >>> import array
    >>> import detoxml as detox
    >>> points = detox.Pre("bucketing:s=2")([array.array("d", [i]) for i in range(4)])
    >>> points.shape
    (2, 1)
    """

    def __init__(self, text: str, *, f: int = 0, seed: int | None = None, threads: int = 0) -> None:
        #: str: the steps.
        self.text = text
        arguments = encoded(text, "pre"), count(f, "f"), _STANDARD_SEED if seed is None else count(seed, "seed")
        self._handles = _Handles(lambda threads: lib.detox_create_pre(*arguments, threads), lib.detox_destroy_pre,
                                 count(threads, "threads"))
        self._handles.get(0)

    def __call__(self, rows: Any, *, step: int = 0, out: Any = None) -> Any:
        """The points (n', ...) that n rows become; rows, dtypes, out and errors as of a `Rule`."""
        taken = rows_of(rows)
        handles = self._handles
        with handles.lock:
            handle = handles.get(taken.n * taken.d)
            points = lib.detox_pre_points(handle, taken.n)
            if points == 0:
                raise refuse()
            result, view = result_for(taken, (points, *taken.shape), out)
            check(lib.detox_apply_pre(handle, _call_of(taken, count(step, "step"), view.pointer)))
            return delivered(result)

    def __repr__(self) -> str:
        return f"<detoxml.Pre {self.text}>"


@functools.lru_cache(maxsize=16, typed=True)
def _kept_rule(name: str, f: int, pre: str, seed: int | None, threads: int, semantics: str,
               options: tuple[tuple[str, Any], ...]) -> Rule:
    return Rule(name, f=f, pre=pre, seed=seed, threads=threads, semantics=semantics, **dict(options))


def aggregate(rows: Any, rule: str = "coord-median", *, f: int = 0, pre: str | Pre = "none", weights: Any = None, step: int = 0,
              seed: int | None = None, out: Any = None, report: bool = False, threads: int = 0, semantics: str = "paper",
              **options: Any) -> Any:
    """Reduce n rows, f of them hostile, to one: `Rule` in one call.

    The rules of the last 16 different calls are kept, with their scratch memory.

    Parameters
    ----------
    rows : (n, ...) array or tensor, or a sequence of n of one shape
        As of `Rule`.
    rule : str
        A rule's name or alias.
    f, pre, seed, threads, semantics, **options
        As of `Rule`.
    weights, step, out, report
        As of a call of `Rule`.

    Returns
    -------
    array, or (array, Report)

    Raises
    ------
    UsageError
        In one line, with what would be valid.

    Examples
    --------
    >>> import array
    >>> import detoxml as detox
    >>> rows = [array.array("d", [value, 1]) for value in (1, 2, 3, 1e300)]
    >>> detox.aggregate(rows, "trimmed-mean", f=1)
    array('d', [2.5, 1.0])
    """
    if isinstance(rule, Rule):
        raise UsageError("rule is a Rule; valid: its name here, or rule(rows)")
    words = rule, f, _pre_text(pre), seed, threads, semantics, tuple(sorted(options.items()))
    try:
        made = _kept_rule(*words)
    except Error:
        raise
    except Exception:  # of something that cannot be a key, which no option can be
        made = Rule(rule, f=f, pre=pre, seed=seed, threads=threads, semantics=semantics, **options)
    return made(rows, weights=weights, step=step, out=out, report=report)
