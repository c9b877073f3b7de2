"""The C library, by ctypes: where it is, and its functions (include/detox/detox.h)."""
from __future__ import annotations

import ctypes
import operator
import os
import pathlib
from ctypes import POINTER, c_char_p, c_double, c_int, c_size_t, c_uint64, c_void_p

from .errors import InputError, UsageError

USAGE = 2
FLOAT32, FLOAT64, BFLOAT16, FLOAT16 = 0, 1, 2, 3
NAME = "libdetoxml.so"


class CReport(ctypes.Structure):
    """detox_report."""

    _fields_ = [("size", c_size_t), ("selected_count", c_size_t), ("score_count", c_size_t), ("weight_count", c_size_t),
                ("rejected_count", c_size_t), ("selected", POINTER(c_size_t)), ("scores", POINTER(c_double)),
                ("weights", POINTER(c_double)), ("rejected", POINTER(c_size_t)), ("reasons", POINTER(c_char_p))]


class CCall(ctypes.Structure):
    """detox_call."""

    _fields_ = [("size", c_size_t), ("type", c_int), ("rows", c_void_p), ("n", c_size_t), ("d", c_size_t), ("step", c_uint64),
                ("out", c_void_p), ("weights", c_void_p), ("report", c_void_p)]


class CAttackCall(ctypes.Structure):
    """detox_attack_call."""

    _fields_ = [("size", c_size_t), ("type", c_int), ("honest", c_void_p), ("h", c_size_t), ("d", c_size_t), ("m", c_size_t),
                ("owned", c_void_p), ("n", c_size_t), ("step", c_uint64), ("defence", c_void_p), ("out", c_void_p)]


CALL_SIZE, REPORT_SIZE, ATTACK_CALL_SIZE = ctypes.sizeof(CCall), ctypes.sizeof(CReport), ctypes.sizeof(CAttackCall)

# Handles are c_void_p, which comes back as an int, or None for NULL.
_FUNCTIONS = {
    "detox_version": (c_char_p,),
    "detox_error": (c_char_p,),
    "detox_rule_count": (c_size_t,),
    "detox_rule_name": (c_char_p, c_size_t),
    "detox_rule_requirement": (c_char_p, c_size_t),
    "detox_rule_paper": (c_char_p, c_size_t),
    "detox_find_rule": (c_size_t, c_char_p),
    "detox_rule_takes_weights": (c_int, c_size_t),
    "detox_rule_draws": (c_int, c_size_t),
    "detox_create": (c_void_p, c_char_p, c_char_p, c_size_t),
    "detox_destroy": (None, c_void_p),
    "detox_describe": (c_char_p, c_void_p),
    "detox_requirement": (c_char_p, c_void_p),
    "detox_unmet": (c_char_p, c_void_p, c_size_t),
    "detox_aggregate": (c_int, c_void_p, POINTER(CCall)),
    "detox_create_pre": (c_void_p, c_char_p, c_size_t, c_uint64, c_size_t),
    "detox_destroy_pre": (None, c_void_p),
    "detox_pre_points": (c_size_t, c_void_p, c_size_t),
    "detox_apply_pre": (c_int, c_void_p, POINTER(CCall)),
    "detox_digest": (c_int, c_void_p, c_size_t, c_char_p),
    "detox_vote": (c_int, c_void_p, c_void_p, c_size_t, POINTER(c_size_t), c_char_p),
    "detox_attack_count": (c_size_t,),
    "detox_attack_name": (c_char_p, c_size_t),
    "detox_attack_summary": (c_char_p, c_size_t),
    "detox_attack_paper": (c_char_p, c_size_t),
    "detox_attack_needs": (c_char_p, c_size_t),
    "detox_attack_unavailable": (c_char_p, c_size_t),
    "detox_attack_parameter": (c_char_p, c_size_t),
    "detox_attack_standard": (c_double, c_size_t),
    "detox_find_attack": (c_size_t, c_char_p),
    "detox_create_attack": (c_void_p, c_char_p, c_char_p, c_size_t),
    "detox_destroy_attack": (None, c_void_p),
    "detox_attack_rows": (c_size_t, c_void_p, c_size_t),
    "detox_apply_attack": (c_int, c_void_p, POINTER(CAttackCall)),
}


def _open_bundled(folder: pathlib.Path) -> ctypes.CDLL:
    """The wheel's own. What it needs is found by name once it is open. A second libcrypto could take the place of the one
    that Python's ssl needs, so the system's comes first there."""
    for path in sorted(folder.glob("*.so.*")):
        is_crypto = path.name.startswith("libcrypto")
        for candidate in (path.name, str(path)) if is_crypto else (str(path),):
            try:
                ctypes.CDLL(candidate)
                break
            except OSError:
                continue
    return ctypes.CDLL(str(folder / NAME))


def _opened() -> ctypes.CDLL:
    bundled = pathlib.Path(__file__).parent / "lib"
    named = os.environ.get("DETOXML_LIBRARY")
    where = str(bundled / NAME) if (bundled / NAME).exists() else named or f"{NAME}.0"
    try:
        library = _open_bundled(bundled) if where == str(bundled / NAME) else ctypes.CDLL(where)
    except OSError as error:
        raise InputError(f"cannot open {where}: {error}; valid: a wheel with the library inside, DETOXML_LIBRARY={NAME} with its "
                         "path, or a library that the system's loader finds") from None
    for name, (result, *arguments) in _FUNCTIONS.items():
        try:
            function = getattr(library, name)
        except AttributeError:
            raise InputError(f"{where} has no {name}; valid: a libdetoxml of this package's version") from None
        function.restype, function.argtypes = result, arguments
    return library


lib = _opened()


def text(raw: bytes | None) -> str:
    return (raw or b"").decode("utf-8", "replace")


def check(code: int) -> None:
    """Raises what a function of the library that returned code would say."""
    if code:
        raise (UsageError if code == USAGE else InputError)(text(lib.detox_error()))


def refuse() -> UsageError:
    """Of a function that returned NULL."""
    return UsageError(text(lib.detox_error()))


def shown(value: object) -> str:
    """The beginning of its repr, in one line; of what has none, its type."""
    try:
        return " ".join(repr(value).split())[:60]
    except Exception:
        return f"of type {type(value).__name__:.60}"


def encoded(value: object, what: str, errors: str = "replace") -> bytes:
    """A text for the library, which ends at a zero."""
    if not isinstance(value, str) or "\0" in value:
        raise UsageError(f"{what} is {shown(value)}; valid: a text without zeros")
    return value.encode("utf-8", errors)


def count(value: object, what: str, most: int = 2**64 - 1) -> int:
    """A whole number that the library can take."""
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except Exception:  # of whatever says that it is one
        number = -1
    if not 0 <= number <= most:
        raise UsageError(f"{what} is {shown(value)}; valid: a whole number, 0 to {most}")
    return number
