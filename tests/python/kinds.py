"""Every kind of array that rows can be, of the same values."""
import array

import numpy
import torch


class OnlyDlpack:
    """An array of a library that has nothing but DLPack."""

    def __init__(self, values):
        self.values = values

    def __dlpack__(self, **options):
        return self.values.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.values.__dlpack_device__()


class OfAnArrayLibrary(OnlyDlpack):
    """An array of a library that takes DLPack as well: the array API's."""

    def __array_namespace__(self, **options):
        return Library


class Library:
    """That library."""

    @staticmethod
    def from_dlpack(x, **options):
        return OfAnArrayLibrary(torch.from_dlpack(x))


def row_array(row):
    return array.array({"float32": "f", "float64": "d"}[row.dtype.name], row.tobytes())


# Of a NumPy matrix (n, d).
KINDS = {
    "numpy": lambda m: m,
    "numpy with gaps between rows": lambda m: numpy.concatenate([m, m], axis=1)[:, : m.shape[1]],
    "numpy upside down": lambda m: numpy.ascontiguousarray(m[::-1])[::-1],
    "numpy rows": list,
    "numpy of more dimensions": lambda m: m.reshape(m.shape[0], m.shape[1] // 2, 2),
    "torch": torch.tensor,
    "torch parameter": lambda m: torch.nn.Parameter(torch.tensor(m)),
    "torch rows": lambda m: [torch.tensor(row) for row in m],
    "dlpack": OnlyDlpack,
    "dlpack rows": lambda m: tuple(OnlyDlpack(row) for row in m),
    "an array library's": lambda m: OfAnArrayLibrary(torch.tensor(m)),
    "memoryview": memoryview,
    "array.array rows": lambda m: [row_array(row) for row in m],
}


def as_bytes(result):
    """What any kind of result holds."""
    if isinstance(result, OnlyDlpack):
        result = result.values
    if isinstance(result, torch.Tensor):
        result = result.detach()
        result = (result.view(torch.int16) if result.dtype == torch.bfloat16 else result).numpy()
    return numpy.asarray(result).tobytes()
