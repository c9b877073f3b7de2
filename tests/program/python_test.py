"""`import detoxml` gives the bytes of `detoxml aggregate` on the same rows."""

import pathlib
import sys

import numpy

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "python")]
from program import ProgramTest, main

import detoxml as detox


class Python(ProgramTest):
    def test_gives_the_bytes_of_the_program(self):
        for dtype in ("float32", "float64"):
            rows = numpy.random.default_rng(1).standard_normal((17, 3000)).astype(dtype)
            rows[2] *= 1e6
            rows[3, ::7] = numpy.nan
            numpy.save(self.folder / "rows.npy", rows)
            for rule in detox.rules():
                pre = "none" if rule.name in ("krum", "monna") else "nnm,bucketing:s=2"
                with self.subTest(rule=rule.name, dtype=dtype):
                    self.run_ok("aggregate", "--mode", rule.name, "--f", 1, "--pre", pre, "--seed", 5, "rows.npy", "-o", "out.npy")
                    result = detox.aggregate(rows, rule.name, f=1, pre=pre, seed=5)
                    self.assertEqual(result.tobytes(), numpy.load(self.folder / "out.npy").tobytes())


if __name__ == "__main__":
    main()
