"""Rows of 16-bit floats: the bytes of the float32 result on the same values, rounded once by NumPy and torch."""
import gc
import unittest

import detoxml as detox
import numpy
import torch
from kinds import OfAnArrayLibrary, OnlyDlpack, as_bytes

try:
    import ml_dtypes
except ImportError:
    ml_dtypes = None

N, F = 11, 2
# Subnormal, greatest, infinite, NaN of both signs and of any payload.
AWKWARD = {torch.bfloat16: [0x0001, 0x8003, 0x7F7F, 0xFF7F, 0x7F80, 0xFF80, 0x7FC0, 0xFFC1, 0x7F81, 0x8000],
           torch.float16: [0x0001, 0x8003, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00, 0x7E00, 0xFE01, 0x7C01, 0x8000]}


def narrow_rows(dtype, d, n=N):
    """Honest rows with a subnormal number here and there, the last two of any bits."""
    draw = numpy.random.default_rng(d)
    rows = torch.tensor(draw.standard_normal((n, d))).to(dtype)
    bits = rows.view(torch.int16).numpy().view("uint16")
    bits[:, d // 2] = AWKWARD[dtype][1]
    bits[-2] = draw.choice(AWKWARD[dtype], d)
    bits[-1] = draw.integers(0, 65536, d)
    return rows


def rounded(result, dtype):
    """Bytes of float32 numbers, rounded by NumPy or torch, of which every NaN is the usual one (torch has others)."""
    if dtype is torch.float16:
        return result.numpy().astype("float16").tobytes()
    bits = result.to(dtype).view(torch.int16)
    return as_bytes(torch.where(result.isnan(), torch.tensor(0x7FC0, dtype=torch.int16), bits))


class Dtypes(unittest.TestCase):
    def test_every_rule_behind_every_step_gives_the_float32_result_rounded_once(self):
        seen = 0
        for dtype in AWKWARD:
            for d in (1, 333, 5001, 40_007):
                rows = narrow_rows(dtype, d)
                wide = rows.float()
                for pre in ("none", "nnm", "bucketing:s=2", "clipping", "arc", "clipping,nnm") if d < 40_000 else ("none", "nnm"):
                    for rule in detox.rules():
                        options = {"pre": pre, "f": F if not detox.Rule(rule.name, f=F, pre=pre).unmet(N) else 1}
                        if detox.Rule(rule.name, **options).unmet(N):
                            continue
                        with self.subTest(rule=rule.name, dtype=dtype, d=d, **options):
                            expected, of_floats = detox.aggregate(wide, rule.name, step=1, report=True, **options)
                            found, report = detox.aggregate(rows, rule.name, step=1, report=True, threads=2, **options)
                            self.assertEqual((found.dtype, found.shape), (dtype, (d,)))
                            self.assertEqual(as_bytes(found), rounded(expected, dtype))
                            self.assertEqual(report, of_floats)
                            seen += 1
        self.assertGreater(seen, 600)

    def test_every_kind_of_array_gives_the_same_bytes(self):
        for dtype in AWKWARD:
            rows = narrow_rows(dtype, 300)
            wanted = as_bytes(detox.aggregate(rows, "krum", f=F, pre="nnm"))
            kinds = [list(rows), OfAnArrayLibrary(rows), rows.reshape(N, 3, 100), torch.cat([rows, rows], 1)[:, :300]]
            if dtype is torch.float16:
                values = rows.numpy()
                kinds += [values, list(values), values[::-1][::-1], memoryview(values), [memoryview(row) for row in values],
                          OnlyDlpack(rows), [OnlyDlpack(row) for row in rows]]
            elif ml_dtypes is not None:
                values = rows.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
                kinds += [values, list(values)]
            for given in kinds:
                found = detox.aggregate(given, "krum", f=F, pre="nnm")
                self.assertEqual(as_bytes(found), wanted)
                if isinstance(given, numpy.ndarray):
                    self.assertEqual((type(found), found.dtype), (numpy.ndarray, given.dtype))

    def test_steps_weights_and_memory_of_the_caller(self):
        for dtype in AWKWARD:
            rows = narrow_rows(dtype, 4100)
            wide = rows.float()
            for steps in ("nnm", "bucketing:s=3", "arc"):
                made = detox.Pre(steps, f=F)
                self.assertEqual(as_bytes(made(rows)), rounded(made(wide), dtype))
            weights = [1.5] + [1] * (N - 1)
            out = torch.empty(4100, dtype=dtype)
            for rule in ("median", "trimmed-mean", "geometric-median", "centered-clipping"):
                self.assertIs(detox.aggregate(rows, rule, f=F, weights=weights, out=out), out)
                self.assertEqual(as_bytes(out), rounded(detox.aggregate(wide, rule, f=F, weights=weights), dtype))
            with self.assertRaisesRegex(detox.UsageError, f"valid: {str(dtype)[6:]} of shape"):
                detox.aggregate(rows, out=torch.empty(4100))

    def test_votes_and_digests_are_by_their_bytes(self):
        rows = narrow_rows(torch.bfloat16, 100)
        self.assertEqual(detox.digest(rows), detox.digest(as_bytes(rows)))
        self.assertEqual(detox.vote({1: rows[0], 2: rows[0].clone(), 3: rows[1]}).agreeing, (1, 2))
        halves = narrow_rows(torch.float16, 100).numpy()
        self.assertEqual(detox.digest(halves), detox.digest(halves.tobytes()))
        if ml_dtypes is not None:
            other = rows.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
            self.assertEqual(detox.digest(other), detox.digest(rows))

    def test_results_are_of_the_library_that_the_rows_are_of(self):
        for dtype in (torch.float32, torch.float64, torch.bfloat16, torch.float16):
            rows = torch.arange(24).reshape(3, 2, 4).to(dtype)
            found, report = detox.aggregate(OfAnArrayLibrary(rows), "median", f=1, report=True)
            self.assertIsInstance(found, OfAnArrayLibrary)
            self.assertTrue(torch.equal(found.values, rows[1]))
            self.assertEqual(found.values.data_ptr() % 64, 0)
            if dtype is not torch.bfloat16:  # which a function over NumPy cannot be handed
                own = detox.rule("second")(lambda given: given[1])
                self.assertTrue(torch.equal(own(OfAnArrayLibrary(rows)).values, rows[1]))
            self.assertEqual(detox.Pre("bucketing:s=2")(OfAnArrayLibrary(rows)).values.shape, (2, 2, 4))
            del found, report
        gc.collect()

    def test_what_no_library_takes_is_refused(self):
        class Unwilling(OnlyDlpack):
            def __array_namespace__(self):
                return self

            def from_dlpack(self, x):
                raise TypeError("not today")

        with self.assertRaisesRegex(detox.UsageError, "does not take the result: not today; valid: out"):
            detox.aggregate(Unwilling(torch.ones(3, 5)))
        with self.assertRaisesRegex(detox.UsageError, "no buffer of bfloat16 for the result; valid: out"):
            detox.aggregate(OnlyDlpack(torch.ones(3, 5).bfloat16()))
        out = torch.empty(5).bfloat16()
        detox.aggregate(OnlyDlpack(torch.ones(3, 5).bfloat16()), out=out)
        self.assertEqual(out.tolist(), [1] * 5)
        for refused in (numpy.zeros((3, 4), "V2"), numpy.zeros((3, 4), ">f2"), numpy.zeros((3, 4), "int16")):
            with self.assertRaisesRegex(detox.UsageError, "valid: float32, float64, bfloat16, float16"):
                detox.aggregate(refused)


if __name__ == "__main__":
    unittest.main()
