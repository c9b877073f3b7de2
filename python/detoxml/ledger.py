"""What each worker was seen doing: the ledger of a run."""
from __future__ import annotations

import bisect
import pathlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, overload

from . import _journal
from .errors import InputError, UsageError

KINDS = ("convicted", "outvoted", "equivocated", "malformed", "bad-chunk", "oversized", "flood", "late-agree", "late-outvoted",
         "missing", "undelivered", "bad-relay")


class LedgerEntry(NamedTuple):
    """One observation.

    Attributes
    ----------
    step, slice, worker : int
        Steps and workers from 1, slices from 0.
    kind : str
        As ``"outvoted"``, ``"missing"``, ``"convicted"``: docs/formats/run-directory.md has all.
    accusation : bool
        Whether it says that the worker did something wrong; who is late or missing may be slow.
    attempt : int
        How often the run had gone back before (``heal``).
    taken_back : bool
        Whether the run went back over this step later. What the worker did stays true.
    said, truth, arbiter : str
        Of a conviction: digests of what it sent and of what the arbiter found, and who that was; else empty.
    """

    step: int
    slice: int
    worker: int
    kind: str
    accusation: bool
    attempt: int = 0
    taken_back: bool = False
    said: str = ""
    truth: str = ""
    arbiter: str = ""


class Ledger(Sequence[LedgerEntry]):
    """Who was outvoted, missing, convicted, and when: all entries in the order in which they were written, also of steps that a
    healing run took back.

    Examples
    --------
    >>> from detoxml import Ledger, LedgerEntry
    >>> ledger = Ledger([LedgerEntry(1, 0, 7, "outvoted", True), LedgerEntry(2, 3, 7, "outvoted", True),
    ...                  LedgerEntry(2, 1, 4, "missing", False)])
    >>> ledger.totals()
    {4: {'missing': 1}, 7: {'outvoted': 2}}
    >>> ledger.workers("outvoted")
    (7,)
    >>> [entry.step for entry in ledger.of(worker=7)]
    [1, 2]
    """

    def __init__(self, entries: Iterable[LedgerEntry]) -> None:
        self._entries = tuple(entries)

    @overload
    def __getitem__(self, index: int) -> LedgerEntry: ...

    @overload
    def __getitem__(self, index: slice) -> Ledger: ...

    def __getitem__(self, index: int | slice) -> LedgerEntry | Ledger:
        return Ledger(self._entries[index]) if isinstance(index, slice) else self._entries[index]

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[LedgerEntry]:
        return iter(self._entries)

    def __repr__(self) -> str:
        counts = Counter(entry.kind for entry in self._entries)
        return f"<detoxml.Ledger {', '.join(f'{counts[kind]} {kind}' for kind in KINDS if counts[kind]) or 'nothing'}>"

    def of(self, kind: str | None = None, worker: int | None = None) -> Ledger:
        """The entries of one kind, of one worker, or both."""
        if kind is not None and kind not in KINDS:
            raise UsageError(f"kind is {kind!r:.60}; valid: {', '.join(KINDS)}")
        return Ledger(entry for entry in self._entries if kind in (None, entry.kind) and worker in (None, entry.worker))

    def workers(self, kind: str | None = None) -> tuple[int, ...]:
        """Whom entries, or those of one kind, are about; ascending."""
        return tuple(sorted({entry.worker for entry in self.of(kind)}))

    def totals(self) -> dict[int, dict[str, int]]:
        """How many entries of each kind each worker has, by worker; workers without an entry are not there."""
        counts: dict[int, Counter[str]] = {}
        for entry in self._entries:
            counts.setdefault(entry.worker, Counter())[entry.kind] += 1
        return {worker: {kind: of_worker[kind] for kind in KINDS if of_worker[kind]}
                for worker, of_worker in sorted(counts.items())}


def read_ledger(path: pathlib.Path, backs: Sequence[_journal.Back]) -> Ledger:
    """The ledger of a run that went back as these say."""
    attempts = sorted({back.attempt for back in backs})
    # What steps each attempt left: those behind the least step that any later one went back to are taken again.
    left: list[float] = []
    least = float("inf")
    for attempt in reversed(attempts):
        least = min([least] + [back.to for back in backs if back.attempt == attempt])
        left.insert(0, least)

    def entry(line: dict[str, Any], where: str) -> LedgerEntry:
        step, attempt = _journal.whole(line, "step", where), _journal.whole(line, "attempt", where, 0)
        kind = _journal.text(line, "kind", where)
        if kind not in KINDS:
            raise InputError(f"{where}: kind is {kind!a:.60}; valid: {', '.join(KINDS)}")
        later = bisect.bisect_right(attempts, attempt)
        return LedgerEntry(step, _journal.whole(line, "slice", where), _journal.whole(line, "worker", where), kind,
                           _journal.flag(line, "accusation", where), attempt, later < len(left) and step > left[later],
                           *(_journal.text(line, name, where, "")[:64] for name in ("said", "truth", "arbiter")))

    return Ledger(entry(line, where) for where, line in _journal.lines_of(path))
