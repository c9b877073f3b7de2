"""Arrays of others as rows: pointers to where their values lie. Nothing is copied, and nothing is imported."""
from __future__ import annotations

import array
import ctypes
import functools
import itertools
import operator
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from . import _library
from .errors import InputError, UsageError

VALID = "valid: an array or tensor of shape (n, ...), or a sequence of n of one shape: NumPy, torch, DLPack, buffers"


class DType(NamedTuple):
    """What the library calls it, bytes of a value, and its name."""

    code: int
    size: int
    name: str


MOST_ROWS = 65535
FLOAT32 = DType(_library.FLOAT32, 4, "float32")
FLOAT64 = DType(_library.FLOAT64, 8, "float64")
BFLOAT16 = DType(_library.BFLOAT16, 2, "bfloat16")
FLOAT16 = DType(_library.FLOAT16, 2, "float16")
_ENDIAN = "<" if sys.byteorder == "little" else ">"
_NUMPY = {f"{_ENDIAN}f4": FLOAT32, f"{_ENDIAN}f8": FLOAT64, f"{_ENDIAN}f2": FLOAT16}
_TORCH = {f"torch.{dtype.name}": dtype for dtype in (FLOAT32, FLOAT64, BFLOAT16, FLOAT16)}
_DLPACK = {(2, 32, 1): FLOAT32, (2, 64, 1): FLOAT64, (2, 16, 1): FLOAT16, (4, 16, 1): BFLOAT16}
_DLPACK_CODE = {dtype: code for code, dtype in _DLPACK.items()}
_TYPECODE: dict[DType, Any] = {FLOAT32: "f", FLOAT64: "d", FLOAT16: "e"}
_BUFFER = {order + code: dtype for dtype, code in _TYPECODE.items() for order in ("", "@", "=", _ENDIAN)}


class Made(NamedTuple):
    """An array for a result, and where its values go. What others are handed is `delivered` of it."""

    array: Any
    pointer: int


class View(NamedTuple):
    """An array of somebody's."""

    pointer: int
    shape: tuple[int, ...]
    strides: tuple[int, ...] | None  # in bytes; None: C-contiguous
    dtype: DType
    kind: str
    make: Callable[[tuple[int, ...]], Made]  # an array like this one, of another shape
    how: str  # how to make it contiguous
    is_writable: bool
    keep: Any  # what has to live as long as the pointer is used


class Rows(NamedTuple):
    """n pointers to d values each, and what they came from."""

    pointers: Any  # c_void_p * n
    n: int
    d: int
    shape: tuple[int, ...]  # of a row
    dtype: DType
    kind: str
    make: Callable[[tuple[int, ...]], Made]
    keep: Any


def _refuse_dtype(dtype: object, what: str) -> UsageError:
    return UsageError(f"{what} has dtype {str(dtype):.40}; valid: float32, float64, bfloat16, float16")


_first_byte = ctypes.c_char.from_buffer  # of a writable contiguous buffer; keeps it there


def _made_by_numpy(shape: tuple[int, ...], dtype: Any) -> Made:
    made = sys.modules["numpy"].empty(shape, dtype)
    try:
        return Made(made, ctypes.addressof(_first_byte(made)))
    except (TypeError, ValueError):  # there is no byte, or no buffer of this dtype
        return Made(made, made.__array_interface__["data"][0])


def _numpy_view(x: Any, what: str) -> View:
    numpy = sys.modules["numpy"]
    if type(x) is not numpy.ndarray and isinstance(x, numpy.ma.MaskedArray):
        raise UsageError(f"{what} is a masked array; valid: one without a mask, such as rows.filled(numpy.nan)")
    interface = x.__array_interface__
    dtype = _NUMPY.get(interface["typestr"])
    like = x.dtype
    if dtype is None and like.name == "bfloat16" and like.itemsize == 2 and like.isnative:  # of ml_dtypes
        dtype = BFLOAT16
    if dtype is None:
        raise _refuse_dtype(like, what)
    pointer, is_read_only = interface["data"]
    return View(pointer, interface["shape"], interface["strides"], dtype, "numpy",
                lambda shape: _made_by_numpy(shape, like), "numpy.ascontiguousarray", not is_read_only, x)


def _made_by_torch(shape: tuple[int, ...], dtype: Any) -> Made:
    made = sys.modules["torch"].empty(shape, dtype=dtype, device="cpu")
    return Made(made, _pointer_of_tensor(made, "the result"))


def _pointer_of_tensor(x: Any, what: str) -> int:
    try:
        pointer = int(x.data_ptr())
    except RuntimeError:
        pointer = 0
    if pointer == 0 and x.numel() > 0:
        raise UsageError(f"{what} is a tensor without memory of its own; valid: a plain one")
    return pointer


def _torch_view(x: Any, what: str) -> View:
    torch = sys.modules["torch"]
    if x.device.type != "cpu":
        raise UsageError(f"{what} is on {x.device}; valid: a tensor of the CPU, such as rows.cpu()")
    if x.layout is not torch.strided or x.is_neg():
        raise UsageError(f"{what} is no plain dense tensor; valid: one, such as rows.to_dense() or rows.resolve_neg()")
    dtype = _TORCH.get(str(x.dtype))
    if dtype is None:
        raise _refuse_dtype(x.dtype, what)
    strides = None if x.is_contiguous() else tuple(stride * dtype.size for stride in x.stride())
    like = x.dtype
    return View(_pointer_of_tensor(x, what), tuple(x.shape), strides, dtype, "torch",
                lambda shape: _made_by_torch(shape, like), "torch.Tensor.contiguous", not x.requires_grad, x)


class _DLTensor(ctypes.Structure):
    """A DLManagedTensor (dmlc/dlpack, include/dlpack/dlpack.h)."""

    _fields_ = [("data", ctypes.c_void_p), ("device", ctypes.c_int32 * 2), ("ndim", ctypes.c_int32), ("code", ctypes.c_uint8),
                ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16), ("shape", ctypes.POINTER(ctypes.c_int64)),
                ("strides", ctypes.POINTER(ctypes.c_int64)), ("byte_offset", ctypes.c_uint64), ("context", ctypes.c_void_p),
                ("deleter", ctypes.c_void_p)]


_api = ctypes.pythonapi
_capsule_pointer, _capsule_is, _new_capsule = _api.PyCapsule_GetPointer, _api.PyCapsule_IsValid, _api.PyCapsule_New
_capsule_pointer.restype, _capsule_pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
_capsule_is.restype, _capsule_is.argtypes = ctypes.c_int, [ctypes.py_object, ctypes.c_char_p]
_new_capsule.restype, _new_capsule.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
_allocate, _free = _api.PyMem_RawMalloc, _api.PyMem_RawFree
_allocate.restype, _allocate.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
_free.restype, _free.argtypes = None, [ctypes.c_void_p]


class _Block:
    """A result for a library that takes DLPack. The DLManagedTensor, its shape and the values are one piece of memory, which
    PyMem_RawFree frees: whoever takes it needs nothing of Python to do so, whenever that is."""

    _ALIGNMENT, _NAME = 64, b"dltensor"

    def __init__(self, shape: tuple[int, ...], dtype: DType, take: Callable[[Any], Any]) -> None:
        header = ctypes.sizeof(_DLTensor) + 8 * len(shape) + self._ALIGNMENT
        base = _allocate(header + _product(shape) * dtype.size)
        if not base:
            raise InputError(f"no memory for a result of shape {shape}")
        #: int: where the values go.
        self.pointer = (base + header) // self._ALIGNMENT * self._ALIGNMENT
        code, bits, lanes = _DLPACK_CODE[dtype]
        lengths = (ctypes.c_int64 * len(shape)).from_address(base + ctypes.sizeof(_DLTensor))
        lengths[:] = list(shape)
        tensor = _DLTensor.from_address(base)
        tensor.data, tensor.device[:], tensor.ndim = self.pointer, (1, 0), len(shape)
        tensor.code, tensor.bits, tensor.lanes, tensor.byte_offset = code, bits, lanes, 0
        tensor.shape, tensor.strides = ctypes.cast(lengths, ctypes.POINTER(ctypes.c_int64)), None
        tensor.context, tensor.deleter = None, ctypes.cast(_free, ctypes.c_void_p)
        self._base, self._take = base, take
        self._capsule = _new_capsule(base, self._NAME, None)

    def __dlpack__(self, **_options: Any) -> Any:
        return self._capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0

    def deliver(self) -> Any:
        """The library's array of this memory."""
        try:
            return self._take(self)
        except Exception as error:
            raise UsageError(f"the rows' library does not take the result: {_first_line(error)}; valid: out, an array for "
                             "it") from None

    def __del__(self) -> None:
        # Nobody took it, and nobody else can.
        if hasattr(self, "_capsule") and sys.getrefcount(self._capsule) <= 2 and _capsule_is(self._capsule, self._NAME):
            _free(self._base)


def delivered(array: Any) -> Any:
    """A result that was made, as the caller's library has it."""
    return array.deliver() if type(array) is _Block else array


def _first_line(error: Exception) -> str:
    return f"{(str(error).splitlines() or [type(error).__name__])[0]:.80}"


def _taker(x: Any) -> Callable[[Any], Any] | None:
    """How the library of x makes an array of what has DLPack; None where it says nothing of it."""
    try:
        module = x.__array_namespace__() if hasattr(type(x), "__array_namespace__") else \
            sys.modules.get(type(x).__module__.partition(".")[0])
        take = getattr(module, "from_dlpack", None)
    except Exception:
        return None
    return take if callable(take) else None


def _made_for_dlpack(shape: tuple[int, ...], dtype: DType, take: Callable[[Any], Any] | None) -> Made:
    if take is None:
        return _buffer(shape, dtype)
    block = _Block(shape, dtype, take)
    return Made(block, block.pointer)


def _dlpack_view(x: Any, what: str) -> View:
    try:
        if x.__dlpack_device__()[0] != 1:
            raise UsageError(f"{what} is on a device; valid: an array of the CPU")
        capsule = x.__dlpack__()  # nobody takes it, so that it frees itself
        tensor = _DLTensor.from_address(_capsule_pointer(capsule, b"dltensor"))
    except UsageError:
        raise
    except Exception as error:  # of whatever has these methods
        raise UsageError(f"{what} has no DLPack that can be read: {_first_line(error)}") from None
    found = _DLPACK.get((tensor.code, tensor.bits, tensor.lanes))
    if found is None:
        raise _refuse_dtype(f"DLPack code {tensor.code}, {tensor.bits} bits", what)
    dtype = found
    shape = tuple(tensor.shape[: tensor.ndim])
    strides = tuple(s * dtype.size for s in tensor.strides[: tensor.ndim]) if tensor.strides else None
    return View((tensor.data or 0) + tensor.byte_offset, shape, strides, dtype, "dlpack",
                lambda shape: _made_for_dlpack(shape, dtype, _taker(x)), "its library's copy", False, (x, capsule))


class _PyBuffer(ctypes.Structure):
    _fields_ = [("buf", ctypes.c_void_p), ("obj", ctypes.py_object), ("len", ctypes.c_ssize_t), ("itemsize", ctypes.c_ssize_t),
                ("readonly", ctypes.c_int), ("ndim", ctypes.c_int), ("format", ctypes.c_char_p), ("shape", ctypes.c_void_p),
                ("strides", ctypes.c_void_p), ("suboffsets", ctypes.c_void_p), ("internal", ctypes.c_void_p)]


_get_buffer = ctypes.pythonapi.PyObject_GetBuffer
_get_buffer.restype, _get_buffer.argtypes = ctypes.c_int, [ctypes.py_object, ctypes.POINTER(_PyBuffer), ctypes.c_int]
_release_buffer = ctypes.pythonapi.PyBuffer_Release
_release_buffer.restype, _release_buffer.argtypes = None, [ctypes.POINTER(_PyBuffer)]


def address(view: memoryview) -> int:
    """Where it begins. The view itself keeps the memory there."""
    raw = _PyBuffer()
    _get_buffer(view, ctypes.byref(raw), 0x18 | 0x04)  # with strides and format, whatever they are
    pointer = raw.buf or 0
    _release_buffer(ctypes.byref(raw))
    return int(pointer)


def _buffer(shape: tuple[int, ...], dtype: DType) -> Made:
    """An array.array, or of other shapes than (d,), and of float16, a memoryview."""
    size, code = _product(shape), _TYPECODE.get(dtype)
    if code in ("f", "d"):
        values = array.array(code, bytes(size * dtype.size))
        made: Any = values if len(shape) == 1 or size == 0 else memoryview(values).cast("B").cast(code, shape)
        return Made(made, values.buffer_info()[0])
    numpy = sys.modules.get("numpy")
    if code is not None and numpy is not None:  # before Python 3.12 a memoryview cannot be made of these
        made = memoryview(numpy.empty(shape, code))
    elif code is not None and sys.version_info >= (3, 12):
        made = memoryview(bytearray(size * dtype.size)).cast(code, shape) if size > 0 else memoryview(b"").cast(code)
    else:
        raise UsageError(f"there is no buffer of {dtype.name} for the result; valid: out, an array for it")
    return Made(made, address(made))


def _buffer_view(x: Any, what: str) -> View:
    try:
        view = memoryview(x)
    except Exception:  # of whatever has a buffer
        raise UsageError(f"{what} is of type {type(x).__name__:.60}; {VALID}") from None
    found = _BUFFER.get(view.format)
    if found is None:
        raise _refuse_dtype(f"'{view.format}'", what)
    dtype = found
    if view.suboffsets:
        raise UsageError(f"{what} is an indirect buffer; valid: one with its values in one place")
    return View(address(view), view.shape or (), None if view.c_contiguous else view.strides, dtype, "buffer",
                lambda shape: _buffer(shape, dtype), "memoryview.tobytes", not view.readonly, view)


def view_of(x: Any, what: str) -> View:
    """What x holds, by the first of these ways that it has."""
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None and issubclass(type(x), numpy.ndarray):
        return _numpy_view(x, what)
    if torch is not None and issubclass(type(x), torch.Tensor):
        return _torch_view(x, what)
    if hasattr(type(x), "__dlpack__"):
        return _dlpack_view(x, what)
    return _buffer_view(x, what)


def _is_contiguous(shape: Sequence[int], strides: Sequence[int], size: int) -> bool:
    for length, stride in zip(reversed(shape), reversed(strides)):
        if length != 1 and stride != size:
            return False
        size *= length
    return True


def _product(shape: Sequence[int]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size


def _check_alignment(pointer: int, dtype: DType, what: str) -> None:
    if pointer % dtype.size:
        raise UsageError(f"{what} does not lie at a multiple of {dtype.size} bytes; valid: an aligned copy")


def _of_one_array(x: Any) -> Rows:
    view = view_of(x, "rows")
    shape, strides, dtype = view.shape, view.strides, view.dtype
    if not shape:
        raise UsageError(f"rows have shape (); {VALID}")
    n, row = shape[0], shape[1:]
    d = _product(row)
    step = strides[0] if strides is not None else d * dtype.size
    if strides is not None and d > 0 and not _is_contiguous(row, strides[1:], dtype.size):
        raise UsageError(f"rows of shape {shape} have strides {strides} bytes, and a row has to be contiguous; valid: "
                         f"{view.how}(rows), which copies")
    if n > 0 and d > 0:
        _check_alignment(view.pointer | abs(step), dtype, "rows")
    first = view.pointer
    made = n if n <= MOST_ROWS else 0  # of more the library looks at none, and says so
    pointers = (ctypes.c_void_p * made)(*([first] * made if step == 0 else range(first, first + made * step, step)))
    return Rows(pointers, n, d, row, dtype, view.kind, view.make, view.keep)


# These loops are in C: a call should take no time beside the rule. (Their own loop took 1 us a row, and this a third.)
_buffer_traits = operator.attrgetter("format", "shape", "c_contiguous", "suboffsets")
_numpy_traits = operator.attrgetter("dtype", "shape")
_torch_traits = operator.attrgetter("dtype", "shape", "layout", "is_cpu")


def _numpy_pointers(rows: Sequence[Any]) -> tuple[list[int], Any] | None:
    """Of rows that are all plain arrays like the first one, which will do, and what keeps them there; None where one is not."""
    if not _are_alike(rows, sys.modules["numpy"].ndarray, _numpy_traits):
        return None
    try:
        return list(map(ctypes.addressof, map(_first_byte, rows))), rows
    except (TypeError, ValueError):  # they cannot be written to, or are not contiguous
        interfaces = [row.__array_interface__ for row in rows]
        are_plain = all(found["strides"] is None for found in interfaces)
        return ([found["data"][0] for found in interfaces], rows) if are_plain else None


def _torch_pointers(rows: Sequence[Any]) -> tuple[list[int], Any] | None:
    """The same of tensors."""
    kind = sys.modules["torch"].Tensor
    if not _are_alike(rows, kind, _torch_traits) or not all(map(kind.is_contiguous, rows)) or any(map(kind.is_neg, rows)):
        return None
    try:
        return list(map(kind.data_ptr, rows)), rows
    except RuntimeError:
        return None


def _buffer_pointers(rows: Sequence[Any]) -> tuple[list[int], Any] | None:
    """The same of buffers, which nobody can resize while there are views of them."""
    if not _are_alike(rows, type(rows[0]), type):
        return None
    try:
        views: list[memoryview] = [memoryview(row) for row in rows]
        if not _are_alike(views, memoryview, _buffer_traits):
            return None
        return list(map(address, views) if views[0].readonly else map(ctypes.addressof, map(_first_byte, views))), views
    except Exception:  # of whatever has a buffer
        return None


def _are_alike(rows: Sequence[Any], kind: type, traits: Callable[[Any], Any]) -> bool:
    return all(map(operator.is_, map(type, rows), itertools.repeat(kind))) and \
        all(map(operator.eq, map(traits, rows), itertools.repeat(traits(rows[0]))))


_POINTERS = {"buffer": _buffer_pointers, "numpy": _numpy_pointers, "torch": _torch_pointers}


def _quickly(rows: Sequence[Any]) -> Rows | None:
    """Most sequences: all rows as the first one. None: each row has to be looked at, to use it or to say what is wrong."""
    like = view_of(rows[0], "row 0")
    pointers_of = _POINTERS.get(like.kind)
    found = pointers_of(rows) if pointers_of is not None and like.strides is None else None
    if found is None:
        return None
    pointers, keep = found
    if 0 in pointers or functools.reduce(operator.or_, pointers) % like.dtype.size:
        return None
    return Rows((ctypes.c_void_p * len(pointers))(*pointers), len(pointers), _product(like.shape), like.shape, like.dtype,
                like.kind, like.make, keep)


def _of_sequence(rows: Sequence[Any]) -> Rows:
    if not rows:
        raise UsageError(f"there are no rows; {VALID}")
    rows = tuple(rows)  # which nobody can change during the call
    quick = _quickly(rows)
    if quick is not None:
        return quick
    views = [view_of(row, f"row {i}") for i, row in enumerate(rows)]
    like = views[0]
    shape, dtype, kind = like.shape, like.dtype, like.kind
    for i, view in enumerate(views):
        if view.shape != shape:
            raise UsageError(f"row {i} has shape {view.shape}, row 0 has {shape}; valid: rows of one shape")
        if view.dtype is not dtype or view.kind != kind:
            raise UsageError(f"row {i} is {view.dtype.name} of {view.kind}, row 0 is {dtype.name} of {kind}; valid: rows of one "
                             "dtype and library")
        if view.strides is not None and not _is_contiguous(shape, view.strides, dtype.size):
            raise UsageError(f"row {i} of shape {shape} has strides {view.strides} bytes, and a row has to be contiguous; valid: "
                             f"{view.how}(row), which copies")
        if view.pointer % dtype.size:
            _check_alignment(view.pointer, dtype, f"row {i}")
    pointers = (ctypes.c_void_p * len(views))(*[view.pointer for view in views])
    return Rows(pointers, len(views), _product(shape), shape, dtype, kind, like.make, views)


def rows_of(rows: Any) -> Rows:
    """The rows of whatever holds them; UsageError for what does not."""
    if issubclass(type(rows), (list, tuple)):  # whatever its __class__ says
        return _of_sequence(rows)
    return _of_one_array(rows)


def result_for(rows: Rows, shape: tuple[int, ...], out: Any) -> tuple[Any, Made | View]:
    """An array of this shape for the result, like the rows or the caller's own, and where its values go. What the caller gets
    is `delivered` of it."""
    if out is None:
        made = rows.make(shape)
        return made.array, made
    view = view_of(out, "out")
    if view.shape != shape or view.dtype is not rows.dtype:
        raise UsageError(f"out is {view.dtype.name} of shape {view.shape}; valid: {rows.dtype.name} of shape {shape}")
    if not view.is_writable:
        raise UsageError("out cannot be written to; valid: a writable array, or a tensor that requires no gradient")
    if view.strides is not None and not _is_contiguous(shape, view.strides, view.dtype.size):
        raise UsageError(f"out of shape {shape} has strides {view.strides} bytes; valid: a contiguous one")
    size = _product(shape) * view.dtype.size
    if size > 0:
        _check_alignment(view.pointer, view.dtype, "out")
    row_size = rows.d * rows.dtype.size
    for i, pointer in enumerate(rows.pointers):
        if pointer is not None and pointer < view.pointer + size and view.pointer < pointer + row_size:
            raise UsageError(f"out overlaps row {i}; valid: memory of its own")
    return out, view
