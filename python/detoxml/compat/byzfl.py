"""ByzFL's aggregators, pre-aggregators and attacks over these rules, by its definitions and with its requirements.

    from detoxml.compat import byzfl
    byzfl.TrMean(f=1)(vectors)

Vectors are a list of NumPy arrays or torch tensors, or one of them with a row a vector; results are of the same kind. As there,
tensors become float32. Nothing of the caller is written to. What differs and why: docs/coming-from.md.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..aggregation import Pre, Rule
from ..attacking import Attack
from ..errors import UsageError
from ._vectors import joined, norm, number, only, rows_from, sent, stacked, whole

__all__ = ["ALittleIsEnough", "ARC", "Average", "Bucketing", "CAF", "CenteredClipping", "Clipping", "Gaussian",
           "GeometricMedian", "Inf", "InnerProductManipulation", "Krum", "LabelFlipping", "MDA", "Meamed", "Median", "Mimic",
           "MoNNA", "MultiKrum", "NNM", "Optimal_ALittleIsEnough", "Optimal_InnerProductManipulation", "SMEA", "SignFlipping",
           "TrMean"]


def _rows(vectors: Any) -> Any:
    return rows_from(vectors, "float32")


class _Aggregator:
    def __init__(self, rule: str, f: int = 0, **options: Any) -> None:
        self.f = whole(f, "f")
        self._rule = Rule(rule, f=self.f, semantics="byzfl", **options)

    def __call__(self, vectors: Any) -> Any:
        """The (d) result of n vectors; UsageError where they are too few for f."""
        return self._rule(_rows(vectors))


class Average(_Aggregator):
    """The mean: `normal`."""

    def __init__(self) -> None:
        super().__init__("normal")


class Median(_Aggregator):
    """The median of each coordinate: `coord-median`."""

    def __init__(self) -> None:
        super().__init__("coord-median")


class TrMean(_Aggregator):
    """The mean of each coordinate without its f least and f greatest values: `trimmed-mean`."""

    def __init__(self, f: int = 0) -> None:
        super().__init__("trimmed-mean", f)


class GeometricMedian(_Aggregator):
    """Three rounds of Weiszfeld from 0: `geometric-median`, semantics byzfl. nu and T are those of its definition there."""

    def __init__(self, nu: float = 0.1, T: int = 3) -> None:
        only(nu, "nu", 0.1)
        only(T, "T", 3)
        super().__init__("geometric-median")


class Krum(_Aggregator):
    """The row of least score over n - f - 1 others: `krum`, semantics byzfl."""

    def __init__(self, f: int = 0) -> None:
        super().__init__("krum", f)


class MultiKrum(_Aggregator):
    """The mean of the n - f rows of least score: `multi-krum`, semantics byzfl."""

    def __init__(self, f: int = 0) -> None:
        super().__init__("multi-krum", f)


class CenteredClipping(_Aggregator):
    """L rounds of v + mean of the differences clipped to tau, from m, and later from its own last result: `centered-clipping`.

    A m that is not 0 is subtracted from the vectors first, and added again.
    """

    def __init__(self, m: Any = None, L: int = 1, tau: float = 100.0) -> None:
        super().__init__("centered-clipping", clip_rounds=whole(L, "L", 1), clip_radius=number(tau, "tau"))
        self.m, self.L, self.tau = m, L, tau

    def __call__(self, vectors: Any) -> Any:
        rows = _rows(vectors)
        if self.m is None:
            self.m = self._rule(rows)
        else:
            self.m = self.m + self._rule(stacked(rows) - self.m)
        return self.m


class MDA(_Aggregator):
    """The mean of the n - f rows of least diameter: `mda`."""

    def __init__(self, f: int = 0) -> None:
        super().__init__("mda", f)


class MoNNA(_Aggregator):
    """The mean of the n - f rows nearest row idx: `monna`."""

    def __init__(self, f: int = 0, idx: int = 0) -> None:
        super().__init__("monna", f, reference_row=whole(idx, "idx"))
        self.idx = idx


class Meamed(_Aggregator):
    """The mean of the n - f values nearest the median: `meamed`."""

    def __init__(self, f: int = 0) -> None:
        super().__init__("meamed", f)


class CAF(_Aggregator):
    """`caf`, with the eigenvector itself in the place of one power iteration from a random start."""

    def __init__(self, f: int = 0) -> None:
        super().__init__("caf", f)


class SMEA(_Aggregator):
    """`smea`, found exactly in the place of one power iteration a subset from a random start."""

    def __init__(self, f: int = 0) -> None:
        super().__init__("smea", f)


class _PreAggregator:
    def __init__(self, steps: str, f: int = 0, seed: int | None = None) -> None:
        self._pre = Pre(steps, f=whole(f, "f"), seed=seed)

    def __call__(self, vectors: Any) -> Any:
        """The (n', d) vectors that n vectors become, as one array or tensor."""
        return self._pre(_rows(vectors))


class NNM(_PreAggregator):
    """Each row becomes the mean of its n - f nearest: `nnm`."""

    def __init__(self, f: int = 0) -> None:
        super().__init__("nnm", f)
        self.f = f


class Bucketing(_PreAggregator):
    """Means of s rows, permuted at random: `bucketing`. Draws of the seed and the number of the call."""

    def __init__(self, s: int = 1, *, seed: int | None = None) -> None:
        super().__init__(f"bucketing:s={whole(s, 's', 1)}", seed=seed)
        self.s, self._calls = s, 0

    def __call__(self, vectors: Any) -> Any:
        self._calls += 1
        return self._pre(_rows(vectors), step=self._calls)


class Clipping(_PreAggregator):
    """Rows of a norm beyond c are scaled down to it: `clipping`."""

    def __init__(self, c: float = 2.0) -> None:
        super().__init__(f"clipping:c={number(c, 'c')!r}")
        self.c = c


class ARC(_PreAggregator):
    """The rows of greatest norm are scaled down to the next norm: `arc`."""

    def __init__(self, f: int = 0) -> None:
        super().__init__("arc", f)
        self.f = f


class _Attack:
    _attack: Attack

    def __call__(self, honest_vectors: Any) -> Any:
        """The (d) vector that every colluder sends."""
        return sent(self._attack, _rows(honest_vectors))


class SignFlipping(_Attack):
    """Minus the mean: `ipm`, c = -1."""

    def __init__(self) -> None:
        self._attack = Attack("ipm", c=-1)


class InnerProductManipulation(_Attack):
    """-tau times the mean: `ipm`, c = -tau."""

    def __init__(self, tau: float = 2.0) -> None:
        self._attack, self.tau = Attack("ipm", c=-tau), tau


class ALittleIsEnough(_Attack):
    """The mean plus tau deviations: `alie`, z = tau, sign plus."""

    def __init__(self, tau: float = 1.5) -> None:
        self._attack, self.tau = Attack("alie", z=tau, sign="plus"), tau


class Mimic(_Attack):
    """A copy of honest vector epsilon: `mimic`."""

    def __init__(self, epsilon: int = 0) -> None:
        self._attack, self.epsilon = Attack("mimic", c=whole(epsilon, "epsilon")), epsilon


class Inf(_Attack):
    """Infinity everywhere: `infinity`."""

    def __init__(self) -> None:
        self._attack = Attack("infinity")


class Gaussian(_Attack):
    """Noise of mean mu and deviation sigma: `gaussian`. Draws of the seed and the number of the call."""

    def __init__(self, mu: float = 0.0, sigma: float = 1.0, *, seed: int | None = None) -> None:
        self._attack = Attack("gaussian", c=number(sigma, "sigma"), seed=seed)
        self.mu, self.sigma, self._calls = mu, sigma, 0

    def __call__(self, honest_vectors: Any) -> Any:
        self._calls += 1
        return sent(self._attack, _rows(honest_vectors), step=self._calls)[0] + self.mu


class LabelFlipping:
    """The mean of gradients that were computed for flipped labels: `normal`."""

    def __init__(self) -> None:
        self._average = Average()

    def __call__(self, vectors: Any) -> Any:
        return self._average(vectors)


class _Searched:
    """The factor for which `agg`, behind `pre_agg_list`, moves farthest from the honest mean, by ByzFL's own search."""

    _attack_with: Callable[[float], Any]

    def __init__(self, agg: Any = None, pre_agg_list: Sequence[Any] | None = None, f: int = 1, evals: int = 20, start: float = 0.0,
                 delta: float = 10.0, ratio: float = 0.8) -> None:
        self.agg = Average() if agg is None else agg
        self.pre_agg_list = [Clipping()] if pre_agg_list is None else pre_agg_list
        self.f, self.evals, self.start, self.delta, self.ratio = whole(f, "f"), whole(evals, "evals", 1), start, delta, ratio
        if delta == 0 or not 0.5 < ratio < 1:
            raise UsageError(f"delta is {delta!r:.40}, ratio {ratio!r:.40}; valid: a delta but 0, a ratio between 0.5 and 1")

    def _harm(self, honest: Any, mean: Any, tau: float) -> float:
        vectors = joined(honest, [type(self)._attack_with(tau)(honest)] * self.f)
        for pre in self.pre_agg_list:
            vectors = pre(vectors)
        return norm(self.agg(vectors) - mean)

    def __call__(self, honest_vectors: Any) -> Any:
        """The (d) vector that every colluder sends."""
        honest = stacked(_rows(honest_vectors))
        mean = Average()(honest)
        best, step, grows = float(self.start), float(self.delta), True
        most = self._harm(honest, mean, best)
        for _ in range(self.evals - 1):
            harm = self._harm(honest, mean, best + step)
            is_better = harm > most
            if is_better:
                best, most = best + step, harm
            grows = grows and is_better
            step *= 2 if grows else self.ratio
        return type(self)._attack_with(best)(honest)


class Optimal_InnerProductManipulation(_Searched):
    """`InnerProductManipulation` with the tau that does most harm."""

    _attack_with = InnerProductManipulation


class Optimal_ALittleIsEnough(_Searched):
    """`ALittleIsEnough` with the tau that does most harm."""

    _attack_with = ALittleIsEnough
