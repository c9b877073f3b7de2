"""ByzPy's aggregators, pre-aggregators and attacks over these rules, by its definitions and with its requirements.

    from detoxml.compat import byzpy
    byzpy.CoordinateWiseTrimmedMean(f=1).aggregate(gradients)

Gradients are a list of NumPy arrays or torch tensors of one shape; results are of the same kind. ``chunk_size`` and
``feature_chunk_size``, by which ByzPy splits work among its actors, are taken and not needed. What differs and why:
docs/coming-from.md.
"""
from __future__ import annotations

import random
import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from ..aggregation import Pre, Rule
from ..attacking import Attack
from ..errors import UsageError
from ._vectors import number, only, rows_from, sent, whole

__all__ = ["ARC", "Bucketing", "CAF", "CenteredClipping", "Clipping", "ComparativeGradientElimination",
           "CoordinateWiseMedian", "CoordinateWiseTrimmedMean", "EmpireAttack", "GaussianAttack", "GeometricMedian",
           "InfAttack", "Krum", "LittleAttack", "MeanOfMedians", "MimicAttack", "MinimumDiameterAveraging", "MoNNA",
           "MultiKrum", "NearestNeighborMixing", "SMEA", "SignFlipAttack"]


class _Aggregator:
    def __init__(self, rule: str, f: int = 0, semantics: str = "byzpy", **options: Any) -> None:
        self.f = whole(f, "f")
        self._rule = Rule(rule, f=self.f, semantics=semantics, **options)

    def aggregate(self, gradients: Sequence[Any]) -> Any:
        """The result of n gradients, of their shape; UsageError where they are too few for f."""
        return self._rule(rows_from(gradients))


class CoordinateWiseMedian(_Aggregator):
    """The median of each coordinate, of an even number the lower one: `coord-median`, semantics byzpy."""

    def __init__(self, *, chunk_size: int = 8192) -> None:
        super().__init__("coord-median")


class CoordinateWiseTrimmedMean(_Aggregator):
    """The mean of each coordinate without its f least and f greatest values: `trimmed-mean`."""

    def __init__(self, f: int, *, chunk_size: int = 4096) -> None:
        super().__init__("trimmed-mean", f)


class MeanOfMedians(_Aggregator):
    """The mean of the n - f values nearest the lower median: `meamed`, semantics byzpy."""

    def __init__(self, f: int, *, chunk_size: int = 8192) -> None:
        super().__init__("meamed", f)


class Krum(_Aggregator):
    """The row of least score over n - f - 1 others: `krum`, semantics byzpy."""

    def __init__(self, f: int, *, chunk_size: int = 32) -> None:
        super().__init__("krum", f)


class MultiKrum(_Aggregator):
    """The mean of the q rows of least score: `multi-krum`, semantics byzpy."""

    def __init__(self, f: int, q: int, *, chunk_size: int = 32) -> None:
        super().__init__("multi-krum", f, krum_select=whole(q, "q", 1))
        self.q = q


class GeometricMedian(_Aggregator):
    """Weiszfeld from the lower median: `geometric-median`, semantics byzpy. The arguments are those of its definition there."""

    def __init__(self, *, tol: float = 1e-6, max_iter: int = 256, eps: float = 1e-12, init: str = "median",
                 chunk_size: int = 32) -> None:
        only(tol, "tol", 1e-6)
        only(max_iter, "max_iter", 256)
        only(eps, "eps", 1e-12)
        only(init, "init", "median")
        super().__init__("geometric-median")


class MinimumDiameterAveraging(_Aggregator):
    """The mean of the n - f rows of least diameter: `mda`, semantics byzpy."""

    def __init__(self, f: int, *, chunk_size: int = 256) -> None:
        super().__init__("mda", f)


class MoNNA(_Aggregator):
    """The mean of the n - f rows nearest a trusted one: `monna`."""

    def __init__(self, f: int, *, reference_index: int = 0, chunk_size: int = 32) -> None:
        super().__init__("monna", f, reference_row=whole(reference_index, "reference_index"))
        self.reference_index = reference_index


class SMEA(_Aggregator):
    """The mean of the n - f rows of which the covariance has the least greatest eigenvalue: `smea`."""

    def __init__(self, f: int, *, chunk_size: int = 256) -> None:
        super().__init__("smea", f)


class CenteredClipping(_Aggregator):
    """M rounds from the mean, the lower median or 0: `centered-clipping`, semantics byzpy, or paper where it does not start at
    the mean. A median is subtracted from the gradients first, and added again.
    """

    def __init__(self, *, c_tau: float, M: int = 10, eps: float = 1e-12, init: str = "mean",
                 chunk_size: int = 32) -> None:
        only(eps, "eps", 1e-12)
        if init not in ("mean", "median", "zero"):
            raise UsageError(f"init is {init!r:.40}; valid: 'mean', 'median', 'zero'")
        super().__init__("centered-clipping", semantics="byzpy" if init == "mean" else "paper",
                         clip_radius=number(c_tau, "c_tau"), clip_rounds=whole(M, "M", 1))
        self.c_tau, self.M, self.init = float(c_tau), M, init
        self._start = Rule("coord-median", semantics="byzpy") if init == "median" else None

    def aggregate(self, gradients: Sequence[Any]) -> Any:
        rows = rows_from(gradients)
        if self._start is None:
            return self._rule(rows)
        start = self._start(rows)
        return start + self._rule([row - start for row in rows])


class ComparativeGradientElimination(_Aggregator):
    """The mean of the n - f rows of least norm: `cge`, semantics byzpy."""

    def __init__(self, f: int, *, chunk_size: int = 8192) -> None:
        super().__init__("cge", f)


class CAF(_Aggregator):
    """`caf`, with the eigenvector itself in the place of `power_iters` power iterations, a number that is not needed."""

    def __init__(self, f: int, *, chunk_size: int = 256, power_iters: int = 3) -> None:
        super().__init__("caf", f)


class _PreAggregator:
    _pre: Pre

    def pre_aggregate(self, xs: Sequence[Any]) -> list[Any]:
        """The n' gradients that n become."""
        return list(self._pre(rows_from(xs)))


class NearestNeighborMixing(_PreAggregator):
    """Each row becomes the mean of its n - f nearest: `nnm`."""

    def __init__(self, f: int, *, feature_chunk_size: int = 8192) -> None:
        self._pre, self.f = Pre("nnm", f=whole(f, "f")), f


class Clipping(_PreAggregator):
    """Rows of a norm beyond the threshold are scaled down to it: `clipping`."""

    def __init__(self, threshold: float = 2.0, *, chunk_size: int = 32) -> None:
        self._pre, self.threshold = Pre(f"clipping:c={number(threshold, 'threshold')!r}"), float(threshold)


class ARC(_PreAggregator):
    """The rows of greatest norm are scaled down to the next norm: `arc`."""

    def __init__(self, f: int = 0, *, chunk_size: int = 32) -> None:
        self._pre, self.f = Pre("arc", f=whole(f, "f")), f


class Bucketing:
    """Means of bucket_size rows, in the order `perm`, or in one that `rng` shuffles."""

    def __init__(self, bucket_size: int, *, feature_chunk_size: int = 8192, perm: Iterable[int] | None = None,
                 rng: random.Random | None = None) -> None:
        self.bucket_size = whole(bucket_size, "bucket_size", 1)
        self.perm = None if perm is None else [int(place) for place in perm]
        self.rng = rng or random.Random()
        self._mean = Rule("normal")

    def pre_aggregate(self, xs: Sequence[Any]) -> list[Any]:
        """The ceil(n / bucket_size) means; UsageError where perm is no order of n rows."""
        rows = rows_from(xs)
        order = list(range(len(rows)))
        if self.perm is None:
            self.rng.shuffle(order)
        elif sorted(self.perm) != order:
            raise UsageError(f"perm has {len(self.perm)} places; valid: each of the {len(rows)} rows once")
        else:
            order = self.perm
        size = self.bucket_size
        return [self._mean([rows[i] for i in order[begin:begin + size]]) for begin in range(0, len(order), size)]


class _Attack:
    _attack: Attack

    def apply(self, *, model: Any = None, x: Any = None, y: Any = None, honest_grads: Sequence[Any] | None = None,
              base_grad: Any = None) -> Any:
        """What every colluder sends, of a gradient's shape.

        Parameters
        ----------
        honest_grads : list of arrays or tensors
            For every attack but `SignFlipAttack`.
        base_grad : array or tensor
            The attacker's own gradient, for `SignFlipAttack`.
        model, x, y
            Not needed by these attacks.
        """
        return sent(self._attack, self._known(honest_grads))

    def _known(self, honest_grads: Sequence[Any] | None) -> Any:
        if honest_grads is None or len(honest_grads) == 0:
            raise UsageError(f"{type(self).__name__} needs honest_grads; valid: a list of gradients")
        return rows_from(honest_grads)


class EmpireAttack(_Attack):
    """The mean times scale: `ipm`."""

    def __init__(self, scale: float = -1.0, *, chunk_size: int = 8) -> None:
        self._attack, self.scale = Attack("ipm", c=scale), float(scale)


class LittleAttack(_Attack):
    """The mean plus z deviations, z from N and f: `alie`, sign plus, ddof 0."""

    def __init__(self, f: int, N: int | None = None, *, chunk_size: int = 8192) -> None:
        self.f, self.N = whole(f, "f"), N if N is None else whole(N, "N", 1)

    def _z(self, honest: int) -> float:
        total = honest + self.f if self.N is None else self.N
        if total < self.f:
            raise UsageError(f"N is {total}, f {self.f}; valid: N from f")
        supporters = max(1, total // 2 + 1 - self.f)
        share = (total - supporters) / total
        return statistics.NormalDist().inv_cdf(min(max(share, 1e-12), 1 - 1e-12))

    def apply(self, *, model: Any = None, x: Any = None, y: Any = None, honest_grads: Sequence[Any] | None = None,
              base_grad: Any = None) -> Any:
        rows = self._known(honest_grads)
        return sent(Attack("alie", z=self._z(len(rows)), sign="plus", ddof=0), rows)


class SignFlipAttack(_Attack):
    """The attacker's own gradient times scale: `rev_grad`."""

    def __init__(self, scale: float = -1.0, *, chunk_size: int = 8192) -> None:
        self._attack, self.scale = Attack("rev_grad", c=scale), float(scale)

    def apply(self, *, model: Any = None, x: Any = None, y: Any = None, honest_grads: Sequence[Any] | None = None,
              base_grad: Any = None) -> Any:
        if base_grad is None:
            raise UsageError("SignFlipAttack needs base_grad; valid: a gradient")
        return sent(self._attack, rows_from([base_grad]))[0]


class GaussianAttack(_Attack):
    """Noise of mean mu and deviation sigma: `gaussian`. Draws of the seed and the number of the call."""

    def __init__(self, mu: float = 0.0, sigma: float = 1.0, *, seed: int | None = None, chunk_size: int = 8192) -> None:
        self._attack = Attack("gaussian", c=number(sigma, "sigma"), seed=seed)
        self.mu, self.sigma, self._calls = float(mu), sigma, 0

    def apply(self, *, model: Any = None, x: Any = None, y: Any = None, honest_grads: Sequence[Any] | None = None,
              base_grad: Any = None) -> Any:
        self._calls += 1
        return sent(self._attack, self._known(honest_grads), step=self._calls)[0] + self.mu


class InfAttack(_Attack):
    """Infinity everywhere: `infinity`."""

    def __init__(self, *, chunk_size: int = 8192) -> None:
        self._attack = Attack("infinity")


class MimicAttack(_Attack):
    """A copy of honest gradient epsilon: `mimic`."""

    def __init__(self, epsilon: int = 0, *, chunk_size: int = 8192) -> None:
        self._attack, self.epsilon = Attack("mimic", c=whole(epsilon, "epsilon")), epsilon
