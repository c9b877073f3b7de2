"""A round of federated learning without the framework that carries it: what clients answer, and the model that comes of it."""
from __future__ import annotations

import io
import json
import logging
import math
import os
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ._pickles import printable
from .aggregation import Rule
from .errors import UsageError

_log = logging.getLogger("flwr")
# Beyond the values, a header of NumPy's format.
_MOST_HEADER = 65536
_MOST_CLIENTS = 65535
_MOST_RULES = 8


class Malformed(Exception):
    """An answer that no honest client gives, and why; one line, whatever of the answer is in it."""

    def __init__(self, why: str) -> None:
        super().__init__(printable(why))


class Answer(NamedTuple):
    """What one client sent, not looked at yet.

    Attributes
    ----------
    client : int or str
        Its id.
    tensors : callable
        Takes the names that were sent; the bytes in NumPy's format for each; raises `Malformed`.
    examples : callable
        How many examples it says that it has; raises `Malformed`.
    """

    client: Any
    tensors: Callable[[Sequence[str]], Sequence[bytes]]
    examples: Callable[[], Any]


class Outcome(NamedTuple):
    """How a round ended.

    Attributes
    ----------
    arrays : list of ndarray or None
        The model after it; None: the old one stays.
    why : str
        Why the old one stays, in one line; else empty.
    clients : tuple
        Ids of who answered, ascending. A client's place here is its rank.
    malformed : dict of int to str
        By rank: answers that do not fit the model, and why. The rule does not see them.
    rejected : dict of int to str
        By rank: answers that the rule's result is not made of, and why.
    scores, weights : dict of int to float
        By rank, as of a `Report`.
    """

    arrays: list[Any] | None
    why: str
    clients: tuple[Any, ...]
    malformed: dict[int, str]
    rejected: dict[int, str]
    scores: dict[int, float]
    weights: dict[int, float]

    @property
    def accepted(self) -> tuple[int, ...]:
        """Ranks whose answers were neither malformed nor rejected."""
        return tuple(rank for rank in range(len(self.clients)) if rank not in self.malformed and rank not in self.rejected)


def ascending(client: Any) -> tuple[int, str]:
    """The order of clients: numbers by value, others by length and letters."""
    name = str(client)
    return len(name), name


def decoded(tensor: bytes, like: Any) -> Any:
    """An array of the shape and dtype of another one, from bytes of a stranger."""
    import numpy

    if len(tensor) > like.nbytes + _MOST_HEADER:
        raise Malformed(f"{len(tensor)} bytes for an array of {like.nbytes}")
    try:
        array = numpy.load(io.BytesIO(tensor), allow_pickle=False)
    except Exception as error:  # whatever NumPy makes of bytes that anybody can choose
        raise Malformed(f"no array in NumPy's format: {(str(error).splitlines() or [''])[0]:.80}") from None
    if not isinstance(array, numpy.ndarray) or array.dtype != like.dtype or array.shape != like.shape:
        what = f"{array.dtype} of shape {array.shape}" if isinstance(array, numpy.ndarray) else "an archive"
        raise Malformed(f"{what:.80} in place of {like.dtype} of shape {like.shape}")
    return array


def _examples_of(answer: Answer) -> float:
    claimed = answer.examples()
    try:
        number = float(claimed) if isinstance(claimed, (int, float)) else math.nan
    except OverflowError:
        number = math.inf
    if not 0 <= number < math.inf:
        raise Malformed(f"{str(claimed) if isinstance(claimed, float) else type(claimed).__name__:.40} as a number of examples")
    return number


class _Model:
    """The arrays that were sent: which of them the rule reduces, as one row, and where each begins there."""

    def __init__(self, names: Sequence[str], arrays: Sequence[Any]) -> None:
        import numpy

        self.names, self.arrays = tuple(names), [numpy.asarray(array) for array in arrays]
        for name, array in zip(self.names, self.arrays):
            if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8:
                raise UsageError(f"array '{name:.60}' has dtype {array.dtype}; valid: float16, float32, float64, whole "
                                 "numbers, bool")
        self.is_real = [array.dtype.kind == "f" for array in self.arrays]
        real = [array for array, is_real in zip(self.arrays, self.is_real) if is_real]
        self.row_type = numpy.float64 if any(array.dtype.itemsize == 8 for array in real) else numpy.float32
        self.size = sum(array.size for array in real)

    def parts(self, row: Any) -> Iterable[tuple[int, Any]]:
        """Each real array's number, and its place in a row."""
        begin = 0
        for number, array in enumerate(self.arrays):
            if self.is_real[number]:
                yield number, row[begin : begin + array.size].reshape(array.shape)
                begin += array.size


    def put(self, tensors: Sequence[bytes], row: Any) -> dict[int, Any]:
        """Writes a client's update into its row, an array at a time; the arrays that are not real, by number."""
        import numpy

        whole, places = {}, dict(self.parts(row))
        for number, (tensor, like) in enumerate(zip(tensors, self.arrays)):
            array = decoded(tensor, like)
            if number in places:
                numpy.subtract(array, like, out=places[number], dtype=self.row_type, casting="unsafe")
            else:
                whole[number] = array
        return whole


class _Good(NamedTuple):
    """An answer that fits: its rank, what it claims, and its arrays that are not real."""

    rank: int
    examples: float
    whole: dict[int, Any]


class Rounds:
    """Reduces the answers of a round by a rule; keeps the rules, and the ledger.

    A malformed answer counts as one of the f: the others are reduced by the rule for the f that are left.
    """

    def __init__(self, rule: str, f: int, pre: Any, seed: int | None, semantics: str, weighted: bool | None, ledger: Any,
                 server_learning_rate: float, options: Mapping[str, Any]) -> None:
        self._said: dict[str, Any] = {"pre": pre, "seed": seed, "semantics": semantics}
        self._options = options
        self.rule = Rule(rule, f=f, **self._said, **options)
        self.f = self.rule.f
        self.weighted = self.rule.info.takes_weights and pre in (None, "none") if weighted is None else weighted
        if not 0 < server_learning_rate < math.inf:
            raise UsageError(f"server_learning_rate is {server_learning_rate}; valid: a number above 0")
        self._rate = server_learning_rate
        self._ledger = None if ledger is None else os.fspath(ledger)
        self._kept: dict[tuple[int, float | None], Rule] = {}
        self._rows: Any = None
        #: int: with fewer answers no round is defended.
        self.least = next((n for n in range(1, _MOST_CLIENTS) if not self.rule.unmet(n)), 0)
        if self.least == 0:
            raise UsageError(f"{self.rule.requirement} is met by no number of clients: {self.rule.unmet(_MOST_CLIENTS)}")
        if self.weighted:  # what cannot be is said here, and not in each round
            import array

            self._reducer(self.least, self.f)([array.array("f", [0])] * self.least, weights=[1] * self.least)

    def _reducer(self, n: int, f: int) -> Rule:
        """For n rows. By default a claim is capped so that the f with most have less than half of the weight."""
        cap = None
        if self.weighted and f > 0 and "weight_cap" not in self._options and n <= 4 * f:
            cap = max(1.0, (1 + n / (2 * f)) / 2)  # below n / (2f); else it is 2
        key = f, cap
        if key not in self._kept:
            more: dict[str, Any] = {} if cap is None else {"weight_cap": cap}
            if len(self._kept) == _MOST_RULES:  # each has its scratch memory
                self._kept.clear()
            self._kept[key] = Rule(self.rule.name, f=f, **self._said, **self._options, **more)
        return self._kept[key]

    def reduce(self, step: int, names: Sequence[str], sent: Sequence[Any], answers: Iterable[Answer]) -> Outcome:
        """The model after a round that began with the arrays `sent`."""
        import numpy

        model = _Model(names, sent)
        ordered = sorted(answers, key=lambda answer: ascending(answer.client))
        times = Counter(answer.client for answer in ordered)
        ordered = [answer for i, answer in enumerate(ordered) if i == 0 or answer.client != ordered[i - 1].client]
        malformed: dict[int, str] = {}
        good: list[_Good] = []
        if self._rows is None or self._rows.shape != (len(ordered), model.size) or self._rows.dtype != model.row_type:
            self._rows = numpy.empty((len(ordered), model.size), model.row_type)
        for rank, answer in enumerate(ordered):
            try:
                if times[answer.client] > 1:
                    raise Malformed(f"{times[answer.client]} answers")
                tensors = answer.tensors(model.names)
                if len(tensors) != len(model.arrays):
                    raise Malformed(f"{len(tensors)} arrays in place of {len(model.arrays)}")
                examples = _examples_of(answer) if self.weighted else 1.0
                with numpy.errstate(all="ignore"):
                    good.append(_Good(rank, examples, model.put(tensors, self._rows[len(good)])))
            except Malformed as error:
                malformed[rank] = str(error)
        outcome = Outcome(None, "", tuple(answer.client for answer in ordered), malformed, {}, {}, {})
        f = self.f - len(malformed)
        if f < 0:
            return outcome._replace(why=f"{len(malformed)} answers are malformed, and f = {self.f}")
        why = self._reducer(len(good), f).unmet(len(good)) if good else "nobody answered"
        if not why and not all(model.is_real) and len(good) < 2 * f + 1:
            why = f"whole numbers need n >= 2f + 1: n = {len(good)}, f = {f}"
        if why:
            return outcome._replace(why=why)
        with numpy.errstate(all="ignore"):
            return self._reduced(step, model, good, f, outcome)

    def _reduced(self, step: int, model: _Model, good: list[_Good], f: int, outcome: Outcome) -> Outcome:
        import numpy

        n, ranks = len(good), [one.rank for one in good]
        try:
            weights = [one.examples for one in good] if self.weighted else None
            update, report = self._reducer(n, f)(self._rows[:n], weights=weights, step=step, report=True)
        except UsageError as error:
            return outcome._replace(why=str(error))
        outcome = outcome._replace(rejected={ranks[row]: reason for row, reason in report.rejected},
                                   scores=dict(zip(ranks, report.scores)), weights=dict(zip(ranks, report.weights)))
        made: list[Any] = [None] * len(model.arrays)
        for number, is_real in enumerate(model.is_real):
            if not is_real:
                ordered = numpy.sort(numpy.stack([one.whole[number] for one in good]), axis=0)
                made[number] = numpy.asarray(ordered[(n - 1) // 2])
        update *= self._rate
        for number, part in model.parts(update):
            before = model.arrays[number]
            made[number] = numpy.asarray(numpy.add(before, part, dtype=model.row_type, casting="unsafe")).astype(before.dtype)
            if not numpy.isfinite(made[number]).all() and numpy.isfinite(before).all():
                return outcome._replace(why=f"array '{model.names[number]:.60}' would not be finite")
        return outcome._replace(arrays=made)

    def enter(self, step: int, outcome: Outcome, failed: Iterable[tuple[Any, str]]) -> None:
        """Writes the ledger's lines of a round, and says where it was not defended."""
        lines: list[dict[str, Any]] = []
        for client, why in failed:
            lines.append({"client": client, "kind": "failed", "accusation": False, "why": printable(why)})
        for kind, is_accusation, found in (("malformed", True, outcome.malformed), ("rejected", False, outcome.rejected)):
            lines += [{"client": outcome.clients[rank], "rank": rank, "kind": kind, "accusation": is_accusation, "why": why}
                      for rank, why in sorted(found.items())]
        if outcome.arrays is None:
            lines.append({"kind": "kept", "accusation": False, "why": outcome.why})
            _log.warning("detoxml: round %d keeps the old parameters: %s", step, outcome.why)
        for rank, why in sorted(outcome.malformed.items()):
            _log.warning("detoxml: round %d: the answer of client %s is malformed: %s", step, outcome.clients[rank], why)
        if self._ledger is None or not lines:
            return
        try:
            with open(self._ledger, "ab", buffering=0) as file:
                file.write("".join(json.dumps({"step": step, **line}) + "\n" for line in lines).encode())
        except OSError as error:
            _log.warning("detoxml: %s: %s; its lines of round %d are lost", self._ledger, error.strerror, step)


def median_metrics(metrics: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Of each number that more than half of the clients report, the lower median; what is not finite does not count.

    Examples
    --------
    >>> median_metrics([{"loss": 0.5, "note": "x"}, {"loss": 1e30, "mine": 3}, {"loss": 0.25}, {"loss": float("nan")}])
    {'loss': 0.5}
    """
    found: dict[str, list[float]] = {}
    for one in metrics:
        for name, value in one.items():
            if isinstance(value, (int, float)) and not isinstance(value, bool) and -math.inf < value < math.inf:
                found.setdefault(name, []).append(value)
    return {name: statistics.median_low(found[name]) for name in sorted(found) if 2 * len(found[name]) > len(metrics)}
