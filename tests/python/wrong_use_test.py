"""What callers do wrong is one line of a UsageError; what hostile values do is nothing; neither ends the interpreter."""
import array
import unittest

import detoxml as detox
import numpy
import torch
from kinds import OnlyDlpack


class WrongUse(unittest.TestCase):
    def refused(self, why, rows, *words, **options):
        with self.assertRaises(detox.UsageError) as caught:
            detox.aggregate(rows, *words, **options)
        self.assertIn(why, str(caught.exception))
        self.assertEqual(len(str(caught.exception).splitlines()), 1)

    def test_of_names_and_options_is_refused(self):
        rows = numpy.ones((7, 4), "float32")
        self.refused("did you mean krum?", rows, "crumb")
        self.refused("valid: a text", rows, 5)
        self.refused("valid: a text", rows, ["krum"])
        self.refused("valid: a text", rows, "krum\0")
        self.refused("its name here", rows, detox.Rule("krum"))
        self.refused("valid: f, pre, krum-select", rows, "krum", karum_select=3)
        self.refused("without blanks", rows, "krum", krum_select="3 f=0")
        self.refused("f is -1", rows, f=-1)
        self.refused("f is 1.0", rows, f=1.0)
        self.refused("f is '1'", rows, f="1")
        self.refused("seed is 1.5", rows, seed=1.5)
        self.refused("step is -1", rows, step=-1)
        self.refused("threads: 5000", rows, threads=5000)
        self.refused("did you mean nnm?", rows, pre="nmn")
        self.refused("did you mean byzfl?", rows, semantics="byzfi")
        self.refused("needs n >= 2f + 3: n = 7, f = 3", rows, "krum", f=3)
        self.refused("2 weights for 7 rows", rows, weights=[1, 2])
        self.refused("valid: 7 numbers", rows, weights=["a"] * 7)
        self.refused("weights", rows, "krum", weights=[1.0] * 7)
        self.refused("weight", rows, weights=[float("nan")] * 7)
        for make in (lambda: detox.Pre("nmn"), lambda: detox.Pre(5), lambda: detox.Pre("nnm", f=-1), lambda: detox.Pre("nnm", f=4)(rows),
                     lambda: detox.Pre("nnm")(numpy.broadcast_to(rows[0], (10**8, 4))),
                     lambda: detox.Pre("nnm")(rows, step=-1)):
            self.assertRaises(detox.UsageError, make)

    def test_of_shapes_strides_and_dtypes_is_refused(self):
        rows = numpy.ones((7, 4), "float32")
        self.refused("valid: an array or tensor", 5)
        self.refused("valid: an array or tensor", None)
        self.refused("valid: an array or tensor", {1: 2})
        self.refused("there are no rows", [])
        self.refused("row 0 is of type list", [[1.0, 2.0]])
        self.refused("rows have shape ()", numpy.float32(1).reshape(()))
        self.refused("needs n >= 2f + 1: n = 0", rows[:0])
        self.refused("takes at most 65535 rows: n = 100000000", numpy.broadcast_to(rows[0], (10**8, 4)), "krum")
        self.refused("row 1 has shape (3,), row 0 has (4,)", [rows[0], rows[1, :3]])
        self.refused("rows of one dtype", [rows[0], rows[1].astype("float64")])
        self.refused("rows of one dtype", [rows[0], torch.ones(4)])
        self.refused("numpy.ascontiguousarray", numpy.ones((4, 7), "float32").T)
        self.refused("numpy.ascontiguousarray", list(numpy.ones((4, 7), "float32").T))
        self.refused("torch.Tensor.contiguous", torch.ones(4, 7).T)
        for dtype in ("int32", "complex64", ">f4", "object", "longdouble", "bool", "U3", "datetime64[s]"):
            self.refused("valid: float32", numpy.zeros((7, 4), dtype))
        self.refused("valid: float32", torch.ones(7, 4, dtype=torch.int64))
        self.refused("valid: float32", OnlyDlpack(numpy.ones((7, 4), "int32")))
        self.refused("valid: float32", b"some bytes")
        self.refused("masked", numpy.ma.masked_array(rows, rows > 0))
        self.refused("on meta", torch.ones(7, 4, device="meta"))
        self.refused("dense", torch.ones(7, 4).to_sparse())
        odd = numpy.frombuffer(bytearray(4 * 28 + 1), "float32", 28, 1).reshape(7, 4)
        self.refused("multiple of 4 bytes", odd)
        self.refused("multiple of 4 bytes", list(odd))

    def test_of_out_is_refused(self):
        rows = numpy.ones((7, 4), "float32")
        locked = numpy.empty(4, "float32")
        locked.setflags(write=False)
        for why, out in (("of shape (3,)", numpy.empty(3, "float32")), ("float64 of shape", numpy.empty(4)), ("cannot be written", locked),
                         ("cannot be written", torch.ones(4, requires_grad=True)), ("overlaps row 2", rows[2]), ("strides", numpy.empty(8, "float32")[::2]),
                         ("overlaps row 0", rows.reshape(-1)[1:5]), ("is of type str", "out"), ("dtype", bytearray(16))):
            self.refused(why, rows, out=out)
        self.assertEqual(rows.tolist(), numpy.ones((7, 4)).tolist())

    def test_of_dlpack_is_refused(self):
        class Broken(OnlyDlpack):
            def __dlpack__(self, **options):
                return "no capsule"

        class Elsewhere(OnlyDlpack):
            def __dlpack_device__(self):
                return 2, 0

        self.refused("no DLPack that can be read", Broken(numpy.ones((7, 4))))
        self.refused("on a device", Elsewhere(numpy.ones((7, 4))))

    def test_hostile_values_raise_nothing(self):
        numbers = numpy.array([numpy.nan, numpy.inf, -numpy.inf, 1e38, -1e38, 1e-45, 0, 1], "float32")
        draw = numpy.random.default_rng(3)
        for rule in detox.rules():
            for pre in ("none", "nnm", "arc"):
                for _ in range(5):
                    rows = draw.choice(numbers, (9, 33))
                    result, report = detox.aggregate(rows, rule.name, f=1, pre=pre, report=True)
                    self.assertEqual(result.shape, (33,))
                    self.assertLessEqual(set(report.selected), set(range(9)))

    def test_drawn_shapes_strides_and_dtypes_are_reduced_or_refused(self):
        draw = numpy.random.default_rng(4)
        taken = refused = 0
        for _ in range(3000):
            shape = tuple(draw.integers(0, 6, draw.integers(0, 4)))
            rows = numpy.zeros(shape, draw.choice(["f4", "f8", "i4", ">f4"]))
            rows = rows[tuple(slice(None, None, int(draw.choice([1, 1, 1, -1, 2]))) for _ in shape)]
            if draw.random() < 0.3:
                rows = rows.transpose(draw.permutation(len(shape)))
            if draw.random() < 0.3 and rows.dtype.isnative:
                rows = torch.tensor(rows.copy()).transpose(0, -1) if rows.ndim > 1 else torch.tensor(rows.copy())
            rule = detox.rules()[draw.integers(len(detox.rules()))].name
            try:
                result = detox.aggregate(rows, rule, f=int(draw.integers(0, 2)), pre=str(draw.choice(["none", "nnm"])))
                self.assertEqual(tuple(result.shape), tuple(rows.shape[1:]))
                taken += 1
            except detox.UsageError as error:
                self.assertNotIn("\n", str(error))
                refused += 1
        self.assertGreater(taken, 300)
        self.assertGreater(refused, 300)

    def test_an_array_that_others_hold_outlives_the_call(self):
        rows = [array.array("d", [float(i)] * 1000) for i in range(5)]
        result = detox.aggregate(rows)
        rows.clear()
        self.assertEqual(list(result), [2.0] * 1000)


if __name__ == "__main__":
    unittest.main()
