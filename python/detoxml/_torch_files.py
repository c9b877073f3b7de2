"""Files of torch.save and torch.jit.save, read and written without torch. Nothing of a file is executed: a pickle is a list of
instructions, and the few of them that make tensors, dictionaries and modules are followed here; every other class is an empty shape.

Formats: torch/serialization.py (the archive of PyTorch 1.6 and the stream before it), torch/_utils.py (_rebuild_tensor...).
"""
from __future__ import annotations

import math
import mmap
import pickletools
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import IO, Any, NamedTuple, cast

from .errors import InputError

# Of torch's types: their names in a safetensors file, and bytes of a value.
DTYPES = {"bool": ("BOOL", 1), "uint8": ("U8", 1), "int8": ("I8", 1), "int16": ("I16", 2), "int32": ("I32", 4), "int64": ("I64", 8),
          "float16": ("F16", 2), "bfloat16": ("BF16", 2), "float32": ("F32", 4), "float64": ("F64", 8)}
_STORAGES = {"BoolStorage": "bool", "ByteStorage": "uint8", "CharStorage": "int8", "ShortStorage": "int16", "IntStorage": "int32",
             "LongStorage": "int64", "HalfStorage": "float16", "BFloat16Storage": "bfloat16", "FloatStorage": "float32",
             "DoubleStorage": "float64"}
_STORAGE_OF = {DTYPES[name][0]: storage for storage, name in _STORAGES.items()}
_MAGIC = 0x1950A86A20F9469CFC6C
_MOST_DEPTH = 64
_MOST_NAMES = 100_000
_MOST_LINE = 1 << 16
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


class Damaged(Exception):
    """What is wrong with a file, without its name."""


class _Global(NamedTuple):
    module: str
    name: str


class Shape:
    """An object of a class that is not looked at, and what was in it."""

    def __init__(self, kind: Any, arguments: Any = ()) -> None:
        self.kind, self.arguments, self.state = kind, arguments, None


class _Storage:
    def __init__(self, dtype: str, key: str, count: int, offset: int = 0) -> None:
        self.dtype, self.key, self.count, self.offset = dtype, key, count, offset


class _Strided(NamedTuple):
    storage: _Storage
    dtype: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _whole(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**63:
        raise Damaged(f"{str(type(value).__name__):.40} where a whole number belongs")
    return value


def _shape_of(value: Any) -> tuple[int, ...]:
    if not isinstance(value, (tuple, list)) or len(value) > _MOST_DEPTH:
        raise Damaged("a tensor without a shape")
    return tuple(_whole(one) for one in value)


def _strided(arguments: Any, dtype: str | None = None) -> _Strided:
    storage, offset, shape, strides = arguments[:4]
    if not isinstance(storage, _Storage):
        raise Damaged("a tensor without a storage")
    one = _Strided(storage, dtype or storage.dtype, _whole(offset), _shape_of(shape), _shape_of(strides))
    if len(one.shape) != len(one.strides):
        raise Damaged("a tensor of which shape and strides differ in length")
    return one


def _called(function: Any, arguments: Any) -> Any:
    """What a call would make, for the few that are known."""
    if not isinstance(function, _Global) or not isinstance(arguments, tuple):
        return Shape(function, arguments)
    module, name = function
    if module == "torch._utils" and name in ("_rebuild_tensor", "_rebuild_tensor_v2"):
        return _strided(arguments)
    if module == "torch._utils" and name == "_rebuild_tensor_v3" and len(arguments) > 6 and isinstance(arguments[6], _Global):
        return _strided(arguments, arguments[6].name)
    is_parameter = name in ("Parameter", "Buffer", "Variable") and module.startswith(("torch.nn.parameter", "torch.autograd"))
    if arguments and (is_parameter or (module == "torch._utils" and name.startswith("_rebuild_parameter"))):
        return arguments[0]
    if (module, name) == ("collections", "OrderedDict"):
        return dict(arguments[0]) if arguments and isinstance(arguments[0], (list, dict)) else {}
    if (name in ("set", "frozenset") and module in ("builtins", "__builtin__") or (module, name) == ("torch", "Size")) and arguments:
        return arguments[0]
    return Shape(function, arguments)


def _stored(saved: Any) -> Any:
    """What a persistent id stands for: a storage, or a class with its source."""
    if isinstance(saved, tuple) and saved[:1] == ("module",) and len(saved) > 1:
        return saved[1]
    if not isinstance(saved, tuple) or len(saved) < 5 or saved[0] != "storage" or not isinstance(saved[1], _Global):
        raise Damaged("a persistent id that is no storage")
    kind, key, count = saved[1].name, saved[2], _whole(saved[4])
    dtype = "bytes" if kind == "UntypedStorage" else _STORAGES.get(kind, kind)
    view = saved[5] if len(saved) > 5 else None  # a part of another storage, in old files
    offset = 0
    if isinstance(view, tuple) and len(view) == 3:
        key, offset = view[0], _whole(view[1])
    return _Storage(dtype, str(key), count, offset)


class _Bytes:
    """A file's bytes for pickletools: no more is read than there is, whatever a pickle claims."""

    def __init__(self, content: memoryview) -> None:
        self._content, self._at = content, 0

    def read(self, size: int) -> bytes:
        data = bytes(self._content[self._at : self._at + size])
        self._at += len(data)
        return data

    def readline(self) -> bytes:
        end = bytes(self._content[self._at : self._at + _MOST_LINE]).find(b"\n")
        return self.read(end + 1)

    def tell(self) -> int:
        return self._at


class _Machine:
    """Follows the instructions of one pickle. No class is looked up and nothing is called."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def _since_mark(self) -> list[Any]:
        begin = self.marks.pop()
        taken = self.stack[begin:]
        del self.stack[begin:]
        return taken

    def _take(self, count: int) -> list[Any]:
        if count > len(self.stack):
            raise Damaged("a pickle that takes more than it has")
        taken = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return taken

    def run(self, file: _Bytes) -> Any:
        """The object that the pickle at the file's place makes."""
        for opcode, argument, _position in pickletools.genops(cast(IO[bytes], file)):
            name = opcode.name
            if name == "STOP":
                (result,) = self._take(1)
                return result
            if name in ("PROTO", "FRAME"):
                continue
            if name in _LITERALS:
                self.stack.append(argument if argument is not None else _LITERALS[name])
            elif name in _EMPTY:
                self.stack.append(_EMPTY[name]())
            else:
                step = getattr(self, f"_{name.lower()}", None)
                if step is None:
                    raise Damaged(f"a pickle with {name}, which none of weights has")
                step(argument)
        raise Damaged("a pickle without an end")

    def _mark(self, _: Any) -> None:
        self.marks.append(len(self.stack))

    def _pop(self, _: Any) -> None:
        self._take(1)

    def _pop_mark(self, _: Any) -> None:
        self._since_mark()

    def _dup(self, _: Any) -> None:
        self.stack.append(self.stack[-1])

    def _put(self, index: Any) -> None:
        self.memo[index] = self.stack[-1]

    _binput = _long_binput = _put

    def _memoize(self, _: Any) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def _get(self, index: Any) -> None:
        self.stack.append(self.memo[index])

    _binget = _long_binget = _get

    def _list(self, _: Any) -> None:
        self.stack.append(self._since_mark())

    def _tuple(self, _: Any) -> None:
        self.stack.append(tuple(self._since_mark()))

    def _frozenset(self, _: Any) -> None:
        self.stack.append(tuple(self._since_mark()))

    def _tuple1(self, _: Any) -> None:
        self.stack.append(tuple(self._take(1)))

    def _tuple2(self, _: Any) -> None:
        self.stack.append(tuple(self._take(2)))

    def _tuple3(self, _: Any) -> None:
        self.stack.append(tuple(self._take(3)))

    def _append(self, _: Any) -> None:
        (one,) = self._take(1)
        self._extend([one])

    def _appends(self, _: Any) -> None:
        self._extend(self._since_mark())

    _additems = _appends

    def _extend(self, more: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, list):
            target.extend(more)

    def _dict(self, _: Any) -> None:
        flat = self._since_mark()
        self.stack.append({})
        self._set(flat)

    def _setitem(self, _: Any) -> None:
        self._set(self._take(2))

    def _setitems(self, _: Any) -> None:
        self._set(self._since_mark())

    def _set(self, flat: list[Any]) -> None:
        target = self.stack[-1]
        for key, value in zip(flat[::2], flat[1::2]):
            if isinstance(target, dict) and isinstance(key, (str, int, float, bytes)):
                target[key] = value

    def _global(self, words: str) -> None:
        module, _, name = words.partition(" ")
        self.stack.append(_Global(module, name))

    def _stack_global(self, _: Any) -> None:
        module, name = self._take(2)
        self.stack.append(_Global(str(module), str(name)))

    def _reduce(self, _: Any) -> None:
        function, arguments = self._take(2)
        self.stack.append(_called(function, arguments))

    _newobj = _reduce

    def _newobj_ex(self, _: Any) -> None:
        function, arguments, _named = self._take(3)
        self.stack.append(_called(function, arguments))

    def _obj(self, _: Any) -> None:
        function, *arguments = self._since_mark()
        self.stack.append(_called(function, tuple(arguments)))

    def _inst(self, words: str) -> None:
        module, _, name = words.partition(" ")
        self.stack.append(_called(_Global(module, name), tuple(self._since_mark())))

    def _build(self, _: Any) -> None:
        (state,) = self._take(1)
        if isinstance(self.stack[-1], Shape):
            self.stack[-1].state = state

    def _persid(self, words: str) -> None:
        raise Damaged("a persistent id that is a text")

    def _binpersid(self, _: Any) -> None:
        (saved,) = self._take(1)
        self.stack.append(_stored(saved))


_LITERALS: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_LITERALS.update(dict.fromkeys(("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING",
                                "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES",
                                "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8")))
_EMPTY: dict[str, Any] = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_TUPLE": tuple, "EMPTY_SET": list}


def _unpickled(file: _Bytes) -> Any:
    try:
        return _Machine().run(file)
    except (ValueError, KeyError, IndexError, TypeError, OverflowError, UnicodeError, EOFError) as error:
        raise Damaged(f"a damaged pickle ({(str(error).splitlines() or [''])[0]:.60})") from None


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

    def object(self) -> Any:
        return _unpickled(_Bytes(_entry(self._content, self._entries[f"{self._folder}data.pkl"])))

    def storage(self, key: str) -> memoryview:
        if key not in self._read:
            info = self._entries.get(f"{self._folder}data/{key}")
            if info is None:
                raise Damaged(f"no storage '{key:.40}' in it")
            self._read[key] = _entry(self._content, info)
        return self._read[key]


class _Stream:
    """The format before: pickles one behind another, and then the storages."""

    def __init__(self, content: memoryview) -> None:
        self._content, file = content, _Bytes(content)
        if _unpickled(file) != _MAGIC:
            raise Damaged("a pickle, and none of torch.save")
        _unpickled(file)
        system = _unpickled(file)
        if isinstance(system, dict) and system.get("little_endian") is False:
            raise Damaged("values in the order of bytes of other machines")
        self._object = _unpickled(file)
        keys = _unpickled(file)
        if not isinstance(keys, list):
            raise Damaged("no list of storages in it")
        self._begin, self._keys = file.tell(), [str(key) for key in keys]
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
            self._find({one.key: _size_of(one.dtype) for one in _storages_in(self._object)})
        if key not in self._read:
            raise Damaged(f"no storage '{key:.40}' in it")
        return self._read[key]


def _storages_in(whole: Any) -> Iterator[_Storage]:
    seen: set[int] = set()
    waiting = [whole]
    while waiting:
        one = waiting.pop()
        if isinstance(one, _Storage):
            yield one
        elif isinstance(one, (dict, list, tuple, Shape)) and id(one) not in seen:
            seen.add(id(one))
            waiting.extend(one.values() if isinstance(one, dict) else (one.arguments, one.state) if isinstance(one, Shape) else one)


def _size_of(dtype: str) -> int:
    if dtype not in DTYPES:
        raise Damaged(f"values of type {dtype:.40}; valid: {', '.join(DTYPES)}")
    return DTYPES[dtype][1]


_FORMATS = {1: "B", 2: "H", 4: "I", 8: "Q"}


def _gathered(one: _Strided, reader: Any) -> Tensor:
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


def _named(holder: Any, prefix: str, met: list[int]) -> Iterator[tuple[str, _Strided]]:
    """The tensors of a module by their names in its state_dict; those of anything else by key. met[0] counts objects."""
    state = holder.state if isinstance(holder, Shape) else holder
    met[0] += 1
    if prefix.count(".") > _MOST_DEPTH or met[0] > _MOST_NAMES:
        raise Damaged("modules within modules without an end")
    if not isinstance(state, dict):
        return
    is_module = isinstance(holder, Shape) and isinstance(state.get("_modules"), dict)
    groups = [state.get(group) for group in ("_parameters", "_buffers", "_modules")] if is_module else [state]
    left_out = state.get("_non_persistent_buffers_set") if is_module else ()
    for group in groups:
        for name, value in group.items() if isinstance(group, dict) else ():
            if isinstance(value, _Strided) and not (isinstance(left_out, list) and name in left_out):
                yield f"{prefix}{name}", value
            elif isinstance(value, Shape) and isinstance(value.kind, _Global) and value.kind.name.startswith("_rebuild_"):
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
                found = next((held[name] for name in holders if isinstance(held, dict) and isinstance(held.get(name), (dict, Shape))), None)
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
        raise InputError(f"{path}: {error if isinstance(error, Damaged) else 'more than the memory holds'}; valid: what torch.save wrote of "
                         "a state_dict, of a checkpoint that holds one, or of a model") from None


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
                  _number_operation(count), b"tQ", _number_operation(0), _tuple_operation(tensor.shape), _tuple_operation(tuple(strides)),
                  b"\x89ccollections\nOrderedDict\n)RtR"]
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
