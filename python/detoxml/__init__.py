"""Robust aggregation of vectors of which some are hostile: the rules of DETOX for NumPy, torch and whatever has buffers.

    import detoxml as detox
    mean = detox.aggregate(gradients, "multi-krum", f=2)
"""
from __future__ import annotations

from typing import TYPE_CHECKING

from . import _library
from .aggregation import Pre, Rejection, Report, Rule, RuleInfo, aggregate, rules
from .attacking import Attack, AttackInfo, attacks
from .errors import Error, InputError, RunError, UsageError
from .voting import Vote, digest, vote

if TYPE_CHECKING:
    from .ledger import Ledger, LedgerEntry
    from .own_attack import OwnAttack, attack
    from .own_rule import OwnRule, rule
    from .run_directory import RunDirectory
    from .training import train

__version__: str = _library.text(_library.lib.detox_version())
__all__ = ["Attack", "AttackInfo", "Error", "InputError", "Ledger", "LedgerEntry", "OwnAttack", "OwnRule", "Pre", "Rejection",
           "Report", "Rule", "RuleInfo", "RunDirectory", "RunError", "UsageError", "Vote", "aggregate", "attack", "attacks", "digest",
           "rule", "rules", "train", "vote"]
# What runs need takes longer to import than the rules: these come when they are asked for.
_LATER = {"Ledger": "ledger", "LedgerEntry": "ledger", "OwnAttack": "own_attack", "OwnRule": "own_rule",
          "RunDirectory": "run_directory", "attack": "own_attack", "rule": "own_rule", "train": "training"}

if not TYPE_CHECKING:  # which would take any name for one of these

    def __getattr__(name):
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import importlib

        for later, module in _LATER.items():  # all at once, so that they know one another whatever becomes of sys.modules
            globals()[later] = getattr(importlib.import_module(f".{module}", __name__), later)
        return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
