"""What other libraries' callers hand over, as rows; and results as they expect them."""
from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from ..attacking import Attack
from ..errors import UsageError


def _numpy_rows(vectors: Any, numpy: Any) -> Any:
    def usual(x: Any) -> Any:
        if not isinstance(x, numpy.ndarray):
            raise UsageError(f"vectors are arrays and {type(x).__name__:.40}; valid: of one kind")
        return x if x.dtype in (numpy.float16, numpy.float32, numpy.float64) else x.astype(numpy.float64)

    if not isinstance(vectors, numpy.ndarray):
        return [numpy.ascontiguousarray(usual(vector)) for vector in vectors]
    rows = usual(vectors)
    return rows if rows.ndim < 2 or rows[:1].flags.c_contiguous else numpy.ascontiguousarray(rows)


def rows_from(vectors: Any, dtype: str = "") -> Any:
    """Rows that a `Rule` takes. Copied where dtype or strides ask for that, and no further.

    Parameters
    ----------
    vectors : list or tuple of arrays or tensors, or one of n rows
    dtype : str
        That tensors are made to be, as ``"float32"``; empty: as they are.

    Raises
    ------
    UsageError
    """
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    first = vectors[0] if isinstance(vectors, (list, tuple)) and vectors else vectors
    if numpy is not None and isinstance(first, numpy.ndarray):
        return _numpy_rows(vectors, numpy)
    if torch is not None and isinstance(first, torch.Tensor):
        tensor: Any = torch.Tensor

        def usual(x: Any) -> Any:
            if not isinstance(x, tensor):
                raise UsageError(f"vectors are tensors and {type(x).__name__:.40}; valid: of one kind")
            kind = dtype or ("" if x.is_floating_point() else "float64")
            return (x.detach().to(getattr(torch, kind)) if kind else x.detach()).contiguous()

        return usual(vectors) if isinstance(vectors, torch.Tensor) else [usual(vector) for vector in vectors]
    raise UsageError(f"vectors are {type(vectors).__name__:.40} of {type(first).__name__:.40}; valid: a list of NumPy arrays or "
                     "torch tensors, or one of them with a row a vector")


def stacked(rows: Any) -> Any:
    """One array or tensor of all rows."""
    if not isinstance(rows, list):
        return rows
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(rows[0], torch.Tensor):
        return torch.stack(rows)
    return sys.modules["numpy"].stack(rows)


def joined(rows: Any, further: Sequence[Any]) -> Any:
    """One array or tensor of all rows and the further ones."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(rows, torch.Tensor):
        return torch.cat([rows, torch.stack(list(further))]) if further else rows
    numpy = sys.modules["numpy"]
    return numpy.concatenate([rows, numpy.stack(list(further))]) if further else rows


def norm(vector: Any) -> float:
    """In double."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(vector, torch.Tensor):
        return float(vector.double().norm())
    return float(sys.modules["numpy"].linalg.norm(vector.astype("float64")))


def sent(attack: Attack, rows: Any, **more: Any) -> Any:
    """What colluders send, in the rows' dtype: attackers send in float32."""
    first = rows[0]
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(first, torch.Tensor):
        return attack([row.float() for row in rows], **more).to(first.dtype)
    return attack([row.astype("float32", copy=False) for row in rows], **more).astype(first.dtype, copy=False)


def whole(value: object, what: str, least: int = 0) -> int:
    """A whole number from `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UsageError(f"{what} is {value!r:.60}; valid: a whole number from {least}")
    return value


def number(value: object, what: str) -> float:
    """A number that is at least 0."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
        raise UsageError(f"{what} is {value!r:.60}; valid: a number from 0")
    return float(value)


def only(value: object, what: str, valid: object) -> None:
    """That an argument is the one value that the rule has here."""
    if value != valid:
        raise UsageError(f"{what} is {value!r:.60}; valid: {valid!r}")
