"""Functions of the user's own that the program asks for: their names and sources, and how it is answered
(docs/formats/rule-process.md)."""
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
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ._others import imported
from .arrays import MOST_ROWS, Rows, delivered, result_for
from .errors import InputError, UsageError

UNKNOWN = "unknown"
_LONGEST_NAME = 40
_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{_LONGEST_NAME - 1}}}")
_LONGEST_MESSAGE = 1 << 16
_LONGEST_PATH = 107  # of a socket's
_PLAIN = (int, float, str, bytes, bool, type(None))


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


def _is_plain(value: Any) -> bool:
    """Whether its repr is all that there is to it."""
    return all(map(_is_plain, value)) if type(value) is tuple else type(value) in _PLAIN


def source_of(function: Any) -> str:
    """SHA-256 of the function's source, in hexadecimal, or "unknown": without a source, with values from around it, or where
    the file has another function by now. Defaults of its parameters count, what it calls does not."""
    if not isinstance(function, types.FunctionType) or function.__closure__:
        return UNKNOWN
    defaults = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).items()]
    if not all(map(_is_plain, defaults)):
        return UNKNOWN
    try:
        source = inspect.getsource(function)
        compiled = compile("".join(inspect.findsource(function)[0]), "source", "exec", dont_inherit=True)
    except (OSError, TypeError, SyntaxError, ValueError):
        return UNKNOWN
    if not any(_same_code(code, function.__code__) for code in _codes_in(compiled, function.__code__.co_name)):
        return UNKNOWN
    return hashlib.sha256((source + (repr(defaults) if defaults else "")).encode("utf-8", "replace")).hexdigest()


def matrix_of(rows: Rows) -> Any:
    """A copy as an array (n, d) of NumPy."""
    numpy = imported("numpy", "a function of your own")
    if rows.n > MOST_ROWS:  # of which there are no pointers
        raise UsageError(f"there are {rows.n} rows; valid: at most {MOST_ROWS}")
    if rows.dtype.name not in ("float32", "float64", "float16"):
        raise UsageError(f"rows have dtype {rows.dtype.name}; valid for a function over NumPy: float32, float64, "
                         "float16")
    matrix = numpy.empty((rows.n, rows.d), rows.dtype.name)
    for row, pointer in zip(matrix, rows.pointers):
        if rows.d:
            ctypes.memmove(row.ctypes.data, pointer, row.nbytes)
    return matrix


def reduced(rows: Rows, function: Callable[[Any], Any], out: Any) -> Any:
    """What a function makes of a copy of the rows, as an array like them and of a row's shape, or in out."""
    numpy = imported("numpy", "a function of your own")
    matrix = matrix_of(rows)
    with numpy.errstate(over="ignore"):
        values = numpy.ascontiguousarray(function(matrix), matrix.dtype)
    result, view = result_for(rows, rows.shape, out)
    if rows.d:
        ctypes.memmove(view.pointer, values.ctypes.data, values.nbytes)
    return delivered(result)


class OwnFunction:
    """What is common to rules and attacks of the user's own."""

    #: bytes: what a program says first that asks for such a function.
    hello = b""
    _what = "function"

    def __init__(self, function: Callable[..., Any], name: str | None, timeout: float) -> None:
        if not callable(function):
            raise UsageError(f"the {self._what} is {type(function).__name__:.40}; valid: a function")
        name = getattr(function, "__name__", type(function).__name__).strip("<>") if name is None else name
        if not isinstance(name, str) or _NAME.fullmatch(name) is None:
            raise UsageError(f"the {self._what}'s name is {name!r:.60}; valid: letters, digits, dots, dashes, 40 at most")
        if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not 0 < timeout <= 1e9:
            raise UsageError(f"timeout is {timeout!r:.60}; valid: seconds, above 0")
        self.name, self.timeout, self.function = name, float(timeout), function
        self.source = source_of(function)
        self.__doc__ = function.__doc__ or type(self).__doc__

    def described(self) -> dict[str, Any]:
        """What the program has to know of it."""
        return {"name": self.name, "source": self.source, "patience": self.timeout}

    def answer(self, rows: Any, call: dict[str, Any]) -> Any:
        """The vector that a call of the program asks for."""
        raise NotImplementedError

    def vector(self, result: Any, rows: Any) -> Any:
        """What the function returned, as an array; UsageError where it is no vector as long as a row."""
        array = imported("numpy", "a function of your own").asarray(result)
        if array.shape != rows.shape[1:] or array.dtype.kind != "f":
            raise UsageError(f"{self.name} returned {array.dtype} of shape {array.shape}; valid: float32 or float64 of shape "
                             f"{rows.shape[1:]}")
        return array

    @contextlib.contextmanager
    def answering(self, path: str | None = None) -> Iterator[str]:
        """Answers, as long as the block runs, at a socket whose path is given: for commands that you start yourself, as
        ``detoxml aggregate --mode PATH``, and jobs of mpiexec.

        Parameters
        ----------
        path : str, optional
            Where, such as a run's ``config["mode"]``, so that ``detoxml verify`` finds it there again; else a new one.
        """
        if path is None:
            with answering({"own": self}) as (paths, _):
                yield paths["own"]
            return
        place, service = pathlib.Path(path.rsplit("@function:", 1)[0]), Service()
        made: list[pathlib.Path] = []
        try:
            try:
                for folder in reversed(place.parents):
                    if not folder.exists():
                        folder.mkdir(mode=0o700)
                        made.append(folder)
                service.listen(self, str(place))
            except OSError as error:
                raise InputError(f"{place}: {error.strerror or error}; valid: the path of a new socket") from None
            try:
                yield str(place)
            finally:
                place.unlink(missing_ok=True)
        finally:
            service.close()
            for folder in reversed(made):
                with contextlib.suppress(OSError):  # somebody has put something there
                    folder.rmdir()


def in_a_line(error: BaseException) -> dict[str, str]:
    """An answer that says what was raised."""
    said = (str(error).strip().splitlines() or [""])[0]
    return {"error": f"{type(error).__name__}{': ' if said else ''}{said}"[:250]}


class Service:
    """Answers programs that ask for results, each connection by a thread of its own, one call at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._is_closed = False
        #: BaseException | None: the first that a function raised.
        self.failure: BaseException | None = None

    def listen(self, own: OwnFunction, path: str) -> None:
        imported("numpy", "a function of your own")  # here, and not in a run that has begun
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._open.add(listener)
        listener.bind(path)
        listener.listen()
        threading.Thread(target=self._accept, args=(listener, own), daemon=True).start()

    def close(self) -> None:
        self._is_closed = True
        for end in list(self._open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self, listener: socket.socket, own: OwnFunction) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self._open.add(connection)
            if self._is_closed:  # between the two lines above
                connection.close()
                return
            threading.Thread(target=self._answer, args=(connection, own), daemon=True).start()

    def _answer(self, connection: socket.socket, own: OwnFunction) -> None:
        with contextlib.suppress(OSError), connection:
            self.converse(connection, own)
        self._open.discard(connection)

    def converse(self, connection: socket.socket, own: OwnFunction) -> None:
        """Answers at this connection until it closes."""
        uid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1]
        if uid not in (os.getuid(), 0) or connection.recv(_LONGEST_MESSAGE) != own.hello:
            return
        connection.send(json.dumps(own.described()).encode())
        memory: mmap.mmap | None = None
        while True:
            message, files, _, _ = socket.recv_fds(connection, _LONGEST_MESSAGE, 1)
            if not message:
                return
            try:
                call = json.loads(message)
                if files:
                    memory = mmap.mmap(files[0], call["memory"])
                answer = self._computed(own, call, memory)
            except (KeyError, TypeError, ValueError, OverflowError, OSError, RecursionError) as error:
                answer = {"error": f"no call of this protocol: {error}"[:250]}
            finally:
                for file in files:
                    os.close(file)
            connection.send(json.dumps(answer).encode())

    def _computed(self, own: OwnFunction, call: dict[str, Any], memory: Any) -> dict[str, str]:
        import numpy

        n, d = call["n"], call["d"]
        if not (n > 0 and d > 0):
            raise ValueError("there are no rows")
        dtype = {"float32": "f4", "float64": "f8"}[call["type"]]
        values = numpy.frombuffer(memory, dtype, (n + 1) * d).reshape(n + 1, d)
        with self._lock:
            try:
                with numpy.errstate(over="ignore"):
                    values[n] = own.answer(values[:n], call)
            except BaseException as error:  # SystemExit as well: the run is told, and train() raises it
                self.failure = self.failure or error
                return in_a_line(error)
        return {}


def _private_folder() -> str:
    """For sockets: nobody else's, and with a path that is short enough for them."""
    try:
        folder = tempfile.mkdtemp(prefix="detoxml-")
        if len(os.fsencode(folder)) > _LONGEST_PATH - len("/inner_mode/") - _LONGEST_NAME:
            os.rmdir(folder)
            folder = tempfile.mkdtemp(prefix="detoxml-", dir="/tmp")
    except OSError as error:
        raise InputError(f"no folder for a socket: {error.strerror}; valid: TMPDIR, a folder that can be written to") from None
    return folder


@contextlib.contextmanager
def answering(functions: Mapping[str, OwnFunction]) -> Iterator[tuple[dict[str, str], Service]]:
    """The sockets where these answer, by the same keys, as long as the block runs."""
    service, paths = Service(), {}
    folder = _private_folder() if functions else ""
    try:
        for key, own in functions.items():
            place = pathlib.Path(folder, key)
            place.mkdir()
            paths[key] = str(place / own.name)
            service.listen(own, paths[key])
        yield paths, service
    finally:
        service.close()
        if folder:
            shutil.rmtree(folder, ignore_errors=True)
