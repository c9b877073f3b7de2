"""latency.bin, as docs/formats/run-directory.md has it."""
from __future__ import annotations

import os
import pathlib
from typing import Any

from . import _journal
from .errors import InputError

_MAGIC = b"DETOX latency 1\n"
_HEADER = 96
_ROUND = 8
_ATTEMPT_SHIFT = 48
_LEAST, _MOST, _BACK = 2, 4094, 4095
_AT_ONCE = 1 << 22  # codes


def read(path: pathlib.Path, numpy: Any) -> tuple[Any, Any]:
    """The steps that stand, ascending, and the seconds (steps, workers); no file: none."""
    if not os.path.exists(path):
        return numpy.zeros(0, "int64"), numpy.zeros((0, 0), "float32")
    with _journal.opened(path) as file:
        data = file.read()
    workers = int.from_bytes(data[16:20], "little")
    size = _ROUND + 3 * ((workers + 1) // 2)
    if len(data) < _HEADER or data[:16] != _MAGIC or not 0 < workers < 1 << 16 or data[20:32] != size.to_bytes(12, "little"):
        raise InputError(f"{path}: no file of latencies, as a run writes it")
    count = (len(data) - _HEADER) // size
    records = numpy.frombuffer(data, "uint8", count * size, _HEADER).reshape(count, size)
    rounds = numpy.ascontiguousarray(records[:, :_ROUND]).view("<u8").reshape(count)
    step = (rounds & ((1 << _ATTEMPT_SHIFT) - 1)).astype("int64")
    goes_back = _codes(records[:, :_ROUND + 3], numpy)[:, 0] == _BACK
    wrong = (step == 0) & ~goes_back | goes_back & (rounds >> numpy.uint64(_ATTEMPT_SHIFT) == 0)
    wrong[1:] |= rounds[1:] <= rounds[:-1]
    if wrong.any():
        raise InputError(f"{path}: record {int(wrong.argmax()) + 1} does not follow the one before")
    # A record stands where none that follows goes back to before it.
    last = numpy.where(goes_back, step, step - 1)
    least_behind = numpy.minimum.accumulate(last[::-1])[::-1]
    stands = numpy.flatnonzero((step <= numpy.append(least_behind[1:], step[-1:])) & ~goes_back)
    seconds = numpy.empty((len(stands), workers), "float32")
    of_code = numpy.full(4096, numpy.nan, "float32")
    of_code[_LEAST:_MOST + 1] = 1e-6 * 2 ** (numpy.arange(_MOST + 1 - _LEAST) / 112)
    for begin in range(0, len(stands), max(1, _AT_ONCE // workers)):
        part = stands[begin:begin + max(1, _AT_ONCE // workers)]
        codes = _codes(records[part], numpy)
        if (codes == _BACK).any() or codes[:, workers:].any():
            raise InputError(f"{path}: a record of steps {step[part[0]]} to {step[part[-1]]} is not as a run writes it")
        seconds[begin:begin + len(part)] = of_code[codes[:, :workers]]
    return step[stands], seconds


def _codes(records: Any, numpy: Any) -> Any:
    """(records, workers or one more): two codes of 12 bits in 3 bytes."""
    low, middle, high = (records[:, _ROUND + at::3].astype("uint16") for at in range(3))
    return numpy.stack([low | (middle & 15) << 8, middle >> 4 | high << 4], axis=2).reshape(len(records), -1)
