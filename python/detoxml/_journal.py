"""Files of a run's directory, which may be somebody else's: what is not as docs/formats/run-directory.md has it is an
InputError that opens with the file and the line."""
from __future__ import annotations

import json
import os
import pathlib
import re
import stat
from collections.abc import Callable, Iterator
from typing import IO, Any

from .errors import InputError

LONGEST_LINE = 1 << 26
LARGEST_CONFIG = 1 << 20
_LARGEST = 2**63 - 1
_SETTING = re.compile(r'([A-Za-z0-9_-]+)[ \t]*=[ \t]*"((?:[^"\\]|\\["\\]|\\u[0-9A-Fa-f]{4})*)"[ \t]*(?:#.*)?')
_ESCAPED = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))")


def opened(path: pathlib.Path) -> IO[bytes]:
    """A regular file for reading; nothing else, which could be endless or keep its reader waiting."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except ValueError:
        raise InputError(f"{path!s:.200}: no path") from None
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise InputError(f"{path}: not a regular file")
    return open(number, "rb")


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON")


def parsed(text: bytes, where: str) -> dict[str, Any]:
    """A JSON object."""
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not JSON: {str(error).splitlines()[0]:.100}") from None
    if not isinstance(value, dict):
        raise InputError(f"{where}: {type(value).__name__}; valid: an object")
    return value


def lines_of(path: pathlib.Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """"FILE:LINE" and the object of each whole line. A run that goes on may be writing another; a file that is not there has
    none."""
    if not os.path.exists(path):
        return
    with opened(path) as file:
        number = 0
        while True:
            line = file.readline(LONGEST_LINE)
            if not line.endswith(b"\n"):
                if len(line) == LONGEST_LINE:
                    raise InputError(f"{path}:{number + 1}: a line of more than {LONGEST_LINE} bytes")
                return
            number += 1
            yield f"{path}:{number}", parsed(line, f"{path}:{number}")


def whole(line: dict[str, Any], name: str, where: str, default: int | None = None) -> int:
    """A whole number, at least 0."""
    value = line.get(name, default)
    if type(value) is not int or not 0 <= value <= _LARGEST:
        raise InputError(f"{where}: {name} is {_shown(value)}; valid: a whole number")
    return value


def flag(line: dict[str, Any], name: str, where: str, default: bool | None = None) -> bool:
    value = line.get(name, default)
    if not isinstance(value, bool):
        raise InputError(f"{where}: {name} is {_shown(value)}; valid: true, false")
    return value


def text(line: dict[str, Any], name: str, where: str, default: str | None = None) -> str:
    value = line.get(name, default)
    if not isinstance(value, str):
        raise InputError(f"{where}: {name} is {_shown(value)}; valid: a text")
    return value


def number(line: dict[str, Any], name: str, where: str) -> float:
    """A number; what is not finite is a word, and what is null is NaN."""
    value = line.get(name)
    if value is None or value in ("nan", "inf", "-inf"):
        return float(value or "nan")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            pass
    raise InputError(f"{where}: {name} is {_shown(value)}; valid: a number, null, \"nan\", \"inf\", \"-inf\"")


def numbers(line: dict[str, Any], name: str, where: str) -> tuple[int, ...]:
    """A list of whole numbers; none where there is no list."""
    value = line.get(name, [])
    if not isinstance(value, list) or not all(type(entry) is int and 0 <= entry <= _LARGEST for entry in value):
        raise InputError(f"{where}: {name} is {_shown(value)}; valid: a list of whole numbers")
    return tuple(value)


def objects(line: dict[str, Any], name: str, where: str) -> list[dict[str, Any]]:
    value = line.get(name)
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise InputError(f"{where}: {name} is {_shown(value)}; valid: a list of objects")
    return value


def _shown(value: object) -> str:
    """What a file says, short and on one line."""
    if value is None:
        return "not there"
    if isinstance(value, (list, dict)) or isinstance(value, int) and abs(value) > 10**20:
        return f"a {type(value).__name__}" if not isinstance(value, int) else "a long number"
    return ascii(value)[:60]


class Back:
    """Where a run went back: after step `to` the steps are taken again, as this attempt."""

    def __init__(self, line: dict[str, Any], where: str) -> None:
        self.attempt, self.to = whole(line, "attempt", where), whole(line, "step", where)


def standing(path: pathlib.Path, make: Callable[[dict[str, Any], str, int], Any]) -> tuple[list[Any], list[Back]]:
    """What make(line, where, step) gives for the steps that stand, and where the run went back (--heal)."""
    steps: list[int] = []
    made: list[Any] = []
    backs: list[Back] = []
    for where, line in lines_of(path):
        step = whole(line, "step", where)
        if "back_from" in line:
            backs.append(Back(line, where))
            while steps and steps[-1] > step:
                steps.pop()
                made.pop()
            continue
        if steps and step <= steps[-1]:
            raise InputError(f"{where}: step {step} behind step {steps[-1]}")
        made.append(make(line, where, step))
        steps.append(step)
    return made, backs


def _value(text: str) -> Any:
    """As it would be given to train(): "on" and "off" as flags are, and a number where it is written back as it was."""
    if text in ("on", "off"):
        return text == "on"
    for kind in (int, float):
        try:
            if str(kind(text)) == text:
                return kind(text)
        except ValueError:
            continue
    return text


def settings(path: pathlib.Path) -> dict[str, Any]:
    """config.toml: a line NAME = "VALUE" for each option."""
    with opened(path) as file:
        raw = file.read(LARGEST_CONFIG + 1)
    if len(raw) > LARGEST_CONFIG:
        raise InputError(f"{path}: more than {LARGEST_CONFIG} bytes are no configuration")
    found: dict[str, Any] = {}
    for at, line in enumerate(raw.decode("utf-8", "replace").split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        setting = _SETTING.fullmatch(line.strip())
        if setting is None:
            raise InputError(f"{path}:{at}: {_shown(line)}; valid: NAME = \"VALUE\"")
        name = setting[1].replace("-", "_")
        if name in found:
            raise InputError(f"{path}:{at}: {name} is given twice")
        found[name] = _value(_ESCAPED.sub(lambda part: chr(int(part[1], 16)) if part[1] else part[2], setting[2]))
    return found
