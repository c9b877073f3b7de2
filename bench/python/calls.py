#!/usr/bin/python3
"""What a call from Python costs beside the C function that it calls, in microseconds of processor time: the least of 20 times 1,000 calls.

    PYTHONPATH=python DETOXML_LIBRARY=build/core/src/library/libdetoxml.so bench/python/calls.py

Rows (15, 10), over which the mean takes less than a microsecond. A row more: a list of 45 instead, by 30, over the same of the C function.
"""
import array
import ctypes
import time
import timeit

import detoxml as detox
import numpy
import torch
from detoxml import _library


def microseconds(call):
    return min(timeit.repeat(call, number=1000, repeat=20, timer=time.process_time)) * 1e3


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
    rows, more = numpy.ones((15, 10), "float32"), numpy.ones((45, 10), "float32")
    rule = detox.Rule("mean")
    base = of_c(rows)
    a_row = (of_c(more) - base) / 30
    print(f"{'C function':32} {base:6.1f}{'':8}a row more {a_row:5.2f}")
    for name, make in [("NumPy array", lambda x: x), ("torch tensor", torch.tensor), ("bfloat16 tensor", lambda x: torch.tensor(x).bfloat16()),
                       ("15 NumPy arrays", list), ("15 torch tensors", lambda x: list(torch.tensor(x))),
                       ("15 array.arrays", lambda x: [array.array("f", row) for row in x])]:
        given, longer = make(rows), make(more)
        took = microseconds(lambda given=given: rule(given))
        print(f"{'Rule, ' + name:32} {took:6.1f}{'':8}a row more {(microseconds(lambda longer=longer: rule(longer)) - took) / 30 - a_row:5.2f}")
    print(f"{'aggregate, NumPy array':32} {microseconds(lambda: detox.aggregate(rows, 'mean')):6.1f}")
    print(f"{'Rule, NumPy array, a report':32} {microseconds(lambda: rule(rows, report=True)):6.1f}")


if __name__ == "__main__":
    main()
