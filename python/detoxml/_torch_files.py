"""Files of torch.save and torch.jit.save, read and written without torch. Nothing of a file is executed (_pickles.py).

Formats: torch/serialization.py (the archive of PyTorch 1.6 and the stream before it).
"""
from __future__ import annotations

import math
import mmap
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import IO, Any, NamedTuple

from ._pickles import STORAGE_OF, Bytes, Damaged, Global, Shape, Strided, key_of, storages_in, unpickled
from .errors import InputError

# Of torch's types: their names in a safetensors file, and bytes of a value.
DTYPES = {"bool": ("BOOL", 1), "uint8": ("U8", 1), "int8": ("I8", 1), "int16": ("I16", 2), "int32": ("I32", 4),
          "int64": ("I64", 8), "float16": ("F16", 2), "bfloat16": ("BF16", 2), "float32": ("F32", 4), "float64": ("F64", 8)}
SIZES = dict(DTYPES.values())
_STORAGE_OF = {DTYPES[name][0]: storage for name, storage in STORAGE_OF.items()}
_MAGIC = 0x1950A86A20F9469CFC6C
_MOST_DEPTH = 64
_MOST_NAMES = 300_000
# A tensor may have several names, and several tensors a part of one storage; more than so much of the file in all is no model.
_MOST_OFTEN = 16


class Tensor(NamedTuple):
    """Values in C order.

    Attributes
    ----------
    dtype : str
        As safetensors calls it: ``"F32"``.
    shape : tuple of int
    data : bytes or memoryview
    """

    dtype: str
    shape: tuple[int, ...]
    data: bytes | memoryview


def _entry(content: memoryview, info: zipfile.ZipInfo) -> memoryview:
    """The bytes of a file in an archive, where they lie."""
    if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
        raise Damaged(f"'{info.filename:.60}' in it is compressed, which torch.save never does")
    begin = info.header_offset
    if not 0 <= begin <= len(content) - 30:
        raise Damaged("an archive that ends too early")
    name_length, extra_length = struct.unpack_from("<HH", content, begin + 26)
    begin += 30 + name_length + extra_length
    if begin + info.file_size > len(content):
        raise Damaged("an archive that ends too early")
    data = content[begin : begin + info.file_size]
    if zlib.crc32(data) != info.CRC:
        raise Damaged(f"'{info.filename:.60}' in it is damaged: its checksum differs")
    return data


class _Archive:
    """The format since PyTorch 1.6: a zip archive with data.pkl and a file for each storage."""

    def __init__(self, content: memoryview, file: IO[bytes]) -> None:
        try:
            with zipfile.ZipFile(file) as archive:
                self._entries = {info.filename: info for info in archive.infolist()}
        except (zipfile.BadZipFile, ValueError, struct.error, NotImplementedError, OSError, UnicodeError) as error:
            raise Damaged(f"no whole archive ({error!s:.60})") from None
        self._content = content
        named = [name for name in self._entries if name.count("/") == 1 and name.endswith("/data.pkl")]
        if len(named) != 1:
            raise Damaged("an archive without the data.pkl of torch.save")
        self._folder = named[0][: -len("data.pkl")]
        order = self._entries.get(f"{self._folder}byteorder")
        if order is not None and bytes(_entry(content, order)) != b"little":
            raise Damaged("values in the order of bytes of other machines")
        self._read: dict[str, memoryview] = {}
        self._size = 0

    def object(self) -> Any:
        return unpickled(Bytes(_entry(self._content, self._entries[f"{self._folder}data.pkl"])))

    def storage(self, key: str) -> memoryview:
        if key not in self._read:
            info = self._entries.get(f"{self._folder}data/{key}")
            if info is None:
                raise Damaged(f"no storage '{key:.40}' in it")
            self._size += info.file_size
            if self._size > len(self._content):
                raise Damaged("its storages overlap")
            self._read[key] = _entry(self._content, info)
        return self._read[key]


class _Stream:
    """The format before: pickles one behind another, and then the storages."""

    def __init__(self, content: memoryview) -> None:
        self._content, file = content, Bytes(content)
        if unpickled(file) != _MAGIC:
            raise Damaged("a pickle, and none of torch.save")
        unpickled(file)
        system = unpickled(file)
        if isinstance(system, dict) and system.get("little_endian") is False:
            raise Damaged("values in the order of bytes of other machines")
        self._object = unpickled(file)
        keys = unpickled(file)
        if not isinstance(keys, list):
            raise Damaged("no list of storages in it")
        self._begin, self._keys = file.tell(), [key_of(key) for key in keys]
        self._read: dict[str, memoryview] = {}

    def object(self) -> Any:
        return self._object

    def _find(self, sizes: Mapping[str, int]) -> None:
        begin = self._begin
        for key in self._keys:
            if begin + 8 > len(self._content):
                raise Damaged("it ends too early")
            (count,) = struct.unpack_from("<q", self._content, begin)
            size = count * sizes.get(key, 0)
            if count < 0 or key not in sizes or begin + 8 + size > len(self._content):
                raise Damaged(f"storage '{key:.40}' is not whole")
            self._read[key] = self._content[begin + 8 : begin + 8 + size]
            begin += 8 + size

    def storage(self, key: str) -> memoryview:
        if not self._read:
            self._find({one.key: _size_of(one.dtype) for one in storages_in(self._object)})
        if key not in self._read:
            raise Damaged(f"no storage '{key:.40}' in it")
        return self._read[key]


def _size_of(dtype: str) -> int:
    if dtype not in DTYPES:
        raise Damaged(f"values of type {dtype:.40}; valid: {', '.join(DTYPES)}")
    return DTYPES[dtype][1]


_FORMATS = {1: "B", 2: "H", 4: "I", 8: "Q"}


def _gathered(one: Strided, reader: Any) -> Tensor:
    """The values of a tensor, one behind another."""
    size = _size_of(one.dtype)
    raw = reader.storage(one.storage.key)
    begin = one.storage.offset * size + one.offset * size
    count = math.prod(one.shape)
    code = DTYPES[one.dtype][0]
    if count == 0:
        return Tensor(code, one.shape, b"")
    last = sum((length - 1) * stride for length, stride in zip(one.shape, one.strides))
    if begin + (last + 1) * size > len(raw):
        raise Damaged("a tensor goes beyond its storage")
    if count > len(raw) // size:
        raise Damaged("an expanded tensor; valid: a copy of it, by contiguous()")
    expected = 1
    for length, stride in zip(reversed(one.shape), reversed(one.strides)):
        if length != 1 and stride != expected:
            break
        expected *= length
    else:
        return Tensor(code, one.shape, raw[begin : begin + count * size])
    values = raw[begin : begin + (last + 1) * size].cast("B").cast(_FORMATS[size])
    *outer, length = one.shape
    *steps, step = one.strides
    made = bytearray()
    for number in range(count // length):
        place = 0
        for extent, stride in zip(reversed(outer), reversed(steps)):
            number, index = divmod(number, extent)
            place += index * stride
        row = values[place : place + (length - 1) * step + 1]
        made += row[::step].tobytes() if step > 0 else row.tobytes() * length
    return Tensor(code, one.shape, bytes(made))


def _name_of(key: Any) -> str:
    """Of a tensor or a module, which writers can write."""
    name = key_of(key)
    try:
        name.encode()
    except UnicodeEncodeError:
        raise Damaged("a name that is no text") from None
    return name


def _named(holder: Any, prefix: str, met: list[int]) -> Iterator[tuple[str, Strided]]:
    """The tensors of a module by their names in its state_dict; those of anything else by key. met[0] counts what was seen."""
    state = holder.state if isinstance(holder, Shape) else holder
    met[0] += 1
    if prefix.count(".") > _MOST_DEPTH or met[0] > _MOST_NAMES:
        raise Damaged("modules within modules without an end")
    if not isinstance(state, dict):
        return
    is_module = isinstance(holder, Shape) and isinstance(state.get("_modules"), dict)
    groups = [state.get(group) for group in ("_parameters", "_buffers", "_modules")] if is_module else [state]
    stated = state.get("_non_persistent_buffers_set") if is_module else ()
    left_out = {name for name in stated if isinstance(name, str)} if isinstance(stated, (list, tuple)) else set()
    for group in groups:
        for name, value in group.items() if isinstance(group, dict) else ():
            met[0] += 1
            if isinstance(value, (Strided, Shape)):
                name = _name_of(name)
            if isinstance(value, Strided) and name not in left_out:
                yield f"{prefix}{name}", value
            elif isinstance(value, Shape) and isinstance(value.kind, Global) and value.kind.name.startswith("_rebuild_"):
                raise Damaged(f"'{prefix}{name}' is a tensor of another kind ({value.kind.name}); valid: plain dense ones")
            elif isinstance(value, Shape):
                yield from _named(value, f"{prefix}{name}.", met)


def read(path: str, holders: tuple[str, ...]) -> dict[str, Tensor]:
    """The tensors of a file of torch.save, by name, wherever a checkpoint has them.

    Raises
    ------
    InputError
        A file that is none, is damaged, or holds no tensors.
    """
    try:
        with open(path, "rb") as file:
            try:
                content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            except ValueError:
                raise Damaged("it is empty") from None
            reader: Any = _Archive(content, file) if bytes(content[:4]) == b"PK\3\4" else _Stream(content)
            held = reader.object()
            for _ in range(_MOST_DEPTH):
                inside = held if isinstance(held, dict) else {}
                found = next((inside[name] for name in holders if isinstance(inside.get(name), (dict, Shape))), None)
                if found is None:
                    break
                held = found
            tensors, whole = {}, 0
            for name, one in _named(held, "", [0]):
                tensors[name] = tensor = _gathered(one, reader)
                whole += len(tensor.data)
                if whole > _MOST_OFTEN * len(content):
                    raise Damaged("its tensors are many times as large as it is")
            if not tensors:
                raise Damaged("no tensors in it")
            return tensors
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except (Damaged, MemoryError) as error:
        what = str(error) if isinstance(error, Damaged) else "more than the memory holds"
        raise InputError(f"{path}: {what}; valid: what torch.save wrote of a state_dict, of a checkpoint that holds one, or "
                         "of a model") from None


def _text_operation(text: str) -> bytes:
    raw = text.encode("utf-8")
    return b"X" + struct.pack("<I", len(raw)) + raw


def _number_operation(number: int) -> bytes:
    if number < 2**31:
        return b"J" + struct.pack("<i", number)
    return b"\x8a\x08" + struct.pack("<q", number)


def _tuple_operation(numbers: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(map(_number_operation, numbers)) + b"t"


def _pickled(tensors: Mapping[str, Tensor]) -> bytes:
    """An OrderedDict of tensors, in protocol 2."""
    parts = [b"\x80\x02ccollections\nOrderedDict\n)R("]
    for number, (name, tensor) in enumerate(tensors.items()):
        count = 1
        strides: list[int] = []
        for length in reversed(tensor.shape):
            strides.insert(0, count)
            count *= length
        parts += [_text_operation(name), b"ctorch._utils\n_rebuild_tensor_v2\n((", _text_operation("storage"),
                  f"ctorch\n{_STORAGE_OF[tensor.dtype]}\n".encode(), _text_operation(str(number)), _text_operation("cpu"),
                  _number_operation(count), b"tQ", _number_operation(0), _tuple_operation(tensor.shape),
                  _tuple_operation(tuple(strides)), b"\x89ccollections\nOrderedDict\n)RtR"]
    return b"".join([*parts, b"u."])


def write(file: IO[bytes], tensors: Mapping[str, Tensor]) -> None:
    """A state_dict as torch.save writes it, which torch.load reads with weights_only=True."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        files: list[tuple[str, bytes | memoryview]] = [("data.pkl", _pickled(tensors)), ("byteorder", sys.byteorder.encode())]
        files += [(f"data/{number}", tensor.data) for number, tensor in enumerate(tensors.values())]
        for name, data in [*files, ("version", b"3\n")]:
            entry = zipfile.ZipInfo(f"archive/{name}")  # of 1980: equal weights give equal bytes
            entry.file_size = len(data)
            begin = file.tell() + 30 + len(entry.filename) + 4
            entry.extra = b"FB" + struct.pack("<H", -begin % 64) + bytes(-begin % 64)  # values at multiples of 64
            with archive.open(entry, "w") as target:
                target.write(data)
