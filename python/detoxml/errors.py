"""What can go wrong, each in one line that says what would be valid."""
from __future__ import annotations

from typing import Any


class Error(Exception):
    """Anything that this package refuses or fails at."""


class UsageError(Error, ValueError):
    """The caller's mistake: a name, an option, a shape, a dtype, too few rows."""


class InputError(Error):
    """The machine's: no library, no memory, no threads; a file, a directory or a process that is not as it must be."""


class RunError(Error):
    """A run that ended before its last step, in the program's words.

    Attributes
    ----------
    code : int
        The program's exit code: 3, too many steps in a row could not be defended; 4, too few workers compute the same bits; 5,
        the weights are not finite any more; 130, it was interrupted by somebody else; 128 + N, signal N ended it.
    run : RunDirectory or None
        What it left.
    """

    def __init__(self, message: str, code: int, run: Any = None) -> None:
        super().__init__(message)
        self.code, self.run = code, run

    def __reduce__(self) -> Any:  # else what is raised in a pool of processes cannot be read, and the pool waits for ever
        return type(self), (*self.args, self.code, self.run)
