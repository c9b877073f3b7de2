"""Runs of the program: options in, a run's directory out."""
from __future__ import annotations

import contextlib
import os
import pathlib
import re
import shutil
import signal
from collections.abc import Callable
from typing import Any

from . import _child
from ._own_function import UNKNOWN, OwnFunction, answering
from .errors import InputError, RunError, UsageError
from .own_attack import OwnAttack
from .own_rule import OwnRule
from .run_directory import RunDirectory

_FUNCTIONS: dict[str, Any] = {"mode": OwnRule, "inner_mode": OwnRule, "err_mode": OwnAttack}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_TRAIN_DIR = re.compile(r"""^\s*["']?train[-_]dir["']?\s*=\s*(?:"([^"\\]+)"|'([^']+)')""", re.MULTILINE)
_SAID = re.compile(r"^(?:rank 0: )?detoxml: (.*)$", re.MULTILINE)


def program() -> str:
    """Where the program is: DETOXML_PROGRAM, or detoxml on PATH."""
    named = os.environ.get("DETOXML_PROGRAM")
    found = shutil.which(named or "detoxml")
    if found is None:
        raise InputError(f"{named} of DETOXML_PROGRAM is no program; valid: the path of detoxml" if named else
                         "detoxml is not on PATH; valid: install it (docs/installing.md), or DETOXML_PROGRAM=PATH")
    return found


def _text(value: Any, name: str) -> str:
    if isinstance(value, (bool,)) or type(value).__name__ in ("bool_", "bool"):
        return "on" if value else "off"
    if isinstance(value, (list, tuple)):
        return ",".join(_text(entry, name) for entry in value)
    try:
        text: str = os.fspath(value) if isinstance(value, os.PathLike) else format(value)
    except TypeError:
        text = "\0"
    if "\0" in text:
        raise UsageError(f"{name} is {value!r:.60}; valid: a text, a number, True or False")
    return text


def _words(options: dict[str, Any]) -> list[str]:
    words = []
    for name, value in options.items():
        if _NAME.fullmatch(name) is None:
            raise UsageError(f"{name!r:.60} is no option; valid: names of detoxml train, with _ for -")
        option = "--" + name.replace("_", "-")
        if name == "config" and isinstance(value, (list, tuple)):
            words += [f"{option}={_text(file, name)}" for file in value]
        elif value is not None:
            words.append(f"{option}={_text(value, name)}")
    return words


def _directory_in(files: Any) -> str | None:
    """The train_dir that configuration files give."""
    found = None
    for file in files if isinstance(files, (list, tuple)) else [files]:
        try:
            text = pathlib.Path(file).read_text(encoding="utf-8", errors="replace")
        except (OSError, TypeError, ValueError):
            continue  # the program says what is wrong with it
        for match in _TRAIN_DIR.finditer(text):
            found = match[1] or match[2]
    return found


def _fresh_directory() -> str:
    """output/run-1, or the next number that is free."""
    number = 1
    while True:
        try:
            os.makedirs(f"output/run-{number}")
            return f"output/run-{number}"
        except FileExistsError:
            number += 1
        except OSError as error:
            raise InputError(f"output/run-{number} cannot be made: {error.strerror}; valid: train_dir=DIR") from None


def _take_functions(options: dict[str, Any], rule: Any) -> dict[str, OwnFunction]:
    """The options' functions, which the options then lack."""
    if rule is not None:
        if options.get("mode") is not None:
            raise UsageError("rule and mode are one option; give one of them")
        options["mode"] = rule
    functions = {}
    for name, kind in _FUNCTIONS.items():
        value = options.get(name)
        if isinstance(value, OwnFunction) and not isinstance(value, kind):
            raise UsageError(f"{name} is {value!r:.60}; valid: {'an attack' if kind is OwnAttack else 'a rule'}")
        if callable(value) and not hasattr(value, "info"):  # no Rule, whose options are the run's
            functions[name] = value if isinstance(value, kind) else kind(value)
            del options[name]
        elif value is not None and not isinstance(value, (str, os.PathLike)):
            raise UsageError(f"{name} is {value!r:.60}; valid: a name, a file, or a function")
    return functions


def _goes_on(options: dict[str, Any]) -> bool:
    return options.get("resume") not in (None, False, "none") or options.get("checkpoint_step") is not None


def _choose_directory(options: dict[str, Any]) -> tuple[str, bool]:
    """The run's directory, which is then among the options, and whether it was made here."""
    named = options.get("train_dir") or _directory_in(options.get("config", []))
    if named is not None:
        return os.path.expanduser(_text(named, "train_dir")), False
    if options.get("resume") == "auto" or options.get("checkpoint_step") is not None:
        raise UsageError("which run is to go on? valid: train_dir=DIR")
    options["train_dir"] = _fresh_directory()
    return options["train_dir"], True


def _check_sources(functions: dict[str, OwnFunction], options: dict[str, Any], directory: str, same_function: bool) -> None:
    is_there = options.get("resume") != "auto" or os.path.exists(os.path.join(directory, "config.toml"))
    if same_function or not _goes_on(options) or not is_there:
        return
    for of_user in functions.values():
        if of_user.source == UNKNOWN:
            raise UsageError(f"{of_user.name} has no source that could be compared with the one that the run began with; "
                             "valid: a function of a file without values from around it, or same_function=True where you "
                             "know that it is the same")


def _shower(progress: bool | None) -> tuple[bool, Callable[[bytes, _child.Screen], None]]:
    """Whether the program draws, and where what it says goes."""
    if progress is False:
        return False, _child.quietly
    if _child.in_notebook():
        return True, _child.NotebookBar()
    if _child.on_a_terminal():
        return True, _child.on_terminal
    return False, _child.as_text if progress else _child.quietly


def _raise(code: int, interrupts: int, said: str, run: RunDirectory | None, cause: BaseException | None,
           directory: str) -> None:
    """What a run that did not end well raises."""
    lines = _SAID.findall(said)
    go_on = f"detox.train(resume=\"auto\", train_dir={directory!r})"
    if interrupts:
        is_kept = run is not None and bool(run.checkpoints)
        raise KeyboardInterrupt(f"step {run.checkpoints[-1]} is kept; go on with {go_on}" if run and is_kept else
                                "nothing was kept")
    if code == 0:
        return
    if code == 2:
        raise UsageError("\n".join(lines) or said.strip()[-300:])
    if code == 1:
        raise InputError("\n".join(lines) or said.strip()[-300:]) from cause
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        raise RunError(f"{name} ended the program; go on with {go_on}", 128 - code, run)
    raise RunError("\n".join(lines) or (f"interrupted; go on with {go_on}" if code == 130 else said.strip()[-300:]), code, run)


def _train_here(own: dict[str, Any], functions: dict[str, OwnFunction], options: dict[str, Any], same_function: bool,
                progress: Any) -> RunDirectory:
    """A module of the user's own, in this process."""
    from .engine import train_model  # takes as long to import as all the rest

    directory, is_new = _choose_directory(options)
    try:
        _check_sources(functions, options, directory, same_function)
        with answering(functions) as (paths, service):
            try:
                return train_model(**own, progress=progress, **{**options, **paths})
            except RunError as error:
                with contextlib.suppress(InputError):
                    error.run = RunDirectory(directory)
                raise
            except InputError as error:
                raise error from service.failure
    finally:
        if is_new:
            with contextlib.suppress(OSError):
                os.rmdir(directory)  # where nothing came of it


def train(*, model: Any = None, data: Any = None, loss: Callable[..., Any] | None = None, test_data: Any = None,
          collate: Callable[..., Any] | None = None, data_digest: str | None = None, rule: Any = None,
          processes: int | None = None, hostfile: str | os.PathLike[str] | None = None, progress: Any = None,
          same_function: bool = False, **options: Any) -> RunDirectory:
    """Train a network while some of the workers lie: ``detoxml train`` as a child of this process, or the engine in it.

    Parameters
    ----------
    model, data, loss, test_data, collate, data_digest
        A torch module of your own, any map-style dataset and a loss: they train in this process, without the program, on the
        calling thread (`detoxml.engine.train_model`, which says more).
    rule : str, path or callable, optional
        The robust rule, the option ``mode`` by another name: a rule's name, a file, or a function of (rows, f, step), which the
        run asks for each step's result (`rule` says what it gets). ``inner_mode`` takes a function as well, and ``err_mode``
        one that `attack` describes.
    processes : int, optional
        Train over MPI, with one server and processes - 1 workers, as ``detoxml launch -n`` does; else in one process.
    hostfile : path, optional
        With processes: on which machines; this one has to be the first.
    progress : bool or callable, optional
        Whether to show how far it is; where it is not given, in a terminal and in a notebook. A function, with a model of your
        own, gets the line of ``metrics.jsonl`` of each step as a dict.
    same_function : bool
        Of a run that goes on with a function whose source is not known: that it is the one it began with.
    **options
        Those of ``detoxml train``, with ``_`` for ``-``: ``worker_fail=5``, ``heal=True``. None is as if it were not given.
        ``train_dir`` is ``output/run-N``, the next number that is free.

    Returns
    -------
    RunDirectory
        With what the program said as `output`.

    Raises
    ------
    UsageError
        Options that cannot work, in the program's words.
    InputError
        A file, a process or a machine that is not as it must be; no program. Where a function raised, its exception is the
        cause.
    RunError
        A run that ended before its last step.
    KeyboardInterrupt
        After Ctrl-C, once the run has ended behind its step and left a checkpoint; a second Ctrl-C ends it at once.

    Notes
    -----
    The program is ``detoxml`` on PATH, or what DETOXML_PROGRAM says. It ends with this process, whatever ends that.
    """
    options = {name.replace("-", "_"): value for name, value in options.items() if value is not None}
    if options.get("resume") is True:
        options["resume"] = "auto"
    functions = _take_functions(options, rule)
    own = {"model": model, "data": data, "loss": loss, "test_data": test_data, "collate": collate, "data_digest": data_digest}
    if model is not None:
        if processes is not None or hostfile is not None:
            raise UsageError("a model of your own trains in this process; valid: without processes and hostfile")
        return _train_here(own, functions, options, same_function, progress)
    given = [name for name, value in own.items() if value is not None]
    if given:
        raise UsageError(f"{', '.join(given)} without a model; valid: model=MODULE, or network=NAME for one of the program's")
    if callable(progress):
        raise UsageError("progress is a function; valid with the program's networks: True, False")
    command = [program()]
    if processes is not None:
        command += ["launch", "-n", _text(processes, "processes")]
        if hostfile is not None:
            command += ["--hostfile", _text(hostfile, "hostfile")]
        command.append("--")
    elif hostfile is not None:
        raise UsageError("hostfile is of runs over MPI; valid: with processes=N")
    draws, show = _shower(progress)
    directory, is_new = _choose_directory(options)
    try:
        _check_sources(functions, options, directory, same_function)
        with answering(functions) as (paths, service):
            child = _child.Child([*command, "train", *_words({**options, **paths})], draws, show)
            code, interrupts = child.wait()
    finally:
        if is_new:
            with contextlib.suppress(OSError):
                os.rmdir(directory)  # where nothing came of it
    said, run = child.screen.text, None
    with contextlib.suppress(InputError):
        run = RunDirectory(directory)
        run.output = said
    _raise(code, interrupts, said, run, service.failure, directory)
    if run is None:
        raise InputError(f"the program has ended well and left no run in {directory}")
    return run
