"""An attack of the user's own: a Python function, called as ours are, or by a run of the program."""
from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from . import _library
from ._own_function import OwnFunction, reduced
from .arrays import rows_of
from .errors import UsageError

_KNOWN = ("honest", "slice", "m", "step")


def _taken(function: Callable[..., Any]) -> tuple[str, ...]:
    """What of honest, slice, m and step it takes."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return _KNOWN
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return _KNOWN
    taken = tuple(name for name in _KNOWN if name in parameters)
    for name, parameter in parameters.items():
        is_named = name in _KNOWN and parameter.kind is not parameter.POSITIONAL_ONLY
        if not is_named and parameter.default is parameter.empty and parameter.kind is not parameter.VAR_POSITIONAL:
            raise UsageError(f"the attack takes {name:.40}; valid: any of {', '.join(_KNOWN)}, by these names")
    return taken


class OwnAttack(OwnFunction):
    """An attack of your own, as `attack` makes it: called here, or given to `train` as ``err_mode``.

    Attributes
    ----------
    name : str
    source : str
        SHA-256 of the function's source, or ``"unknown"``.
    timeout : float
        Seconds that a call in a run may take.
    """

    hello = b"detoxml attack 1"
    _what = "attack"

    def __init__(self, function: Callable[..., Any], name: str | None = None, timeout: float = 300) -> None:
        super().__init__(function, name, timeout)
        self._takes = _taken(function)

    def described(self) -> dict[str, Any]:
        return {**super().described(), "same": "slice" not in self._takes}

    def answer(self, rows: Any, call: dict[str, Any]) -> Any:
        return self.lie(rows, call["slice"], call["corrupted"], call["step"])

    def lie(self, honest: Any, slice: int, m: int, step: int) -> Any:
        """What the function makes of a matrix, as a vector; UsageError where it is none."""
        known = {"honest": honest, "slice": slice, "m": m, "step": step}
        return self.vector(self.function(**{name: known[name] for name in self._takes}), honest)

    def __repr__(self) -> str:
        return f"<detoxml.OwnAttack {self.name}>"

    def __call__(self, honest: Any, *, slice: int = 0, m: int = 1, step: int = 0, out: Any = None) -> Any:
        """What the attackers send; the function sees a copy of the rows.

        Parameters
        ----------
        honest : (k, ...) array or tensor, or a sequence of k of one shape
            The honest gradients of all slices, float32 or float64.
        slice : int
            Of which slice they send a copy.
        m : int
            How many slices they own in this step.
        step : int
        out : array, optional
            Where the result goes.

        Returns
        -------
        array
            Of the rows' dtype and library and of a row's shape.
        """
        taken = rows_of(honest)
        slice, m, step = (_library.count(value, name) for name, value in (("slice", slice), ("m", m), ("step", step)))
        if slice >= taken.n:
            raise UsageError(f"slice is {slice} of {taken.n}; valid: one of the rows")
        return reduced(taken, lambda matrix: self.lie(matrix, slice, m, step), out)


def attack(name: Any = None, *, timeout: float = 300) -> Any:
    """Makes an attack of a function, as a decorator, for ``train(err_mode=…)``.

    The function takes what it wants to know, by these names: ``honest``, a float32 array (k, d) of NumPy with the honest
    gradients of all slices, its own during the call; ``slice``, the one of which a copy is corrupted; ``m``, how many slices
    the attackers own in this step; ``step``. It returns a vector (d,). All attackers of a slice send the same. The same input
    has to give the same bits: a run calls it twice at its start to see that. A run in one process asks this one; over MPI each
    attacker loads the file of an attack, ``train(err_mode="FILE.py", processes=…)``, which has one such function.

    Parameters
    ----------
    name : str, optional
        Else the function's own.
    timeout : float
        Seconds that a call in a run may take before the run ends with an error.

    Returns
    -------
    OwnAttack

    Examples
    --------
    >>> import numpy
    >>> import detoxml as detox
    >>> @detox.attack
    ... def opposite(honest, m):
    ...     return -m * honest.mean(axis=0)
    >>> opposite(numpy.array([[1.0, 2.0], [3.0, 4.0]], "float32"), m=2).tolist()
    [-4.0, -6.0]
    """
    if callable(name):
        return OwnAttack(name)
    return lambda function: OwnAttack(function, name, timeout)
