"""Pickles of torch, followed and not executed: a pickle is a list of instructions, and the few of them that make tensors,
dictionaries and modules are followed here. No class is looked up and nothing is called: every other object is an empty shape.

Source: pickletools of Python; torch/_utils.py (_rebuild_tensor...).
"""
from __future__ import annotations

import pickletools
from collections.abc import Iterator
from typing import IO, Any, NamedTuple, cast

_STORAGES = {"BoolStorage": "bool", "ByteStorage": "uint8", "CharStorage": "int8", "ShortStorage": "int16",
             "IntStorage": "int32", "LongStorage": "int64", "HalfStorage": "float16", "BFloat16Storage": "bfloat16",
             "FloatStorage": "float32", "DoubleStorage": "float64"}
STORAGE_OF = {name: storage for storage, name in _STORAGES.items()}
_MOST_DIMENSIONS = 64
_MOST_LINE = 1 << 16
_MOST_COPIED = 10_000_000


def printable(text: str) -> str:
    """A stranger's text for a line of ours."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:300])


class Damaged(Exception):
    """What is wrong with a file, without its name; one line, whatever of the file is in it."""

    def __init__(self, why: str) -> None:
        super().__init__(printable(why))


class Global(NamedTuple):
    module: str
    name: str


class Shape:
    """An object of a class that is not looked at, and what was in it."""

    def __init__(self, kind: Any, arguments: Any = ()) -> None:
        self.kind, self.arguments, self.state = kind, arguments, None


class Storage:
    def __init__(self, dtype: str, key: str, count: int, offset: int = 0) -> None:
        self.dtype, self.key, self.count, self.offset = dtype, key, count, offset


class Strided(NamedTuple):
    storage: Storage
    dtype: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _whole(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**63:
        raise Damaged(f"{str(type(value).__name__):.40} where a whole number belongs")
    return value


def _shape_of(value: Any) -> tuple[int, ...]:
    if not isinstance(value, (tuple, list)) or len(value) > _MOST_DIMENSIONS:
        raise Damaged("a tensor without a shape")
    return tuple(_whole(one) for one in value)


def key_of(value: Any) -> str:
    """A text, or a number as one: its repr could be without an end."""
    if not isinstance(value, (str, int)) or isinstance(value, int) and not 0 <= value < 2**63:
        raise Damaged(f"{type(value).__name__:.40} where a name belongs")
    return str(value)


def _strided(arguments: Any, dtype: str | None = None) -> Strided:
    storage, offset, shape, strides = arguments[:4]
    if not isinstance(storage, Storage):
        raise Damaged("a tensor without a storage")
    one = Strided(storage, dtype or storage.dtype, _whole(offset), _shape_of(shape), _shape_of(strides))
    if len(one.shape) != len(one.strides):
        raise Damaged("a tensor of which shape and strides differ in length")
    return one


def _called(function: Any, arguments: Any) -> Any:
    """What a call would make, for the few that are known."""
    if not isinstance(function, Global) or not isinstance(arguments, tuple):
        return Shape(function, arguments)
    module, name = function
    if module == "torch._utils" and name in ("_rebuild_tensor", "_rebuild_tensor_v2"):
        return _strided(arguments)
    if module == "torch._utils" and name == "_rebuild_tensor_v3" and len(arguments) > 6 and isinstance(arguments[6], Global):
        return _strided(arguments, arguments[6].name)
    is_parameter = name in ("Parameter", "Buffer", "Variable") and module.startswith(("torch.nn.parameter", "torch.autograd"))
    if arguments and (is_parameter or (module == "torch._utils" and name.startswith("_rebuild_parameter"))):
        return arguments[0]
    if (module, name) == ("collections", "OrderedDict"):
        return dict(arguments[0]) if arguments and isinstance(arguments[0], (list, dict)) else {}
    is_set = name in ("set", "frozenset") and module in ("builtins", "__builtin__")
    if (is_set or (module, name) == ("torch", "Size")) and arguments:
        return arguments[0]
    return Shape(function, arguments)


def _stored(saved: Any) -> Any:
    """What a persistent id stands for: a storage, or a class with its source."""
    if isinstance(saved, tuple) and saved[:1] == ("module",) and len(saved) > 1:
        return saved[1]
    if not isinstance(saved, tuple) or len(saved) < 5 or saved[0] != "storage" or not isinstance(saved[1], Global):
        raise Damaged("a persistent id that is no storage")
    kind, key, count = saved[1].name, saved[2], _whole(saved[4])
    dtype = "bytes" if kind == "UntypedStorage" else _STORAGES.get(kind, kind)
    view = saved[5] if len(saved) > 5 else None  # a part of another storage, in old files
    offset = 0
    if isinstance(view, tuple) and len(view) == 3:
        key, offset = view[0], _whole(view[1])
    return Storage(dtype, key_of(key), count, offset)


class Bytes:
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
        self.copied = 0

    def _called(self, function: Any, arguments: Any) -> None:
        self.copied += len(arguments[0]) if isinstance(arguments, tuple) and arguments and isinstance(arguments[0], (list, dict)) else 0
        if self.copied > _MOST_COPIED:
            raise Damaged("a pickle that copies without an end")
        self.stack.append(_called(function, arguments))

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

    def run(self, file: Bytes) -> Any:
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
        self.stack.append(Global(module, name))

    def _stack_global(self, _: Any) -> None:
        module, name = self._take(2)
        if not isinstance(module, str) or not isinstance(name, str):  # a text of it could be without an end
            raise Damaged("a class without a name")
        self.stack.append(Global(module, name))

    def _reduce(self, _: Any) -> None:
        function, arguments = self._take(2)
        self._called(function, arguments)

    _newobj = _reduce

    def _newobj_ex(self, _: Any) -> None:
        function, arguments, _named = self._take(3)
        self._called(function, arguments)

    def _obj(self, _: Any) -> None:
        function, *arguments = self._since_mark()
        self._called(function, tuple(arguments))

    def _inst(self, words: str) -> None:
        module, _, name = words.partition(" ")
        self._called(Global(module, name), tuple(self._since_mark()))

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
_LITERALS.update(dict.fromkeys(("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING",
                                "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
                                "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8")))
_EMPTY: dict[str, Any] = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_TUPLE": tuple, "EMPTY_SET": list}


def unpickled(file: Bytes) -> Any:
    try:
        return _Machine().run(file)
    except (ValueError, KeyError, IndexError, TypeError, OverflowError, UnicodeError, EOFError) as error:
        raise Damaged(f"a damaged pickle ({(str(error).splitlines() or [''])[0]:.60})") from None


def storages_in(whole: Any) -> Iterator[Storage]:
    seen: set[int] = set()
    waiting = [whole]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Storage):
            yield one
        elif isinstance(one, (dict, list, tuple, Shape)) and id(one) not in seen:
            seen.add(id(one))
            within = (one.arguments, one.state) if isinstance(one, Shape) else one
            waiting.extend(within.values() if isinstance(within, dict) else within)
