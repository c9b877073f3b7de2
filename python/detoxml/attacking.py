"""Simulated attacks: honest gradients to what colluders send."""
from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any, NamedTuple

from ._library import ATTACK_CALL_SIZE, FLOAT32, CAttackCall, check, count, encoded, lib, refuse, text
from .aggregation import Rule, _Handles, _option_words
from .arrays import MOST_ROWS, delivered, result_for, rows_of
from .errors import UsageError


class AttackInfo(NamedTuple):
    """A simulated attack.

    Attributes
    ----------
    name : str
    summary : str
        What is sent.
    paper : str
        Where it was published; empty: nowhere.
    needs : str
        What colluders have to know: ``"nothing"``, ``"gradients of their own"``, ``"honest gradients"``, ``"honest gradients
        and the defence"``.
    unavailable : str
        Empty where `Attack` makes it; else why gradients alone are not enough.
    parameter : str
        What its number c is to it, as ``"factor"``; empty where it reads none.
    standard : float
        c, unless told otherwise.
    """

    name: str
    summary: str
    paper: str
    needs: str
    unavailable: str
    parameter: str
    standard: float


def _info(number: int) -> AttackInfo:
    return AttackInfo(text(lib.detox_attack_name(number)), text(lib.detox_attack_summary(number)),
                      text(lib.detox_attack_paper(number)), text(lib.detox_attack_needs(number)),
                      text(lib.detox_attack_unavailable(number)), text(lib.detox_attack_parameter(number)),
                      lib.detox_attack_standard(number))


def attacks() -> tuple[AttackInfo, ...]:
    """All attacks of ``detoxml train``, in the order of their names.

    Returns
    -------
    tuple of AttackInfo

    Examples
    --------
    >>> import detoxml as detox
    >>> [attack.name for attack in detox.attacks() if attack.needs.endswith("the defence")]
    ['alie_opt', 'ipm_opt']
    >>> [attack.name for attack in detox.attacks() if attack.unavailable]
    ['crash', 'label_flip', 'stale', 'straggler']
    """
    return tuple(_info(number) for number in range(lib.detox_attack_count()))


def _owned_places(owned: Any) -> Any:
    try:
        places = [count(place, "owned", MOST_ROWS) for place in owned]
    except TypeError:
        raise UsageError(f"owned is {type(owned).__name__:.40}; valid: numbers of honest rows, ascending") from None
    return (ctypes.c_uint32 * len(places))(*places)


class Attack:
    """A simulated attack: the bytes that the attackers of ``detoxml train`` send.

    Threads may share it: calls wait for each other.

    Parameters
    ----------
    name : str
        An attack's name (`attacks`); case and dashes do not matter.
    c : float, optional
        Its number, where it has one (`AttackInfo.parameter`).
    z : float or "auto", optional
        alie: how many deviations; 1 unless told otherwise, "auto": what the paper's formula affords for n and m.
    sign : {"minus", "plus"}, optional
        alie: the mean minus z deviations, or plus.
    ddof : {1, 0}, optional
        alie: the deviation divides by the rows less this.
    seed : int, optional
        What noise and faults are drawn of; in a run with this seed they are the same.
    threads : int
        0: one a core where the rows are large enough. What is sent does not depend on it.

    Raises
    ------
    UsageError
        A name or an option that cannot be, an option that the attack does not read, an attack of which gradients alone are
        not enough.

    Notes
    -----
    Sources are in `info`; docs/attacks.md has the formulas.

    Examples
    --------
    >>> import array
    >>> import detoxml as detox
    >>> honest = [array.array("f", row) for row in ([1, 2], [3, 4], [5, 6])]
    >>> detox.Attack("ipm", c=-1)(honest)
    array('f', [-3.0, -4.0])
    >>> detox.Attack("sign_flip")(honest, m=2).tolist()
    [[-3.0, -4.0], [-5.0, -6.0]]
    """

    def __init__(self, name: str, *, c: float | None = None, z: float | str | None = None, sign: str | None = None,
                 ddof: int | None = None, seed: int | None = None, threads: int = 0) -> None:
        number = lib.detox_find_attack(encoded(name, "the attack"))
        if number >= lib.detox_attack_count():
            raise refuse()
        #: AttackInfo: of the registry.
        self.info = _info(number)
        self._words = _option_words({"adversarial": c, "alie-z": z, "alie-sign": sign, "alie-ddof": ddof,
                                     "seed": None if seed is None else count(seed, "seed")})
        arguments = encoded(self.info.name, "the attack"), encoded(self._words, "the options")
        self._handles = _Handles(lambda threads: lib.detox_create_attack(*arguments, threads), lib.detox_destroy_attack,
                                 count(threads, "threads"))
        self._is_alike = lib.detox_attack_rows(self._handles.get(0), 2) == 1

    name = property(lambda self: self.info.name, doc="str: its name.")

    def __repr__(self) -> str:
        return f"<detoxml.Attack {self.info.name}{' ' if self._words else ''}{self._words}>"

    def __reduce__(self) -> Any:
        raise TypeError("an Attack is of one process; valid: its name and options, to make another")

    def __call__(self, honest: Any, *, n: int | None = None, m: int | None = None, owned: Sequence[int] | None = None,
                 step: int = 0, defence: Rule | None = None, out: Any = None) -> Any:
        """What colluders send.

        Parameters
        ----------
        honest : (h, ...) array or tensor, or a sequence of h of one shape
            Honest gradients, float32: in which attackers send. Never written and never copied.
        n : int, optional
            Rows that reach the rule; else all that there are here. ``z="auto"`` goes by it.
        m : int, optional
            Rows that the colluders send; else 1, or as many as `owned`. They come behind the honest ones, so that there are
            h + m; an attack on gradients of its own changes the last m of the honest rows.
        owned : sequence of int, optional
            In the places of which honest rows they come instead, ascending: as in a run, where every slice has an honest
            gradient and colluders own some.
        step : int
            What draws depend on, also of the defence.
        defence : Rule, optional
            For an attack that tries its rows out on the defence; not read by others.
        out : array, optional
            Where the result goes.

        Returns
        -------
        array
            Of the rows' library. One row where all colluders send the same; else (m, ...), one in each place: attacks on
            gradients of their own, and noise.

        Raises
        ------
        UsageError
            Rows that a `Rule` would refuse, or of another dtype than float32; numbers that cannot be; no defence where one
            is needed, or one that h + m rows are too few for.
        """
        taken = rows_of(honest)
        if taken.dtype.code != FLOAT32:
            raise UsageError(f"honest has dtype {taken.dtype.name}; valid: float32, in which attackers send")
        places = None if owned is None else _owned_places(owned)
        sent = count(m, "m") if m is not None else 1 if places is None else len(places)
        if places is not None and sent != len(places):
            raise UsageError(f"m is {sent}, owned are {len(places)}; valid: one of the two")
        if sent > MOST_ROWS:
            raise UsageError(f"m is {sent}; valid: 0 to {MOST_ROWS}")
        result, view = result_for(taken, taken.shape if self._is_alike else (sent, *taken.shape), out)
        call = CAttackCall(ATTACK_CALL_SIZE, taken.dtype.code, ctypes.addressof(taken.pointers), taken.n, taken.d, sent,
                           None if places is None else ctypes.addressof(places), 0 if n is None else count(n, "n"),
                           count(step, "step"), None, view.pointer)
        values = (taken.n + sent) * taken.d
        with self._handles.lock:
            handle = self._handles.get(values)
            if not self.info.needs.endswith("the defence"):
                check(lib.detox_apply_attack(handle, call))
                return delivered(result)
            if not isinstance(defence, Rule):
                raise UsageError(f"{self.name} tries out the defence; valid: defence=detoxml.Rule(...)")
            with defence._handles.lock:
                call.defence = defence._handles.get(values)
                check(lib.detox_apply_attack(handle, call))
            return delivered(result)
