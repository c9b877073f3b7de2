"""Arrays as rows: no copy, no import of anybody's library, nobody's memory written."""
import array
import os
import pathlib
import subprocess
import sys
import unittest

import detoxml as detox
import numpy
import torch
from detoxml import arrays
from kinds import KINDS, OnlyDlpack


class Arrays(unittest.TestCase):
    def test_rows_are_pointers_to_where_the_values_lie(self):
        rows = numpy.arange(24, dtype="float32").reshape(4, 6)
        wanted = [rows.ctypes.data + 24 * i for i in range(4)]
        shared = torch.from_numpy(rows)
        for given in (rows, list(rows), shared, list(shared), OnlyDlpack(rows), [OnlyDlpack(row) for row in rows], memoryview(rows),
                      [memoryview(row) for row in rows], rows.reshape(4, 2, 3)):
            taken = arrays.rows_of(given)
            self.assertEqual((list(taken.pointers), taken.n, taken.d), (wanted, 4, 6))
        self.assertEqual(list(arrays.rows_of(rows[::-1]).pointers), wanted[::-1])
        self.assertEqual(list(arrays.rows_of(rows[::2, :3]).pointers), wanted[::2])
        self.assertEqual(list(arrays.rows_of(numpy.broadcast_to(rows[0], (3, 6))).pointers), wanted[:1] * 3)

    def test_rows_are_never_written(self):
        for kind, make in KINDS.items():
            rows = numpy.random.default_rng(2).standard_normal((7, 100))
            before = rows.tobytes()
            given = make(rows)
            for rule in detox.rules():
                detox.aggregate(given, rule.name, f=1, pre="nnm")
            self.assertEqual(rows.tobytes(), before, kind)
        rows.setflags(write=False)
        detox.aggregate(rows, f=1)

    def test_dlpack_is_given_back(self):
        values = numpy.ones((5, 8), "float32")
        before = sys.getrefcount(values)
        for _ in range(100):
            arrays.rows_of(OnlyDlpack(values))
        self.assertEqual(sys.getrefcount(values), before)

    def test_buffers_cannot_be_resized_while_they_are_rows(self):
        values = [array.array("f", [1, 2]) for _ in range(3)]
        rows = arrays.rows_of(values)
        self.assertRaises(BufferError, values[1].append, 3)
        del rows
        values[1].append(3)

    def test_nothing_is_imported_for_buffers(self):
        code = ("import array, sys, detoxml; detoxml.aggregate([array.array('f', [1, 2])] * 3); "
                "print(sorted({'numpy', 'torch'} & set(sys.modules)))")
        said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
        self.assertEqual(said.stdout, "[]\n")

    @unittest.skipIf((pathlib.Path(detox.__file__).parent / "lib").exists(), "a wheel has its own library")
    def test_a_missing_library_is_one_line(self):
        for where, why in (("/nowhere/libdetoxml.so", "cannot open /nowhere/libdetoxml.so"), ("libc.so.6", "has no detox_version")):
            said = subprocess.run([sys.executable, "-c", "import detoxml"], capture_output=True, text=True, check=False,
                                  env=os.environ | {"DETOXML_LIBRARY": where})
            self.assertNotEqual(said.returncode, 0)
            self.assertIn(why, said.stderr.splitlines()[-1])
            self.assertIn("valid: ", said.stderr.splitlines()[-1])


if __name__ == "__main__":
    unittest.main()
