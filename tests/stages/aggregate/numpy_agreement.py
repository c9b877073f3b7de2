"""Writes matrices (`make`), or compares the results with NumPy's and SciPy's (`check`)."""
import sys

import numpy as np
from scipy import stats

folder = sys.argv[2]
cases = [(n, dtype) for n in (5, 8, 21, 40) for dtype in ("float32", "float64")]
expected = {
    "coord-median": lambda x: np.median(x, axis=0),
    "normal": lambda x: np.mean(x.astype("float64"), axis=0).astype(x.dtype),
    # proportiontocut is rounded down to whole rows: a little more than f / n
    "trimmed-mean": lambda x: stats.trim_mean(x.astype("float64"), 2.001 / len(x), axis=0),
}
for n, dtype in cases:
    name = f"{folder}/{n}-{dtype}"
    if sys.argv[1] == "make":
        np.save(f"{name}.npy", np.random.default_rng(n).standard_normal((n, 1003)).astype(dtype))
        continue
    rows = np.load(f"{name}.npy")
    for rule, reference in expected.items():
        found = np.load(f"{name}-{rule}.npy")
        assert found.dtype == rows.dtype and found.shape == (1003,)
        tolerance = 1e-6 if dtype == "float32" else 1e-13
        np.testing.assert_allclose(found, reference(rows), rtol=tolerance, atol=tolerance / 10)
