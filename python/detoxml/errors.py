"""What can go wrong, each in one line that says what would be valid."""


class Error(Exception):
    """Anything that this package refuses or fails at."""


class UsageError(Error, ValueError):
    """The caller's mistake: a name, an option, a shape, a dtype, too few rows."""


class InputError(Error):
    """The machine's: no library, no memory, no threads."""
