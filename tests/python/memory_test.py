"""What a call takes beside the rows, in a process of its own."""
import re
import unittest

import detoxml as detox
import numpy


def most_resident():
    with open("/proc/self/status", encoding="ascii") as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1]) / 1e3


class Memory(unittest.TestCase):
    def test_a_chain_over_45_rows_of_a_million_takes_less_than_20_megabytes(self):
        for dtype in ("float16", "float32"):
            rows = numpy.zeros((45, 1_000_000), dtype)
            rows += numpy.arange(45, dtype=dtype)[:, None]
            detox.aggregate(rows[:, :1000], "krum", f=5, pre="nnm", threads=1)
            before = most_resident()
            detox.aggregate(rows, "krum", f=5, pre="nnm", threads=1)
            self.assertLess(most_resident() - before, 20, dtype)


if __name__ == "__main__":
    unittest.main()
