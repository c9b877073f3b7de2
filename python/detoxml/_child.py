"""The program as a child of this process: it dies with it, and what it says is read as it comes."""
from __future__ import annotations

import collections
import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
import tty
from collections.abc import Callable
from typing import Any

from ._others import imported
from .errors import InputError

# Becomes the program, once the kernel knows to ask it for its end (SIGTERM) when the parent's thread ends. In place of
# preexec_fn, which may not be used where there are threads.
_BECOME = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, 15, 0, 0, 0)
for number in (signal.SIGPIPE, signal.SIGXFSZ): signal.signal(number, signal.SIG_DFL)
if os.getppid() == int(sys.argv[1]):
    try: os.execv(sys.argv[2], sys.argv[2:])
    except OSError as error: sys.exit(f"detoxml: {sys.argv[2]}: {error.strerror}")
"""
_POLL = 0.2
_GRACE = 60.0
_MOST_KEPT = 1 << 20
_BAR = re.compile(r"\[[#.]*\] ")
_ERASE = "\x1b[K"


class Screen:
    """What a program says, as a terminal would show it."""

    def __init__(self) -> None:
        #: str: the line that is being redrawn.
        self.open_line = ""
        self._lines: collections.deque[str] = collections.deque()
        self._size, self._left = 0, b""

    def take(self, said: bytes) -> None:
        *lines, left = (self._left + said)[-_MOST_KEPT:].split(b"\n")
        self._left = left[max(0, left.rfind(b"\r", 0, -1)) :]  # of a bar what is shown, and not all that was
        for line in lines:
            shown = self._shown(line)
            if not _BAR.match(shown):
                self._lines.append(f"{shown}\n")
                self._size += len(shown) + 1
        while self._size > _MOST_KEPT:
            self._size -= len(self._lines.popleft())
        self.open_line = self._shown(self._left)

    @property
    def text(self) -> str:
        """Whole lines, without bars; of a great many the last."""
        return "".join(self._lines)

    @staticmethod
    def _shown(line: bytes) -> str:
        return line.decode("utf-8", "replace").rstrip("\r").rsplit("\r", 1)[-1].replace(_ERASE, "")


class Child:
    """A program that runs.

    on_output(bytes, Screen) is called for what it says; where draws is true it believes that it is on a terminal.
    """

    def __init__(self, command: list[str], draws: bool, on_output: Callable[[bytes, Screen], None]) -> None:
        self.screen = Screen()
        self._on_output, self._asked = on_output, 0
        self._ours, theirs = pty.openpty() if draws else os.pipe()
        try:
            if draws:
                tty.setraw(theirs)
                self._fit()
            words = [sys.executable, "-I", "-S", "-c", _BECOME, str(os.getpid()), *command] if sys.executable else command
            # In a session of its own, so that Ctrl-C reaches it through here alone: a second one would end it at once.
            python = {"DETOX_PYTHON": sys.executable} if sys.executable else {}  # for attacks of files
            self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs,
                                             start_new_session=True, env={**python, **os.environ})
        except OSError as error:
            os.close(self._ours)
            raise InputError(f"{command[0]}: {error.strerror}") from None
        finally:
            os.close(theirs)
        self._draws = draws

    def wait(self) -> tuple[int, int]:
        """Until it has ended: its exit code, negative for a signal's, and how often this process was interrupted meanwhile. The
        first interrupt asks it for an end behind its step, the second ends it at once."""
        try:
            while True:
                try:
                    if self._read(_POLL) is None and self._process.poll() is not None:
                        break
                except KeyboardInterrupt:
                    self._asked += 1
                    self._interrupt()
            return self._process.returncode, self._asked
        finally:
            self._end()

    def _read(self, patience: float) -> bytes | None:
        """What it said; None where nothing came in time, or will ever come."""
        if not select.select([self._ours], [], [], patience)[0]:
            return None
        try:
            said = os.read(self._ours, 1 << 16)
        except OSError:  # of a terminal that nobody has open any more
            said = b""
        if not said:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(patience)
            return None
        self.screen.take(said)
        if self._draws:
            self._fit()
        self._on_output(said, self.screen)
        return said

    def _interrupt(self) -> None:
        if self._process.poll() is None:
            if self._asked > 2:
                self._kill()
            else:
                self._process.send_signal(signal.SIGINT)

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _end(self) -> None:
        """Whatever happened, nothing is left."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_GRACE)
            except subprocess.TimeoutExpired:
                self._kill()
                self._process.wait()
        os.close(self._ours)

    def _fit(self) -> None:
        """Its terminal is as wide as this one."""
        import fcntl
        import termios

        with contextlib.suppress(OSError, ValueError, AttributeError):
            size = fcntl.ioctl(sys.stderr.fileno(), termios.TIOCGWINSZ, bytes(8))
            fcntl.ioctl(self._ours, termios.TIOCSWINSZ, size)


def on_terminal(said: bytes, screen: Screen) -> None:
    """To standard error, as the program drew it."""
    sys.stderr.flush()
    number = sys.stderr.fileno()
    while said:
        said = said[os.write(number, said):]


def as_text(said: bytes, screen: Screen) -> None:
    """To standard error, whatever that is here."""
    sys.stderr.write(said.decode("utf-8", "replace"))


def quietly(said: bytes, screen: Screen) -> None:
    pass


class NotebookBar:
    """A bar in the output of a notebook's cell, redrawn in its place."""

    _STEP = re.compile(r"step (\d+)/(\d+)")
    _OFTEN = 0.25

    def __init__(self) -> None:
        self._shown: Any = None
        self._when = 0.0

    def __call__(self, said: bytes, screen: Screen) -> None:
        line = _BAR.sub("", screen.open_line)
        at = self._STEP.search(line)
        if at is None or at[1] != at[2] and time.monotonic() - self._when < self._OFTEN:
            return
        bundle = {"text/plain": line, "text/html": f"<progress value={at[1]} max={at[2]} style='width:20em'></progress> {line}"}
        if self._shown is None:
            self._shown = imported("IPython.display", "a bar").display(bundle, raw=True, display_id=True)
        else:
            self._shown.update(bundle, raw=True)
        self._when = time.monotonic()


def in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return hasattr(shell, "kernel")


def on_a_terminal() -> bool:
    try:
        return os.isatty(sys.stderr.fileno())
    except (AttributeError, OSError, ValueError):
        return False
