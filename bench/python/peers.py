#!/usr/bin/python3
"""The rules beside those of others, in one process and over the same rows: processor time and wall, in milliseconds.

    PYTHONPATH=python DETOXML_LIBRARY=build/release/src/library/libdetoxml.so python3 bench/python/peers.py

ByzFL and ByzPy, where they can be imported (what they import and do not need here is stood in for), and lines of NumPy and torch. Each result is compared with ours first, the geometric median by its sum of distances; * is a result that
differs. One thread in a process of its own, then all of them in another. Each time is the least of several calls.
"""
import contextlib
import os
import subprocess
import sys
import time
import unittest.mock

import detoxml as detox
import numpy
import torch

SIZES = [(15, 10_000), (15, 1_000_000), (45, 10_000), (45, 1_000_000)]
SECONDS, MOST_CALLS = 1.0, 50
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def squared_distances(x):
    norms = (x * x).sum(1)
    return norms[:, None] + norms[None] - 2 * x @ x.T


def numpy_krum(x, f, m=1):
    scores = numpy.sort(squared_distances(x), 1)[:, 1:len(x) - f - 1].sum(1)
    return x[numpy.argsort(scores)[:m]].mean(0)


def torch_distances(x):
    return torch.cdist(x, x, compute_mode="use_mm_for_euclid_dist")  # else sums of a million float32 one after another


def torch_krum(x, f, m=1):
    scores = torch_distances(x).square().sort(1).values[:, 1:len(x) - f - 1].sum(1)
    return x[scores.argsort()[:m]].mean(0)


def torch_trimmed_mean(x, f):
    return x.sort(0).values[f:len(x) - f].mean(0)


def weiszfeld(x, norm, rounds=100, least=1e-6):
    z = x.mean(0)
    for _ in range(rounds):
        weights = 1 / norm(x - z).clip(1e-12)
        before, z = z, weights @ x / weights.sum()
        if norm((z - before)[None])[0] <= least * norm(z[None])[0]:
            break
    return z


def numpy_nnm(x, f):
    kept = numpy.argsort(squared_distances(x), 1)[:, :len(x) - f]
    mix = numpy.zeros((len(x), len(x)), x.dtype)
    numpy.put_along_axis(mix, kept, 1 / (len(x) - f), 1)
    return mix @ x


def torch_nnm(x, f):
    kept = torch_distances(x).argsort(1)[:, :len(x) - f]
    return torch.zeros(len(x), len(x)).scatter_(1, kept, 1 / (len(x) - f)) @ x


def lines_of_others(f):
    """Of a rule: what a user of NumPy, or of torch, writes."""
    def numpy_trimmed_mean(x):
        return numpy.sort(x, 0)[f:len(x) - f].mean(0)

    return {
        "median": (lambda x: numpy.median(x, 0), lambda t: t.median(0).values),
        "trimmed-mean": (numpy_trimmed_mean, lambda t: torch_trimmed_mean(t, f)),
        "krum": (lambda x: numpy_krum(x, f), lambda t: torch_krum(t, f)),
        "multi-krum": (lambda x: numpy_krum(x, f, len(x) - f - 2), lambda t: torch_krum(t, f, len(t) - f - 2)),
        "geometric-median": (lambda x: weiszfeld(x, lambda v: numpy.linalg.norm(v, axis=1)), lambda t: weiszfeld(t, lambda v: v.norm(dim=1))),
        "nnm, trimmed-mean": (lambda x: numpy_trimmed_mean(numpy_nnm(x, f)), lambda t: torch_trimmed_mean(torch_nnm(t, f), f)),
    }


def packages(n, f):
    """Of a rule: ByzFL's over NumPy, and ByzPy's over tensors. Their multi-krum takes other rows than the paper's: compared with our semantics."""
    found = {}
    for name in ("torchvision", "torchvision.transforms", "torchvision.datasets", "torchvision.models", "seaborn"):
        try:
            __import__(name)
        except ImportError:
            sys.modules[name] = unittest.mock.MagicMock()
    with contextlib.suppress(ImportError):
        import byzfl
        trimmed, mixed = byzfl.TrMean(f), byzfl.NNM(f)
        found["ByzFL"] = {"median": byzfl.Median(), "trimmed-mean": trimmed, "krum": byzfl.Krum(f), "multi-krum": byzfl.MultiKrum(f),
                          "geometric-median": byzfl.GeometricMedian(), "nnm, trimmed-mean": lambda x: trimmed(mixed(x))}
    with contextlib.suppress(ImportError):
        from byzpy.aggregators.coordinate_wise.median import CoordinateWiseMedian
        from byzpy.aggregators.coordinate_wise.trimmed_mean import CoordinateWiseTrimmedMean
        from byzpy.aggregators.geometric_wise.geometric_median import GeometricMedian
        from byzpy.aggregators.geometric_wise.krum import Krum, MultiKrum
        from byzpy.pre_aggregators.nnm import NearestNeighborMixing
        cut, near = CoordinateWiseTrimmedMean(f), NearestNeighborMixing(f)
        found["ByzPy"] = {"median": CoordinateWiseMedian().aggregate, "trimmed-mean": cut.aggregate, "krum": Krum(f).aggregate,
                          "multi-krum": MultiKrum(f, n - f - 2).aggregate, "geometric-median": GeometricMedian().aggregate,
                          "nnm, trimmed-mean": lambda rows: cut.aggregate(near.pre_aggregate(rows))}
    return found


def is_ours(who, rule, found, ours, rows, f):
    found = numpy.asarray(found)
    if rule == "geometric-median":
        ours_sum, sum_found = (numpy.linalg.norm(rows - z, axis=1).sum(dtype="float64") for z in (ours, found))
        return sum_found <= ours_sum * 1.001
    if rule == "multi-krum" and who == "ByzFL":  # the mean of n - f rows
        ours = detox.aggregate(rows, rule, f=f, semantics="byzfl")
    elif rule in ("krum", "multi-krum") and who == "ByzPy":  # of n - f - 1 neighbours
        ours = detox.aggregate(rows, rule, f=f, semantics="byzpy", **({"krum_select": len(rows) - f - 2} if rule == "multi-krum" else {}))
    return numpy.allclose(found, ours, rtol=1e-3, atol=1e-5)


def milliseconds(call):
    """Processor time and wall: the least of calls for a second, at least two."""
    call()
    spent, least = 0.0, (float("inf"), float("inf"))
    for _ in range(MOST_CALLS):
        wall, processor = time.perf_counter(), time.process_time()
        call()
        took = time.process_time() - processor, time.perf_counter() - wall
        least = tuple(map(min, least, took))
        spent += took[1]
        if spent > SECONDS:
            break
    return least[0] * 1e3, least[1] * 1e3


def figure(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def measure(threads):
    print(f"torch {torch.get_num_threads()} threads; detoxml {'one' if threads == 1 else 'one a core'}; processor time / wall, ms\n")
    names = None
    for n, d in SIZES:
        f = n // 5
        rows = numpy.random.default_rng(n).standard_normal((n, d)).astype("float32")
        tensor = torch.from_numpy(rows)
        others, lines = packages(n, f), lines_of_others(f)
        if names is None:
            names = ["detoxml", "NumPy", "torch", *others]
            print("| rule | n | d |", " | ".join(names), "|\n| --- | ---: | ---: |", " | ".join(["---:"] * len(names)), "|")
        for rule, (of_numpy, of_torch) in lines.items():
            made = detox.Rule(rule.split()[-1], f=f, threads=threads, pre="nnm" if rule.startswith("nnm") else "none")
            calls = {"detoxml": lambda made=made: made(rows), "NumPy": lambda: of_numpy(rows), "torch": lambda: of_torch(tensor)}
            for who, rules in others.items():
                handed = rows if who == "ByzFL" else list(tensor)
                calls[who] = lambda rules=rules, handed=handed: rules[rule](handed)
            ours = made(rows)
            cells = []
            for who, call in calls.items():
                mark = "" if is_ours(who, rule, call(), ours, rows, f) else " *"
                cells.append(" / ".join(map(figure, milliseconds(call))) + mark)
            print(f"| {rule} | {n} | {d:,} |", " | ".join(cells), "|", flush=True)


def main():
    os.environ.pop("OPENBLAS_CORETYPE", None)
    if len(sys.argv) > 1:
        torch.set_num_threads(1 if sys.argv[1] == "one" else len(os.sched_getaffinity(0)))
        return measure(1 if sys.argv[1] == "one" else 0)
    for which in ("one", "all"):
        environment = {name: value for name, value in os.environ.items() if name not in THREADS}
        environment |= dict.fromkeys(THREADS, "1") if which == "one" else {}
        subprocess.run([sys.executable, __file__, which], env=environment, check=True)
        print(flush=True)


if __name__ == "__main__":
    main()
