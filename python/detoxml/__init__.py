"""Robust aggregation of vectors of which some are hostile: the rules of DETOX for NumPy, torch and whatever has buffers.

    import detoxml as detox
    mean = detox.aggregate(gradients, "multi-krum", f=2)
"""
from . import _library
from .aggregation import Pre, Rejection, Report, Rule, RuleInfo, aggregate, rules
from .attacking import Attack, AttackInfo, attacks
from .errors import Error, InputError, RunError, UsageError
from .ledger import Ledger, LedgerEntry
from .own_attack import OwnAttack, attack
from .own_rule import OwnRule, rule
from .run_directory import RunDirectory
from .training import train
from .voting import Vote, digest, vote

__version__: str = _library.text(_library.lib.detox_version())
__all__ = ["Attack", "AttackInfo", "Error", "InputError", "Ledger", "LedgerEntry", "OwnAttack", "OwnRule", "Pre", "Rejection",
           "Report", "Rule", "RuleInfo", "RunDirectory", "RunError", "UsageError", "Vote", "aggregate", "attack", "attacks", "digest",
           "rule", "rules", "train", "vote"]
