"""latency.bin as the program writes it, read by the package."""
import os
import pathlib
import subprocess
import tempfile
import unittest

import numpy

import detoxml as detox


class Latency(unittest.TestCase):
    def test_is_what_the_program_reads_itself(self):
        for workers in (1, 2, 9, 46):
            with self.subTest(workers=workers), tempfile.TemporaryDirectory() as name:
                folder = pathlib.Path(name)
                (folder / "config.toml").touch()
                file = folder / "latency.bin"
                said = subprocess.run([os.environ["LATENCY_SAMPLE"], file, str(workers)], check=True, capture_output=True, text=True).stdout
                expected = numpy.array([[float(word) for word in line.split()] for line in said.splitlines()])
                run = detox.RunDirectory(folder)
                step, seconds = run.latency()
                self.assertEqual(step.tolist(), [*range(1, 25), *range(26, 32)])
                self.assertEqual(step.tolist(), expected[:, 0].astype(int).tolist())
                numpy.testing.assert_allclose(seconds, expected[:, 1:], rtol=1e-6)
                self.assertLess(abs(seconds[-1, -1] / 3 - 1), 0.0031)
                self.assertTrue(numpy.isnan(seconds).any())
                self.assertLess(file.stat().st_size, 96 + 80 * (8 + 3 * (workers + 1) // 2))
                # Half a record is one that is being written.
                file.write_bytes(file.read_bytes()[:-2])
                self.assertEqual(run.latency().step.tolist(), step.tolist()[:-1])


if __name__ == "__main__":
    unittest.main()
