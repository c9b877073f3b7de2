"""Calls that a search makes up: arrays of any shape, strides, dtype and library, threads, lifetimes, objects that are nothing. The
result is what NumPy says, or one line of a detoxml.Error; nothing else is raised, and the interpreter lives."""
import array
import concurrent.futures
import gc
import itertools
import tempfile
import unittest

import detoxml as detox
import hypothesis
import numpy
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir
from kinds import OfAnArrayLibrary, OnlyDlpack

_nowhere = tempfile.TemporaryDirectory()
set_hypothesis_home_dir(_nowhere.name)
quickly = hypothesis.settings(max_examples=200, deadline=None, derandomize=True, database=None, print_blob=False,
                              suppress_health_check=list(hypothesis.HealthCheck))

ACCURACY = {"float16": 2.0**-11, "bfloat16": 2.0**-8, "float32": 2.0**-23, "float64": 2.0**-50}


def median(rows, f):
    ranked = numpy.sort(rows, axis=0)
    return (ranked[(len(rows) - 1) // 2] + ranked[len(rows) // 2]) / 2


def trimmed_mean(rows, f):
    return numpy.sort(rows, axis=0)[f:len(rows) - f].mean(0)


def signs(rows, f):
    """Zeros, and what is no number, count by the parity of their column, in step 0."""
    votes = numpy.where(numpy.isnan(rows) | (rows == 0), 1 - 2 * (numpy.arange(rows.shape[1]) % 2), numpy.sign(rows))
    return numpy.sign(votes.sum(0))


def cge(rows, f):
    """The mean of the finite rows of least norm."""
    norms = numpy.where(numpy.isfinite(rows).all(1), (rows**2).sum(1), numpy.inf)
    kept = [i for i in numpy.argsort(norms, kind="stable")[: len(rows) - f] if numpy.isfinite(norms[i])]
    return rows[kept].mean(0) if kept else numpy.zeros(rows.shape[1])


# The truth, and the fewest rows.
RULES = {"median": (median, lambda f: 2 * f + 1), "trimmed-mean": (trimmed_mean, lambda f: 2 * f + 1),
         "mean": (lambda rows, f: rows.mean(0), lambda f: 1), "signSGD": (signs, lambda f: 2 * f + 1), "cge": (cge, lambda f: 2 * f + 1)}


@st.composite
def numpy_arrays(draw):
    """Of any shape and strides: a piece of a larger one, turned, backwards, repeated, of odd addresses."""
    dtype = numpy.dtype(draw(st.sampled_from(["f2", "f2", "f4", "f4", "f4", "f8", "f8", "f8", ">f4", "i4"])))
    shape = [draw(st.integers(2, 7)), *draw(st.lists(st.integers(1, 7), max_size=2))]
    if draw(st.integers(0, 5)) == 0:
        shape = draw(st.lists(st.integers(0, 3), max_size=4))
    steps = [draw(st.sampled_from([1, 1, 1, 1, 1, 1, 2, -1])) for _ in shape]
    whole = [abs(step) * length + draw(st.sampled_from([0, 0, 0, 1])) for step, length in zip(steps, shape)]
    size = int(numpy.prod(whole, dtype=int))
    random = numpy.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = random.integers(-8, 9, size) * random.choice([0.25, 1, 1, 1, 1, 100], size)
    if draw(st.booleans()):
        values[random.random(size) < 0.05] = random.choice([numpy.nan, numpy.inf, -numpy.inf])
    offset = draw(st.sampled_from([0, 0, 0, 0, 0, 1]))
    memory = numpy.zeros(size * dtype.itemsize + offset, "u1")
    with numpy.errstate(invalid="ignore"):
        memory[offset:] = values.astype(dtype).view("u1")
    rows = memory[offset:].view(dtype).reshape(whole)[tuple(slice(None, None, step) for step in steps)]
    rows = rows[tuple(slice(0, length) for length in shape)]
    if rows.ndim > 1 and draw(st.integers(0, 7)) == 0:
        rows = rows.transpose(draw(st.permutations(range(rows.ndim))))
    if rows.ndim > 0 and len(rows) > 0 and draw(st.integers(0, 9)) == 0:
        rows = numpy.broadcast_to(rows[:1], (5, *rows.shape[1:]))
    rows = numpy.asarray(rows)
    rows.flags.writeable = draw(st.integers(0, 7)) > 0 and rows.flags.writeable
    return rows


def as_tensor(rows):
    with numpy.testing.suppress_warnings() as warnings:
        warnings.filter(UserWarning)  # it may not be written to
        return torch.from_numpy(rows)


# What a library is handed, or an error of its own.
KINDS = {
    "numpy": lambda rows: rows, "rows": list, "a tuple of rows": tuple, "memoryview": memoryview, "torch": as_tensor,
    "bfloat16": lambda rows: as_tensor(rows).bfloat16(), "tensors": lambda rows: list(as_tensor(rows)), "DLPack": OnlyDlpack,
    "an array library's": lambda rows: OfAnArrayLibrary(as_tensor(rows)),
    "array.arrays": lambda rows: [array.array({"f4": "f", "f8": "d"}[row.dtype.str[1:]], row.tobytes()) for row in rows],
    "of two libraries": lambda rows: [*rows[:-1], as_tensor(rows[-1])], "a row missing": lambda rows: [*rows, None],
    "nested": lambda rows: rows.tolist(),
}


class Raising:
    """Whatever is asked of it raises."""

    def refuse(self, *_):
        raise ZeroDivisionError("never")

    __index__ = __float__ = __iter__ = __len__ = __repr__ = __str__ = __hash__ = __eq__ = __bool__ = __format__ = refuse


ANYTHING = [None, True, -1, 0, 1, 2, 2**63, 2**64, 10**30, 0.5, float("nan"), float("inf"), "", "1", "krum", "a b", "a\nb", "x" * 9999, "\0",
            "\ud800", b"krum", [], [1, 2], {}, {1: 2}, (), object(), Raising(), Raising, int, numpy.ones(3), numpy.ones((3, 2)),
            numpy.float32(1), torch.ones(3), torch.tensor(2), lambda: 1, iter([1.0, 1, 1]), itertools.count()]


def values_of(x):
    """As doubles, of whatever kind."""
    x = getattr(x, "values", x) if isinstance(x, OnlyDlpack) else x
    return (x.detach().double().numpy() if isinstance(x, torch.Tensor) else numpy.asarray(x)).astype("float64")


def dtype_of(x):
    x = getattr(x, "values", x) if isinstance(x, OnlyDlpack) else x
    return str(x.dtype).removeprefix("torch.") if hasattr(x, "dtype") else numpy.asarray(x).dtype.name


class Search(unittest.TestCase):
    def agree(self, found, rows, rule, f, dtype):
        """Whether the result is that of NumPy, over rows as they were handed over."""
        with numpy.errstate(all="ignore"):
            truth = RULES[rule][0](rows.reshape(len(rows), -1), f)
        if found.size > 0 or truth.size > 0:  # a buffer without values has one dimension
            self.assertEqual(found.shape, rows.shape[1:])
        numpy.testing.assert_allclose(found.reshape(-1), truth, rtol=ACCURACY[dtype], atol=1e-6 if dtype != "float64" else 1e-12)

    @quickly
    @given(numpy_arrays(), st.sampled_from(sorted(KINDS)), st.sampled_from(sorted(RULES)), st.sampled_from([0, 0, 1, 1, 2]), st.integers(0, 3),
           st.booleans())
    def test_arrays_are_reduced_to_what_numpy_says_or_refused_in_one_line(self, rows, kind, rule, f, threads, with_report):
        try:
            handed = KINDS[kind](rows)
        except Exception:
            hypothesis.reject()  # that library's own
        try:
            found = detox.aggregate(handed, rule, f=f, threads=threads, report=with_report)
        except detox.Error as error:
            self.assertEqual(len(str(error).splitlines()), 1)
            plain = kind in ("numpy", "rows", "torch", "DLPack") and rows.dtype.isnative and rows.dtype.kind == "f" and rows.flags.c_contiguous \
                and rows.flags.aligned and (rows.flags.writeable or kind != "DLPack")
            self.assertFalse(plain and rows.ndim > 0 and len(rows) >= RULES[rule][1](f), f"{kind} {rows.shape}: {error}")
            return
        found = found[0] if with_report else found
        values = values_of(handed) if not isinstance(handed, (list, tuple)) else numpy.stack([values_of(row) for row in handed])
        self.agree(values_of(found), values, rule, f, dtype_of(found))

    @quickly
    @given(st.integers(1, 9), st.integers(0, 40), st.sampled_from(["f4", "f8"]), st.integers(0, 10**6))
    def test_krum_gives_a_row_of_least_score(self, n, d, dtype, seed):
        f = max(0, (n - 3) // 2)
        random = numpy.random.default_rng(seed)
        rows = random.standard_normal((n, d)).astype(dtype)
        rows[random.random(n) < 0.2] *= 1e5
        if n < 3:
            self.assertRaises(detox.UsageError, detox.aggregate, rows, "krum", f=f)
            return
        squares = ((rows[:, None].astype("f8") - rows[None]) ** 2).sum(2)
        scores = numpy.sort(squares, axis=1)[:, 1:n - f - 1].sum(1)
        found, report = detox.aggregate(rows, "krum", f=f, report=True)
        self.assertEqual(found.tobytes(), rows[report.selected[0]].tobytes())
        self.assertLessEqual(scores[report.selected[0]], scores.min() * (1 + 1e-5) + 1e-12)

    @quickly
    @given(st.data())
    def test_options_of_any_kind_are_taken_or_refused_in_one_line(self, data):
        anything = st.integers(0, len(ANYTHING) - 1)  # not the objects: the search would print them
        names = st.sampled_from(["rows", "rule", "f", "pre", "weights", "step", "seed", "out", "report", "threads", "semantics",
                                 "krum_select", "clip_radius", "tolerance", "nothing", "rows"])
        options = {name: ANYTHING[i] for name, i in data.draw(st.dictionaries(names, anything, min_size=1, max_size=2)).items()}
        rows = options.pop("rows", numpy.ones((3, 4)))
        if data.draw(st.booleans()):
            rows = [rows, rows]
        try:
            detox.aggregate(rows, **options)
        except detox.Error as error:
            self.assertEqual(len(str(error).splitlines()), 1, str(error))
        for call in (lambda: detox.Pre(options.get("pre", "nnm"), f=options.get("f", 0), seed=options.get("seed"))(rows),
                     lambda: detox.digest(rows), lambda: detox.vote({1: rows}, [1, 2])):
            try:
                call()
            except detox.Error as error:
                self.assertEqual(len(str(error).splitlines()), 1, str(error))

    @quickly
    @given(st.dictionaries(st.sampled_from(["__dlpack__", "__dlpack_device__", "__array_namespace__", "__array_interface__", "__class__",
                                            "__len__", "__getitem__", "shape", "dtype", "from_dlpack", "data_ptr"]),
                           st.sampled_from([None, 0, (1, 0), (1,), "x", b"", [], {}, ValueError("no\nway"), KeyError(), torch, numpy.ndarray, object()])),
           st.booleans())
    def test_objects_that_are_no_arrays_are_refused_in_one_line(self, parts, in_a_list):
        def part(value):
            def answer(self, *_, **__):
                if isinstance(value, Exception):
                    raise value
                return value
            return answer

        made = type("Thing", (), {name: property(part(value)) if name == "__class__" else part(value) for name, value in parts.items()})()
        for given_rows in ([made, made] if in_a_list else made, [numpy.ones(3), made]):
            with self.assertRaises(detox.UsageError) as caught:
                detox.aggregate(given_rows)
            self.assertEqual(len(str(caught.exception).splitlines()), 1)

    @hypothesis.settings(quickly, max_examples=100)
    @given(st.lists(st.tuples(st.sampled_from(["make", "call", "drop", "share", "drop rows", "collect"]), st.integers(0, 10**6)), max_size=12))
    def test_results_outlive_rows_rules_and_each_other(self, steps):
        held, results, rules = [], [], []
        for step, number in steps:
            if step == "make":
                values = torch.full((3, 1 + number % 70), float(number % 100), dtype=[torch.float32, torch.float64, torch.bfloat16][number % 3])
                held.append([values, list(values), OfAnArrayLibrary(values)][number % 7 % 3])
                rules.append(detox.Rule(["median", "cge", "mean"][number % 5 % 3], f=1))
            elif step == "call" and held and rules:
                results.append((rules[number % len(rules)](held[number % len(held)]), values_of(held[number % len(held)][0])
                                if isinstance(held[number % len(held)], list) else values_of(held[number % len(held)])[0]))
            elif step == "share" and results:
                given_again = results[number % len(results)][0]
                if given_again.values.ndim == 1 if isinstance(given_again, OnlyDlpack) else True:
                    held.append([given_again] * 3)
            elif step in ("drop", "drop rows"):
                kept = rules if step == "drop" else held
                if kept:
                    kept.pop(number % len(kept))
            elif step == "collect":
                gc.collect(0)
            for found, wanted in results:
                numpy.testing.assert_array_equal(values_of(found), wanted)

    @hypothesis.settings(quickly, max_examples=40)
    @given(st.lists(st.tuples(st.sampled_from(sorted(RULES)), st.integers(1, 9), st.integers(0, 200), st.sampled_from(["f2", "f4", "f8"])),
                    min_size=2, max_size=12), st.integers(1, 3))
    def test_threads_share_rules_without_harm(self, calls, threads):
        shared = {rule: detox.Rule(rule, threads=threads) for rule, *_ in calls}
        inputs = [(rule, numpy.random.default_rng(n).integers(-4, 5, (n, d)).astype(dtype)) for rule, n, d, dtype in calls]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda call: shared[call[0]](call[1]), inputs * 3))
        for (rule, rows), result in zip(inputs * 3, found):
            self.agree(result.astype("f8"), rows.astype("f8"), rule, 0, result.dtype.name)


if __name__ == "__main__":
    unittest.main()
