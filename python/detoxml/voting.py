"""Votes by bytes, and digests of what is voted on."""
from __future__ import annotations

import ctypes
import sys
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, NamedTuple

from ._library import check, lib
from .arrays import address
from .errors import UsageError

_VALID = "valid: bytes, a buffer, an array or a tensor of the CPU, contiguous"


class Vote(NamedTuple):
    """How a vote ended.

    Attributes
    ----------
    winner : object or None
        The answer that more than half of the assigned workers gave, as the first of them gave it; None: there is none.
    agreeing : tuple
        Workers who gave it, in the order in which they were assigned.
    outvoted : tuple
        Workers who gave another one. Without a winner nobody is outvoted.
    missing : tuple
        Workers who gave none.
    """

    winner: Any
    agreeing: tuple[Hashable, ...]
    outvoted: tuple[Hashable, ...]
    missing: tuple[Hashable, ...]


def _bytes_of(x: Any, what: str) -> tuple[int, int, Any]:
    """Where the values of x lie, how many bytes they are, and what keeps them there."""
    torch, numpy = sys.modules.get("torch"), sys.modules.get("numpy")
    if torch is not None and issubclass(type(x), torch.Tensor):
        if x.device.type != "cpu" or x.layout is not torch.strided or not x.is_contiguous() or x.is_neg() or x.is_conj():
            raise UsageError(f"{what} is no contiguous tensor of the CPU; {_VALID}")
        return x.data_ptr(), x.numel() * x.element_size(), x
    if numpy is not None and issubclass(type(x), numpy.ndarray) and x.flags.c_contiguous and not x.dtype.hasobject:
        return x.__array_interface__["data"][0], x.nbytes, x  # of any dtype, as bfloat16, which no buffer has
    try:
        view = memoryview(x)
    except Exception:  # of whatever has a buffer
        raise UsageError(f"{what} is of type {type(x).__name__:.60}; {_VALID}") from None
    if not view.c_contiguous or (view.format or "").lstrip("@=<>!").startswith(("O", "P")):
        raise UsageError(f"{what} is not contiguous, or holds objects; {_VALID}")
    return address(view), view.nbytes, view


def digest(x: Any) -> bytes:
    """SHA-256 of the bytes of x, as they lie in memory.

    Parameters
    ----------
    x : bytes, buffer, array or tensor
        Contiguous, of any dtype, on the CPU. Not copied.

    Returns
    -------
    bytes
        32 of them. Shape and dtype are not in it.

    Raises
    ------
    UsageError

    Examples
    --------
    >>> import detoxml as detox
    >>> detox.digest(b"abc").hex()[:8]
    'ba7816bf'
    """
    pointer, size, _keep = _bytes_of(x, "x")
    found = ctypes.create_string_buffer(32)
    check(lib.detox_digest(pointer or None, size, found))
    return found.raw


def vote(answers: Mapping[Hashable, Any], assigned: Iterable[Hashable] | None = None) -> Vote:
    """What more than half of the assigned workers say, by the bytes of their answers.

    Parameters
    ----------
    answers : mapping of workers to bytes, buffers, arrays or tensors
        None is no answer. Of workers who are not assigned they do not count.
    assigned : iterable of workers, optional
        Who was asked, each once; else all who answered.

    Returns
    -------
    Vote

    Raises
    ------
    UsageError
        A worker who is assigned twice; an answer that has no bytes to compare.

    Examples
    --------
    >>> import detoxml as detox
    >>> detox.vote({"a": b"7", "b": b"8", "c": b"7"}, assigned=["a", "b", "c", "d", "e"])
    Vote(winner=None, agreeing=(), outvoted=(), missing=('d', 'e'))
    >>> detox.vote({"a": b"7", "b": b"8", "c": b"7"})
    Vote(winner=b'7', agreeing=('a', 'c'), outvoted=('b',), missing=())
    """
    if not isinstance(answers, Mapping):
        raise UsageError(f"answers are {type(answers).__name__:.60}; valid: a mapping of workers to answers")
    workers = list(answers if assigned is None else assigned)
    if len(set(workers)) != len(workers):
        raise UsageError("a worker is assigned twice; valid: each once")
    given = [answers.get(worker) for worker in workers]
    empty = ctypes.create_string_buffer(1)  # an answer without bytes is one all the same
    held = [None if answer is None else _bytes_of(answer, f"the answer of {worker!r:.40}") for worker, answer in zip(workers, given)]
    n = len(workers)
    pointers = (ctypes.c_void_p * n)(*[None if one is None else one[0] or ctypes.addressof(empty) for one in held])
    sizes = (ctypes.c_size_t * n)(*[0 if one is None else one[1] for one in held])
    winner, agrees = ctypes.c_size_t(), ctypes.create_string_buffer(max(n, 1))
    check(lib.detox_vote(ctypes.addressof(pointers), ctypes.addressof(sizes), n, ctypes.byref(winner), agrees))
    missing = tuple(worker for worker, answer in zip(workers, given) if answer is None)
    if winner.value == n:
        return Vote(None, (), (), missing)
    agreeing = tuple(worker for worker, mark in zip(workers, agrees.raw) if mark)
    outvoted = tuple(worker for worker, mark, answer in zip(workers, agrees.raw, given) if not mark and answer is not None)
    return Vote(given[winner.value], agreeing, outvoted, missing)
