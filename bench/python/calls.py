#!/usr/bin/python3
"""What a call from Python costs beside the C function that it calls, in microseconds: the least of 20 times 1,000 calls.

    PYTHONPATH=python DETOXML_LIBRARY=build/core/src/library/libdetoxml.so bench/python/calls.py

Rows (15, 10), over which the mean takes less than a microsecond.
"""
import array
import ctypes
import timeit

import detoxml as detox
import numpy
import torch
from detoxml import _library


def microseconds(call):
    return min(timeit.repeat(call, number=1000, repeat=20)) * 1e3


def of_c(rows):
    """The call alone, with all that Python prepares made once."""
    made = _library.lib.detox_create(b"mean", b"", 1)
    out = numpy.empty(rows.shape[1], rows.dtype)
    pointers = (ctypes.c_void_p * len(rows))(*[row.ctypes.data for row in rows])
    call = _library.CCall(_library.CALL_SIZE, _library.FLOAT32, ctypes.addressof(pointers), *rows.shape, 0, out.ctypes.data, None, None)
    reference = ctypes.byref(call)
    assert _library.lib.detox_aggregate(made, reference) == 0 and (out == 1).all()
    return microseconds(lambda: _library.lib.detox_aggregate(made, reference))


def main():
    rows = numpy.ones((15, 10), "float32")
    rule = detox.Rule("mean")
    base = of_c(rows)
    print(f"{'C function':32} {base:6.1f}")
    for name, given in [("NumPy array", rows), ("torch tensor", torch.tensor(rows)), ("15 NumPy arrays", list(rows)),
                        ("15 torch tensors", list(torch.tensor(rows))), ("15 array.arrays", [array.array("f", row) for row in rows])]:
        print(f"{'Rule, ' + name:32} {microseconds(lambda given=given: rule(given)):6.1f}")
    print(f"{'aggregate, NumPy array':32} {microseconds(lambda: detox.aggregate(rows, 'mean')):6.1f}")
    print(f"{'Rule, NumPy array, a report':32} {microseconds(lambda: rule(rows, report=True)):6.1f}")


if __name__ == "__main__":
    main()
