"""Packages of others, imported where they are needed."""
from __future__ import annotations

import importlib
from typing import Any

from .errors import UsageError


def imported(name: str, what: str) -> Any:
    """The module; UsageError where it is not there, as what needs it."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise UsageError(f"{name} cannot be imported, which {what} needs; valid: an environment that has it") from None
