"""A rule of the user's own: a Python function, called as ours are, or by a run of the program."""
from __future__ import annotations

import contextlib
import ctypes
import hashlib
import inspect
import json
import mmap
import os
import pathlib
import re
import shutil
import socket
import struct
import tempfile
import threading
import types
from collections.abc import Callable, Iterator
from typing import Any

from . import _library
from ._others import imported
from .aggregation import Pre
from .arrays import result_for, rows_of
from .errors import UsageError

HELLO = b"detoxml rule 1"
UNKNOWN = "unknown"
_REQUIREMENT = re.compile(r"n\s*>=\s*(?:(\d*)\s*\*?\s*f(?:\s*\+\s*(\d+))?|(\d+))")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_MOST = 16  # a and b of n >= af + b, for the program
_LONGEST_MESSAGE = 1 << 16
_LONGEST_PATH = 107  # of a socket's
_PLAIN = (int, float, str, bytes, bool, type(None))


def _requirement(text: object) -> tuple[int, int]:
    """a and b of "n >= af + b"."""
    found = _REQUIREMENT.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is not None:
        slope = 0 if found[3] else int(found[1] or 1)
        offset = int(found[3] or found[2] or 0)
        if slope <= _MOST and offset <= _MOST:
            return slope, offset
    raise UsageError(f"requires is {text!r:.60}; valid: n >= af + b, as \"n >= 2f + 1\", with numbers up to {_MOST}")


def _same_code(one: types.CodeType, other: types.CodeType) -> bool:
    if (one.co_code, one.co_names, one.co_varnames, len(one.co_consts)) != (
            other.co_code, other.co_names, other.co_varnames, len(other.co_consts)):
        return False
    return all(_same_code(a, b) if isinstance(a, types.CodeType) and isinstance(b, types.CodeType)
               else type(a) is type(b) and repr(a) == repr(b) for a, b in zip(one.co_consts, other.co_consts))


def _codes_in(code: types.CodeType, name: str) -> Iterator[types.CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            if constant.co_name == name:
                yield constant
            yield from _codes_in(constant, name)


def source_of(function: Any) -> str:
    """SHA-256 of the function's source, in hexadecimal, or "unknown": without a source, with values from around it, or where
    the file has another function by now. Defaults of its parameters count, what it calls does not."""
    if not isinstance(function, types.FunctionType) or function.__closure__:
        return UNKNOWN
    defaults = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).items()]
    if not all(isinstance(value, _PLAIN) or isinstance(value, tuple) and isinstance(value[-1], _PLAIN) for value in defaults):
        return UNKNOWN
    try:
        source = inspect.getsource(function)
        compiled = compile("".join(inspect.findsource(function)[0]), "source", "exec", dont_inherit=True)
    except (OSError, TypeError, SyntaxError, ValueError):
        return UNKNOWN
    if not any(_same_code(code, function.__code__) for code in _codes_in(compiled, function.__code__.co_name)):
        return UNKNOWN
    return hashlib.sha256((source + (repr(defaults) if defaults else "")).encode("utf-8", "replace")).hexdigest()


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


class OwnRule:
    """A rule of your own, as `rule` makes it: called as `aggregate` is, or given to `train`.

    Attributes
    ----------
    name, requirement : str
    source : str
        SHA-256 of the function's source, or ``"unknown"``.
    timeout : float
        Seconds that a call in a run may take.
    """

    def __init__(self, function: Callable[..., Any], name: str | None = None, requires: str = "n >= 1",
                 timeout: float = 300) -> None:
        if not callable(function):
            raise UsageError(f"the rule is {type(function).__name__:.40}; valid: a function of (rows, f, step)")
        name = getattr(function, "__name__", type(function).__name__).strip("<>") if name is None else name
        if not isinstance(name, str) or _NAME.fullmatch(name) is None:
            raise UsageError(f"the rule's name is {name!r:.60}; valid: letters, digits, dots, dashes, 40 at most")
        if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not 0 < timeout <= 1e9:
            raise UsageError(f"timeout is {timeout!r:.60}; valid: seconds, above 0")
        self.name, self.timeout, self.function = name, float(timeout), function
        self._least = _requirement(requires)
        self._takes = _taken(function)
        self.source = source_of(function)
        self.__doc__ = function.__doc__ or type(self).__doc__

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
        numpy = imported("numpy", "a rule of your own")
        result = numpy.asarray(self.function(*(rows, f, step)[: self._takes]))
        if result.shape != rows.shape[1:] or result.dtype.kind != "f":
            raise UsageError(f"{self.name} returned {result.dtype} of shape {result.shape}; valid: float32 or float64 of shape "
                             f"{rows.shape[1:]}")
        return result

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
        numpy = imported("numpy", "a rule of your own")
        f, step = _library.count(f, "f"), _library.count(step, "step")
        if pre is not None and pre != "none":
            rows = (pre if isinstance(pre, Pre) else Pre(pre, f=f, seed=seed))(rows, step=step)
        taken = rows_of(rows)
        if self.unmet(taken.n, f):
            raise UsageError(self.unmet(taken.n, f))
        if taken.dtype.name not in ("float32", "float64", "float16"):
            raise UsageError(f"rows have dtype {taken.dtype.name}; valid for a function over NumPy: float32, float64")
        matrix = numpy.empty((taken.n, taken.d), taken.dtype.name)
        for row, pointer in zip(matrix, taken.pointers):
            if taken.d:
                ctypes.memmove(row.ctypes.data, pointer, row.nbytes)
        with numpy.errstate(over="ignore"):
            reduced = numpy.ascontiguousarray(self.reduce(matrix, f, step), matrix.dtype)
        result, view = result_for(taken, taken.shape, out)
        if taken.d:
            ctypes.memmove(view.pointer, reduced.ctypes.data, reduced.nbytes)
        return result

    @contextlib.contextmanager
    def answering(self) -> Iterator[str]:
        """Answers, as long as the block runs, at a socket whose path is given: ``detoxml aggregate --mode PATH``, and so
        wherever the program takes a rule, in jobs of mpiexec that you start yourself, too."""
        with answering({"mode": self}) as (paths, _):
            yield paths["mode"]


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


class Service:
    """Answers programs that ask for the results of rules, each connection by a thread of its own, one call at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        #: BaseException | None: the first that a function raised.
        self.failure: BaseException | None = None

    def listen(self, rule_of_user: OwnRule, path: str) -> None:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._open.append(listener)
        listener.bind(path)
        listener.listen()
        threading.Thread(target=self._accept, args=(listener, rule_of_user), daemon=True).start()

    def close(self) -> None:
        for end in self._open:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self, listener: socket.socket, rule_of_user: OwnRule) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self._open.append(connection)
            threading.Thread(target=self._answer, args=(connection, rule_of_user), daemon=True).start()

    def _answer(self, connection: socket.socket, rule_of_user: OwnRule) -> None:
        with contextlib.suppress(OSError), connection:
            uid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1]
            if uid not in (os.getuid(), 0) or connection.recv(_LONGEST_MESSAGE) != HELLO:
                return
            slope, offset = rule_of_user._least
            connection.send(json.dumps({"name": rule_of_user.name, "slope": slope, "offset": offset,
                                        "source": rule_of_user.source, "patience": rule_of_user.timeout}).encode())
            memory: mmap.mmap | None = None
            while True:
                message, files, _, _ = socket.recv_fds(connection, _LONGEST_MESSAGE, 1)
                if not message:
                    return
                try:
                    call = json.loads(message)
                    if files:
                        memory = mmap.mmap(files[0], call["memory"])
                    answer = self._reduced(rule_of_user, call, memory)
                except (KeyError, TypeError, ValueError, OverflowError, OSError) as error:
                    answer = {"error": f"no call of this protocol: {error}"[:250]}
                finally:
                    for file in files:
                        os.close(file)
                connection.send(json.dumps(answer).encode())

    def _reduced(self, rule_of_user: OwnRule, call: dict[str, Any], memory: Any) -> dict[str, str]:
        numpy = imported("numpy", "a rule of your own")
        n, d = call["n"], call["d"]
        if not (n > 0 and d > 0):
            raise ValueError("there are no rows")
        dtype = {"float32": "f4", "float64": "f8"}[call["type"]]
        values = numpy.frombuffer(memory, dtype, (n + 1) * d).reshape(n + 1, d)
        with self._lock:
            try:
                with numpy.errstate(over="ignore"):
                    values[n] = rule_of_user.reduce(values[:n], call["f"], call["step"])
            except BaseException as error:  # SystemExit as well: the run is told, and train() raises it
                self.failure = self.failure or error
                said = (str(error).strip().splitlines() or [""])[0]
                return {"error": f"{type(error).__name__}{': ' if said else ''}{said}"[:250]}
        return {}


def _private_folder() -> str:
    """For sockets: nobody else's, and with a path that is short enough for them."""
    folder = tempfile.mkdtemp(prefix="detoxml-")
    if len(os.fsencode(folder)) > _LONGEST_PATH - 41:
        os.rmdir(folder)
        folder = tempfile.mkdtemp(prefix="detoxml-", dir="/tmp")
    return folder


@contextlib.contextmanager
def answering(rules: dict[str, OwnRule]) -> Iterator[tuple[dict[str, str], Service]]:
    """The sockets where these rules answer, by the same keys, as long as the block runs."""
    service, paths = Service(), {}
    folder = _private_folder() if rules else ""
    try:
        for key, rule_of_user in rules.items():
            place = pathlib.Path(folder, key)
            place.mkdir()
            paths[key] = str(place / rule_of_user.name)
            service.listen(rule_of_user, paths[key])
        yield paths, service
    finally:
        service.close()
        if folder:
            shutil.rmtree(folder, ignore_errors=True)
