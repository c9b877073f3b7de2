"""Training of a torch module of one's own: the engine runs in this process and asks it for gradients."""
from __future__ import annotations

import contextlib
import ctypes
import hashlib
import importlib
import json
import logging
import os
import pathlib
import random
import re
import shutil
import signal
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_int, c_size_t, c_uint64, c_void_p
from typing import Any, Union

from . import _child, _library
from ._learner import CTable, Learner, Sink, Text, Write
from .errors import InputError, RunError, UsageError
from .run_directory import RunDirectory

NAME = "libdetoxml_engine.so"
_INTERRUPTED = 130
_DIGESTED_SAMPLES = 64
_OPTION = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_STEP = re.compile(r"step (\d+)/(\d+) ")

Progress = Union[None, bool, Callable[[dict[str, Any]], object]]

_Tell = CFUNCTYPE(None, c_void_p, c_void_p, c_size_t)
_OnEnd = CFUNCTYPE(None, c_void_p, Text, c_void_p, c_void_p, c_void_p)


class _CTraining(ctypes.Structure):
    """detox_training (src/embed/engine.h)."""

    _fields_ = [("size", c_size_t), ("learner", POINTER(CTable)), ("network", Text), ("data", Text), ("data_digest", Text),
                ("samples", c_uint64), ("test_samples", c_uint64), ("options", POINTER(c_char_p)), ("options_count", c_size_t),
                ("context", c_void_p), ("tell", _Tell), ("on_step", _Tell), ("on_end", _OnEnd)]


_engine: ctypes.CDLL | None = None
_turn = threading.Lock()


def _opened() -> ctypes.CDLL:
    """The engine's library, which lies where the rules' does, opened when it is first needed."""
    global _engine
    if _engine is not None:
        return _engine
    rules = _library.lib._name
    beside = [pathlib.Path(rules).parent / name for name in (NAME, f"{NAME}.0")] if "/" in rules else []
    where = next((str(path) for path in beside if path.is_file()), f"{NAME}.0")
    version = _library.text(_library.lib.detox_version())
    try:
        engine = ctypes.CDLL(where)
        engine.detox_engine_version.restype, engine.detox_engine_version.argtypes = c_char_p, ()
        engine.detox_train.restype, engine.detox_train.argtypes = c_int, (POINTER(_CTraining), Sink)
        engine.detox_stop_training.restype, engine.detox_stop_training.argtypes = None, ()
    except (OSError, AttributeError) as error:
        raise InputError(f"cannot open {where}: {error}; valid: a wheel with the engine inside, or {NAME} beside "
                         f"{_library.NAME}") from None
    if _library.text(engine.detox_engine_version()) != version:
        raise InputError(f"{where} is of version {_library.text(engine.detox_engine_version())}, {_library.NAME} of {version}; "
                         "valid: both of one")
    _engine = engine
    return engine


def _blas_threads() -> list[tuple[Any, int]]:
    """How to set the threads of each OpenBLAS in this process, which torch does not, and how many it has."""
    paths: set[str] = set()
    with contextlib.suppress(OSError), open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        paths = {line.split(maxsplit=5)[5].rstrip("\n") for line in maps if "openblas" in line}
    found = []
    for path in sorted(paths):
        with contextlib.suppress(OSError, AttributeError):  # what only lies in a folder of that name
            library = ctypes.CDLL(path)
            found.append((library.openblas_set_num_threads, library.openblas_get_num_threads()))
    return found


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Before anything of torch's is set: a second training would set it for the first one, too."""
    if not _turn.acquire(blocking=False):
        raise UsageError("another training goes on in this process; valid: one after the other")
    try:
        yield
    finally:
        _turn.release()


@contextlib.contextmanager
def _settled(torch: Any, model: Any) -> Iterator[None]:
    """One thread and deterministic algorithms for as long as it takes; then all as it was, the draws of others included."""
    numpy = sys.modules.get("numpy")
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    warns = torch.is_deterministic_algorithms_warn_only_enabled()
    states = torch.get_rng_state(), random.getstate(), numpy.random.get_state() if numpy is not None else None
    modes = [(module, module.training) for module in model.modules()]
    blas = _blas_threads()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    for set_threads, _ in blas:
        set_threads(1)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(strict, warn_only=warns)
        torch.set_num_threads(threads)
        for set_threads, count in blas:
            set_threads(count)
        torch.set_rng_state(states[0])
        random.setstate(states[1])
        if numpy is not None:
            numpy.random.set_state(states[2])
        for module, mode in modes:
            module.training = mode


@contextlib.contextmanager
def _stopped_by_ctrl_c(engine: ctypes.CDLL) -> Iterator[None]:
    """The first one is a wish to end after the step, the second one ends at once."""
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return

    def stop(number: int, frame: Any) -> None:
        engine.detox_stop_training()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextlib.contextmanager
def _heard(learner: Learner, engine: ctypes.CDLL) -> Iterator[None]:
    """A signal's handler can raise where a callback has begun and is not within its try yet: ctypes tells nobody but this
    hook."""
    before, thread = sys.unraisablehook, threading.get_ident()

    def hear(lost: Any) -> None:
        if threading.get_ident() != thread or "ctypes callback" not in (lost.err_msg or ""):
            before(lost)
            return
        learner.fail(lost.exc_value or lost.exc_type())
        engine.detox_stop_training()

    sys.unraisablehook = hear
    try:
        yield
    finally:
        sys.unraisablehook = before


def _word(name: str, value: Any) -> str:
    """An option as the engine reads it."""
    if isinstance(value, bool):
        text = "on" if value else "off"
    elif isinstance(value, (list, tuple)):
        text = ",".join(str(one) for one in value)
    else:
        text = os.fspath(value) if isinstance(value, os.PathLike) else str(value)
    return f"{name.replace('_', '-')}={text}"


def _words(options: dict[str, Any]) -> list[bytes]:
    words = []
    for name, value in options.items():
        if _OPTION.fullmatch(name) is None:
            raise UsageError(f"{name!r:.60} is no option; valid: those of detoxml train, with _ for -")
        if value is None:
            continue
        several = value if name == "config" and isinstance(value, (list, tuple)) else [value]
        # What is no text stays none, and is refused: of a path something else would be another path.
        words += [_library.encoded(_word(name, one), f"option {name}", "surrogatepass") for one in several]
    return words


def _has_bytes(value: Any) -> bool:
    """Whether it has an array's values, and none that are addresses of others."""
    interface = getattr(value, "__array_interface__", None)
    return isinstance(interface, dict) and {"typestr", "shape"} <= set(interface) and hasattr(value, "tobytes") and \
        "O" not in str(interface.get("descr", "")) + interface["typestr"]


def _add_bytes(found: Any, value: Any, torch: Any) -> None:
    """What a sample is, whatever it consists of."""
    if torch.is_tensor(value):
        found.update(f"{value.dtype}{tuple(value.shape)}".encode())
        if value.layout is torch.strided:
            held = value.detach().cpu().contiguous()
            found.update(ctypes.string_at(held.data_ptr(), held.numel() * held.element_size()) if value.numel() else b"")
    elif isinstance(value, (tuple, list)):
        found.update(b"(")
        for one in value:
            _add_bytes(found, one, torch)
    elif isinstance(value, dict):
        found.update(b"{")
        for key, one in value.items():
            found.update(repr(key).encode())
            _add_bytes(found, one, torch)
    elif isinstance(value, (str, bytes, int, float, complex, type(None))):
        found.update(repr(value).encode())
    elif _has_bytes(value):  # of NumPy, and pictures
        interface = value.__array_interface__
        found.update(f"{interface['typestr']}{tuple(interface['shape'])}".encode() + value.tobytes())
    else:
        found.update(type(value).__name__.encode())  # they count by their number


def _digest_of(learner: Learner, data: Any) -> str:
    """Of the number of samples, and of some of them."""
    found = hashlib.sha256(f"{learner.samples}\n".encode())
    step = max(1, learner.samples // _DIGESTED_SAMPLES)
    for place in range(0, learner.samples, step):
        learner.seed(place)
        _add_bytes(found, data[place], learner.torch)
    return found.hexdigest()


def _check(torch: Any, model: Any, data: Any, loss: Any) -> None:
    if not isinstance(model, torch.nn.Module):
        raise UsageError(f"model is {type(model).__name__:.60}; valid: a torch.nn.Module")
    if not callable(loss):
        raise UsageError(f"loss is {type(loss).__name__:.60}; valid: a function of outputs and targets, or of model and batch")
    for what, one in (("data", data[0]), ("test_data", data[1])):
        if what == "test_data" and one is None:
            continue
        if not (hasattr(one, "__getitem__") and hasattr(one, "__len__")):
            raise UsageError(f"{what} is {type(one).__name__:.60}; valid: a map-style dataset, with len(data) and data[i]")
        if len(one) == 0:
            raise UsageError(f"{what} holds no sample; valid: one or more")


class _TerminalBar:
    """Lines on standard error, those of steps in one place."""

    _CELLS, _OFTEN = 20, 0.1

    def __init__(self) -> None:
        self._is_open, self._when = False, 0.0

    def __call__(self, text: str) -> None:
        at = _STEP.match(text)
        begin, end = "\r\x1b[K" if self._is_open else "", "\n"
        if at is not None:
            step, last = int(at[1]), int(at[2])
            if step < last:
                if time.monotonic() - self._when < self._OFTEN:
                    return
                end = ""
            self._when = time.monotonic()
            done = self._CELLS * step // last
            text = f"[{'#' * done}{'.' * (self._CELLS - done)}] {text}"[: shutil.get_terminal_size().columns - 1]
        sys.stderr.write(begin + text + end)
        sys.stderr.flush()
        self._is_open = not end

    def end(self) -> None:
        """What comes next, as a traceback, begins in a line of its own."""
        if self._is_open:
            sys.stderr.write("\n")


def _in_notebook() -> Callable[[str], None]:
    bar = _child.NotebookBar()
    return lambda text: bar(b"", types.SimpleNamespace(open_line=text))  # type: ignore[arg-type]


def _as_text(text: str) -> None:
    print(text, file=sys.stderr)


def _to_logger(text: str) -> None:
    level = logging.WARNING if text.startswith("warning: ") else logging.INFO
    logging.getLogger("detoxml").log(level, "%s", text.removeprefix("warning: "))


def _shower(progress: Progress) -> tuple[Callable[[str], None], bool]:
    """Where lines go, and whether those of all steps are wanted."""
    if progress is None or progress is True:
        if _child.in_notebook():
            return _in_notebook(), True
        if _child.on_a_terminal():
            return _TerminalBar(), True
        if progress:
            return _as_text, False
    return _to_logger, False


class _Course:
    """What the engine says while it runs."""

    def __init__(self, learner: Learner, progress: Progress, engine: ctypes.CDLL) -> None:
        self.learner, self.progress, self.engine = learner, progress, engine
        self.show, self.wants_all_steps = _shower(progress)
        self.lines: list[str] = []
        self.train_dir: str | None = None

    def guarded(self, work: Callable[..., None]) -> Callable[..., None]:
        """What it raises ends the run behind its step."""

        def call(*arguments: Any) -> None:
            try:
                work(*arguments)
            except BaseException as error:
                self.learner.fail(error)
                self.engine.detox_stop_training()

        return call

    def tell(self, _context: int, line: int, size: int) -> None:
        text = ctypes.string_at(line, size).decode("utf-8", "replace")
        at = _STEP.match(text)
        if at is None or at[1] == at[2] or not self.wants_all_steps:
            self.lines.append(text)
        self.show(text)

    def on_step(self, _context: int, line: int, size: int) -> None:
        said = json.loads(ctypes.string_at(line, size))
        for name in ("loss", "accuracy"):  # "nan" and "inf" are words in JSON
            said[name] = None if said[name] is None else float(said[name])
        self.progress(said)  # type: ignore[operator, misc]

    def on_end(self, _context: int, train_dir: Text, parameters: int, statistics: int, counters: int) -> None:
        self.learner.take(parameters, statistics, counters)
        self.train_dir = bytes(train_dir).decode("utf-8", "surrogateescape")


def train_model(model: Any, data: Any, loss: Callable[..., Any], *, test_data: Any = None,
                collate: Callable[..., Any] | None = None, data_digest: str | None = None, progress: Progress = None,
                **options: Any) -> RunDirectory:
    """Train a torch module with simulated workers of whom some may lie, as ``detoxml train`` does its own networks.

    Everything runs on the calling thread: slices are computed one after the other, each once for all its honest workers.

    Parameters
    ----------
    model : torch.nn.Module
        Of float32 parameters on the CPU. Training begins with the weights that it has and leaves in it those of the last step.
        Parameters without ``requires_grad`` stay as they are.
    data : map-style dataset
        ``len(data)`` samples ``data[i]`` of any kind, with labels or without.
    loss : callable
        ``loss(outputs, targets)`` for batches of two, inputs and targets, where ``outputs = model(inputs)``. For other batches,
        or where the first parameter is called ``model``: ``loss(model, batch)``. A tensor of one number, the mean over the
        batch.
    test_data : map-style dataset, optional
        Scored at the end, which a line tells.
    collate : callable, optional
        A list of samples to a batch; else torch's ``default_collate``.
    data_digest : str, optional
        What tells these data from others; else a SHA-256 of their number and of some 64 samples.
    progress : bool or callable, optional
        None: on a terminal and in a notebook; True: everywhere. A callable gets the line of ``metrics.jsonl`` of each step as
        a dict. What is not shown goes to the logger ``detoxml``.
    **options
        Those of ``detoxml train``, with ``_`` for ``-``: ``workers=15, worker_fail=2, max_steps=200, train_dir="run"``.

    Returns
    -------
    RunDirectory
        With what the engine said as `output`.

    Raises
    ------
    UsageError
        Options, a model or data that cannot be; gradients that are others when they are computed again.
    InputError
        The directory, the engine's library or torch.
    RunError
        The run could not be defended, or diverged.
    KeyboardInterrupt
        After Ctrl-C, when the step is done and a checkpoint written: ``resume="auto"`` goes on. A second one ends at once.
    Exception
        What the model, the data or the loss raise ends the run and comes out as it is; the model then has the weights with
        which it came, and those of the last step where `progress` or the scoring of `test_data` raised.

    Notes
    -----
    The module computes in training mode. Before each slice the generators of torch, ``random`` and NumPy are seeded by step and
    slice, so that dropout and augmentation are the same for all its workers. DETOX: https://arxiv.org/abs/1907.12205
    """
    try:
        torch = importlib.import_module("torch")
    except ImportError:
        raise InputError("a model of your own needs torch, which is not here; valid: a Python with torch") from None
    _check(torch, model, (data, test_data), loss)
    if collate is None:
        collate = importlib.import_module("torch.utils.data").default_collate
    engine = _opened()
    if "log_interval" not in options and _shower(progress)[1]:
        options["log_interval"] = 1
    words = _words(options)
    with _alone(), _settled(torch, model):
        learner = Learner(model, data, loss, test_data, collate)
        course = _Course(learner, progress, engine)
        done = False
        try:
            digest = _digest_of(learner, data) if data_digest is None else str(data_digest)
            with _heard(learner, engine), _stopped_by_ctrl_c(engine):
                code, line = _run(engine, learner, course, test_data, digest, words)
            done = course.train_dir is not None
        finally:
            learner.end()
            if not done:
                learner.put_back()
            if isinstance(course.show, _TerminalBar):
                course.show.end()
    if learner.thrown is not None:
        raise learner.thrown
    if code == _INTERRUPTED:
        raise KeyboardInterrupt(f'stopped behind its step; resume="auto" goes on in {course.train_dir}')
    if code in (1, 2):
        raise (InputError if code == 1 else UsageError)(line)
    if code != 0:
        raise RunError(line, code)
    assert course.train_dir is not None
    run = RunDirectory(course.train_dir)
    run.output = "".join(f"{line}\n" for line in course.lines)
    return run


def _run(engine: ctypes.CDLL, learner: Learner, course: _Course, test_data: Any, digest: str,
         words: list[bytes]) -> tuple[int, str]:
    """The engine's exit code and what it says of it."""
    said: list[bytes] = []
    sink = Sink(None, Write(lambda _to, text, size: said.append(ctypes.string_at(text, size))))
    training = _CTraining(ctypes.sizeof(_CTraining), ctypes.pointer(learner.table))
    training.network = learner.text(f"python:{type(learner.model).__qualname__}")
    training.data = learner.text(f"python:{type(learner.data).__qualname__}")
    training.data_digest = learner.text(digest)
    training.samples, training.test_samples = learner.samples, len(test_data) if test_data is not None else 0
    training.options, training.options_count = (c_char_p * max(1, len(words)))(*words), len(words)
    training.tell = _Tell(course.guarded(course.tell))
    if callable(course.progress):
        training.on_step = _Tell(course.guarded(course.on_step))
    training.on_end = _OnEnd(course.guarded(course.on_end))
    code = engine.detox_train(ctypes.byref(training), sink)
    return code, b"".join(said).decode("utf-8", "replace")
