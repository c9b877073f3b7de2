"""Rules, steps and reports from Python: the bytes of the C interface, for every rule, dtype and kind of array."""
import ctypes
import doctest
import os
import threading
import unittest

import detoxml as detox
import detoxml.aggregation
import numpy
import torch
from kinds import KINDS, as_bytes

N, D, F = 9, 3000, 1


def matrix(dtype, n=N, d=D, seed=1):
    values = numpy.random.default_rng(seed).standard_normal((n, d)).astype(dtype)
    values[2] *= 1e6
    values[3, ::7] = numpy.nan
    return values


def of_c(rows, rule, options, step=0):
    """The C functions of one type, without the package."""
    library = ctypes.CDLL(os.environ["DETOXML_LIBRARY"])
    library.detox_create.restype = ctypes.c_void_p
    made = ctypes.c_void_p(library.detox_create(rule.encode(), options.encode(), ctypes.c_size_t(1)))
    assert made.value
    out = numpy.empty(rows.shape[1], rows.dtype)
    pointers = (ctypes.c_void_p * len(rows))(*[row.ctypes.data for row in rows])
    function = {"float32": library.detox_aggregate_float, "float64": library.detox_aggregate_double}[rows.dtype.name]
    assert function(made, pointers, ctypes.c_size_t(len(rows)), ctypes.c_size_t(rows.shape[1]), ctypes.c_uint64(step),
                    ctypes.c_void_p(out.ctypes.data)) == 0
    library.detox_destroy(made)
    return out.tobytes()


class Aggregate(unittest.TestCase):
    def test_gives_the_bytes_of_c_for_every_rule_dtype_and_kind_of_array(self):
        self.assertGreaterEqual(len(detox.rules()), 17)
        for dtype in ("float32", "float64"):
            rows = matrix(dtype)
            for rule in detox.rules():
                wanted = of_c(rows, rule.name, f"f={F}", step=3)
                for kind, make in KINDS.items():
                    with self.subTest(rule=rule.name, dtype=dtype, kind=kind):
                        self.assertEqual(as_bytes(detox.aggregate(make(rows), rule.name, f=F, step=3)), wanted)

    def test_hands_every_option_on(self):
        rows = matrix("float32")
        for rule, options, words in [
                ("multi-krum", {"krum_select": 3}, "krum-select=3"), ("centered-clipping", {"clip_radius": 0.1 + 0.2}, "clip-radius=0.30000000000000004"),
                ("dnc", {"seed": 5}, "seed=5"), ("krum", {"pre": "nnm,bucketing:s=2", "seed": 2}, "pre=nnm,bucketing:s=2 seed=2"),
                ("krum", {"pre": detox.Pre("nnm", f=F)}, "pre=nnm"), ("median", {"semantics": "byzpy"}, "semantics=byzpy"),
                ("bulyan", {"bulyan_variant": "detox"}, "bulyan-variant=detox"), ("median", {"threads": 2}, "")]:
            with self.subTest(rule=rule, options=options):
                self.assertEqual(as_bytes(detox.aggregate(rows, rule, f=F, **options)), of_c(rows, rule, f"f={F} {words}"))

    def test_result_is_of_the_rows_library_dtype_and_shape(self):
        rows = matrix("float64").reshape(N, 30, 100)
        result = detox.aggregate(rows, f=F)
        self.assertEqual((type(result), result.dtype, result.shape), (numpy.ndarray, rows.dtype, (30, 100)))
        result = detox.aggregate(torch.tensor(rows), f=F)
        self.assertEqual((type(result), result.dtype, tuple(result.shape)), (torch.Tensor, torch.float64, (30, 100)))
        result = detox.aggregate(memoryview(rows), f=F)
        self.assertEqual((type(result), result.format, result.shape), (memoryview, "d", (30, 100)))
        self.assertEqual(detox.aggregate(numpy.float32([1, 5, 2])).shape, ())

    def test_writes_into_memory_of_the_caller(self):
        rows = matrix("float32")
        wanted = as_bytes(detox.aggregate(rows, "krum", f=F))
        for out in (numpy.empty(D, "float32"), torch.empty(D), memoryview(bytearray(4 * D)).cast("f")):
            self.assertIs(detox.aggregate(rows, "krum", f=F, out=out), out)
            self.assertEqual(as_bytes(out), wanted)

    def test_weighs_rows(self):
        rows = numpy.array([[1.0], [2.0], [6.0]])
        for weights in ([1, 1, 2], numpy.array([1, 1, 2]), torch.tensor([1.0, 1, 2])):
            self.assertEqual(detox.aggregate(rows, "mean", weights=weights, weight_cap=3), [3.75])
        self.assertEqual(detox.aggregate(rows, "mean", weight_cap=3), [3.0])

    def test_reports_who_is_in_the_result_and_why_others_are_not(self):
        rows = matrix("float32")
        result, report = detox.aggregate(rows, "multi-krum", f=2, report=True)
        self.assertEqual(as_bytes(result), as_bytes(detox.aggregate(rows, "multi-krum", f=2)))
        self.assertEqual(len(report.selected), N - 2 - 2)
        self.assertFalse({2, 3} & set(report.selected))
        self.assertEqual({row for row, _ in report.rejected} | set(report.selected), set(range(N)))
        self.assertEqual(dict(report.rejected)[3], "not finite")
        self.assertEqual(len(report.scores), N)
        self.assertAlmostEqual(sum(report.weights), 1)
        self.assertEqual(detox.aggregate(rows, f=2, report=True)[1], ((), (), (), ()))

    def test_a_rule_says_what_it_needs(self):
        krum = detox.Rule("Multi_Krum", f=2)
        self.assertEqual((krum.name, krum.requirement, krum.f), ("multi-krum", "n >= 2f + 3", 2))
        self.assertIn("NeurIPS", krum.paper)
        self.assertEqual(krum.unmet(7), "")
        self.assertEqual(krum.unmet(6), "multi-krum needs n >= 2f + 3: n = 6, f = 2")
        self.assertIn("f=2", repr(krum))
        traits = {rule.name: (rule.takes_weights, rule.draws) for rule in detox.rules()}
        self.assertEqual((traits["coord-median"], traits["dnc"], traits["krum"]), ((True, False), (False, True), (False, False)))

    def test_steps_by_themselves_are_what_a_rule_behind_them_sees(self):
        rows = matrix("float64")[[0, 1, 4, 5, 6, 7, 8]]
        points = detox.Pre("nnm", f=F)(rows)
        self.assertEqual(points.shape, rows.shape)
        numpy.testing.assert_allclose(detox.aggregate(points, "mean"), detox.aggregate(rows, "mean", f=F, pre="nnm"), rtol=1e-12, atol=1e-12)
        halves = detox.Pre("bucketing:s=2", seed=7)(torch.tensor(rows).reshape(7, 30, 100), step=2)
        self.assertEqual(tuple(halves.shape), (4, 30, 100))
        out = numpy.empty_like(rows)
        self.assertIs(detox.Pre("none")(rows, out=out), out)
        self.assertEqual(out.tobytes(), rows.tobytes())

    def test_a_rule_is_shared_by_threads_and_survives_a_fork(self):
        rows = matrix("float32", d=200_000)
        rule = detox.Rule("krum", f=F)
        wanted = as_bytes(rule(rows))
        found = []
        threads = [threading.Thread(target=lambda: found.extend(as_bytes(rule(rows)) for _ in range(5))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(found, [wanted] * 20)
        child = os.fork()
        if child == 0:
            os._exit(0 if as_bytes(rule(rows)) == wanted else 1)
        self.assertEqual(os.waitpid(child, 0)[1], 0)

    def test_examples_of_the_docstrings_run(self):
        self.assertGreaterEqual(doctest.testmod(detoxml.aggregation).attempted, 8)
        self.assertEqual(doctest.testmod(detoxml.aggregation).failed, 0)


if __name__ == "__main__":
    unittest.main()
