"""safetensors (docs/formats/checkpoint.md), read without that package and without executing anything."""
from __future__ import annotations

import pathlib
import sys
from typing import IO, Any, NamedTuple

from . import _journal
from ._others import imported
from ._torch_files import DTYPES, SIZES
from .errors import InputError, UsageError

_LARGEST_HEADER = 100_000_000
_NUMPY = {"BOOL": "?", "U8": "u1", "I8": "i1", "I16": "<i2", "F16": "<f2", "I32": "<i4", "F32": "<f4", "I64": "<i8",
          "F64": "<f8"}
_TORCH = {code: name for name, (code, _) in DTYPES.items()}


class Place(NamedTuple):
    """Where a tensor lies in the file."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    size: int


def _place(name: str, entry: Any, start: int, room: int, where: str) -> Place:
    where = f"{where}: {ascii(name)[:80]}"
    if not isinstance(entry, dict):
        raise InputError(f"{where} is no tensor")
    dtype, offsets = _journal.text(entry, "dtype", where), _journal.numbers(entry, "data_offsets", where)
    shape = _journal.numbers(entry, "shape", where)
    if dtype not in SIZES:
        raise InputError(f"{where} has dtype {dtype!a:.20}; valid: {', '.join(SIZES)}")
    size = SIZES[dtype]
    for length in shape[:64]:
        size *= length
    if len(shape) > 64 or len(offsets) != 2 or not 0 <= offsets[0] <= offsets[1] <= room or offsets[1] - offsets[0] != size:
        raise InputError(f"{where} of shape {str(shape)[:60]} lies at {str(offsets)[:60]} of {room} bytes")
    if any(0xD800 <= ord(letter) < 0xE000 for letter in name):
        raise InputError(f"{where}: a name that is no text")
    return Place(dtype, shape, start + offsets[0], size)


def _header(file: IO[bytes], where: str) -> tuple[dict[str, Any], int, int]:
    """The header, where values begin, and how many bytes of them there are."""
    whole = file.seek(0, 2)
    file.seek(0)
    size = int.from_bytes(file.read(8), "little")
    if whole < 8 or size > min(whole - 8, _LARGEST_HEADER):
        raise InputError(f"{where}: no safetensors; valid: a whole file of them")
    return _journal.parsed(file.read(size), where), 8 + size, whole - 8 - size


def places(file: IO[bytes], where: str) -> dict[str, Place]:
    """Where each tensor lies, checked: inside the file, as long as its shape says, and all together no more than there is."""
    header, start, room = _header(file, where)
    header.pop("__metadata__", None)
    found = {name: _place(name, entry, start, room, where) for name, entry in header.items()}
    if sum(place.size for place in found.values()) > room:
        raise InputError(f"{where}: tensors overlap")
    return found


def _read(file: IO[bytes], at: int, size: int, where: str) -> bytearray:
    values = bytearray(size)
    file.seek(at)
    if file.readinto(values) != size:  # type: ignore[attr-defined]
        raise InputError(f"{where}: it ends too early")
    return values


def _library(name: str | None) -> Any:
    name = name or ("torch" if "torch" in sys.modules else "numpy")
    if name not in ("torch", "numpy"):
        raise UsageError(f"library is {name!r:.60}; valid: numpy, torch")
    return imported(name, f"library={name!r}")


def read_tensors(path: pathlib.Path, library: str | None) -> dict[str, Any]:
    """All tensors by name, with memory of their own."""
    package = _library(library)
    make = _torch_tensor if package.__name__ == "torch" else _numpy_array
    where, made = str(path), {}
    with _journal.opened(path) as file:
        for name, place in places(file, where).items():
            if make is _numpy_array and place.dtype not in _NUMPY:
                raise UsageError(f"{where}: {ascii(name)[:80]} is {place.dtype}, which NumPy has not; valid: "
                                 "library='torch'")
            try:
                made[name] = make(package, _read(file, place.begin, place.size, where), place)
            except (ValueError, RuntimeError, OverflowError):  # no values, and lengths that no library takes
                raise InputError(f"{where}: {ascii(name)[:80]} of shape {str(place.shape)[:60]} cannot be") from None
    return made


def _numpy_array(numpy: Any, values: bytearray, place: Place) -> Any:
    if not values:
        return numpy.empty(place.shape, _NUMPY[place.dtype])
    return numpy.frombuffer(values, _NUMPY[place.dtype]).reshape(place.shape)


def _torch_tensor(torch: Any, values: bytearray, place: Place) -> Any:
    dtype = getattr(torch, _TORCH[place.dtype])
    if not values:
        return torch.empty(place.shape, dtype=dtype)
    return torch.frombuffer(values, dtype=dtype).reshape(place.shape)
