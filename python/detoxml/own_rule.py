"""A rule of the user's own: a Python function, called as ours are, or by a run of the program."""
from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

from . import _library
from ._own_function import OwnFunction, reduced
from .aggregation import Pre
from .arrays import rows_of
from .errors import UsageError

_REQUIREMENT = re.compile(r"n\s*>=\s*(?:(\d*)\s*\*?\s*f(?:\s*\+\s*(\d+))?|(\d+))")
_MOST = 16  # a and b of n >= af + b, for the program


def _requirement(text: object) -> tuple[int, int]:
    """a and b of "n >= af + b"."""
    found = _REQUIREMENT.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is not None:
        slope = 0 if found[3] else int(found[1] or 1)
        offset = int(found[3] or found[2] or 0)
        if slope <= _MOST and offset <= _MOST:
            return slope, offset
    raise UsageError(f"requires is {text!r:.60}; valid: n >= af + b, as \"n >= 2f + 1\", with numbers up to {_MOST}")


def _taken(function: Callable[..., Any]) -> int:
    """How many of rows, f and step it takes."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 3
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return 3
    by_place = [parameter for parameter in parameters
                if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)]
    takes = sum(parameter.default is parameter.empty for parameter in by_place)
    # A parameter with a default is meant where it has the name.
    while takes < min(3, len(by_place)) and by_place[takes].name == ("rows", "f", "step")[takes]:
        takes += 1
    if not 1 <= takes <= 3:
        raise UsageError(f"{getattr(function, '__name__', 'the rule')!s:.40} takes {takes} values; valid: a function of "
                         "(rows, f, step)")
    return takes


class OwnRule(OwnFunction):
    """A rule of your own, as `rule` makes it: called as `aggregate` is, or given to `train`.

    Attributes
    ----------
    name, requirement : str
    source : str
        SHA-256 of the function's source, or ``"unknown"``.
    timeout : float
        Seconds that a call in a run may take.
    """

    hello = b"detoxml rule 1"
    _what = "rule"

    def __init__(self, function: Callable[..., Any], name: str | None = None, requires: str = "n >= 1",
                 timeout: float = 300) -> None:
        super().__init__(function, name, timeout)
        self._least = _requirement(requires)
        self._takes = _taken(function)

    def described(self) -> dict[str, Any]:
        slope, offset = self._least
        return {**super().described(), "slope": slope, "offset": offset}

    def answer(self, rows: Any, call: dict[str, Any]) -> Any:
        return self.reduce(rows, call["f"], call["step"])

    @property
    def requirement(self) -> str:
        slope, offset = self._least
        return f"n >= {slope if slope > 1 else ''}f{f' + {offset}' if offset else ''}" if slope else f"n >= {offset}"

    def __repr__(self) -> str:
        return f"<detoxml.OwnRule {self.name}, needs {self.requirement}>"

    def unmet(self, n: int, f: int = 0) -> str:
        """Why n rows, f of them hostile, will not do, or an empty text where they will."""
        slope, offset = self._least
        return "" if n >= max(1, slope * f + offset) else f"{self.name} needs {self.requirement}: n = {n}, f = {f}"

    def reduce(self, rows: Any, f: int, step: int) -> Any:
        """What the function makes of a matrix, as a vector; UsageError where it is none."""
        return self.vector(self.function(*(rows, f, step)[: self._takes]), rows)

    def __call__(self, rows: Any, *, f: int = 0, pre: str | Pre = "none", seed: int | None = None, step: int = 0,
                 out: Any = None) -> Any:
        """Reduce rows to one, as `aggregate` with a rule of ours; the function sees a copy of them.

        Parameters
        ----------
        rows : (n, ...) array or tensor, or a sequence of n of one shape
            float32 or float64.
        f, pre, seed, step, out
            As of `aggregate`.

        Returns
        -------
        array
            Of the rows' dtype and library and of a row's shape.

        Raises
        ------
        UsageError
            Too few rows, or a function that returns something else than a vector of d numbers.
        """
        f, step = _library.count(f, "f"), _library.count(step, "step")
        if pre is not None and pre != "none":
            rows = (pre if isinstance(pre, Pre) else Pre(pre, f=f, seed=seed))(rows, step=step)
        taken = rows_of(rows)
        if self.unmet(taken.n, f):
            raise UsageError(self.unmet(taken.n, f))
        return reduced(taken, lambda matrix: self.reduce(matrix, f, step), out)


def rule(name: Any = None, *, requires: str = "n >= 1", timeout: float = 300) -> Any:
    """Makes a rule of a function, as a decorator.

    The function gets rows, a float32 array (n, d) of NumPy that is its own during the call and nobody's afterwards; f, how many
    of them may be hostile; and the step. It returns a vector (d,). It may leave out step, or f and step. The same input has to
    give the same bits: a run calls it twice at its start to see that.

    Parameters
    ----------
    name : str, optional
        Else the function's own.
    requires : str
        How many rows it needs, as ``"n >= 2f + 1"``: fewer are refused.
    timeout : float
        Seconds that a call in a run may take before the run ends with an error.

    Returns
    -------
    OwnRule

    Examples
    --------
    >>> import numpy
    >>> import detoxml as detox
    >>> @detox.rule("midrange", requires="n >= 2f + 1")
    ... def midrange(rows, f):
    ...     ordered = numpy.sort(rows, axis=0)
    ...     return (ordered[f] + ordered[-1 - f]) / 2
    >>> midrange(numpy.array([[1.0], [2.0], [4.0], [1e9]], "float32"), f=1).tolist()
    [3.0]
    """
    if callable(name):
        return OwnRule(name)
    return lambda function: OwnRule(function, name, requires, timeout)
