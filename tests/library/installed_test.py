"""Installs the library into a folder of its own and builds examples/library against that, outside the tree."""
import os
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        raise AssertionError(f"{command}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


class InstalledLibrary(unittest.TestCase):
    def test_is_found_and_used_by_programs_outside_the_tree(self):
        with tempfile.TemporaryDirectory() as folder:
            prefix, build = pathlib.Path(folder, "prefix"), pathlib.Path(folder, "build")
            run("cmake", "--install", os.environ["DETOX_BUILD"], "--prefix", prefix)
            headers = sorted(path.name for path in prefix.glob("include/detox/*"))
            self.assertEqual(headers, sorted(os.listdir(ROOT / "include/detox")))
            run("cmake", "-S", ROOT / "examples/library", "-B", build, f"-DCMAKE_PREFIX_PATH={prefix}")
            run("cmake", "--build", build)
            rules = run(build / "rules_from_cpp").splitlines()
            self.assertGreaterEqual(len(rules), 17)
            refused = [line for line in rules if "refused" in line]
            self.assertEqual([line.split()[0] for line in refused], ["bulyan"])
            for line in rules:
                name, value = line.split()[:2]
                if name == "normal":
                    self.assertGreater(float(value), 1e27)
                elif name not in ("bulyan", "centered-clipping"):
                    self.assertTrue(0.9 < float(value) < 1.2, line)
            text = run(build / "rules_from_c")
            self.assertIn("multi-krum, needs n >= 2f + 3, with f=1 pre=nnm: 1.0", text)
            self.assertIn("did you mean multi-krum?", text)
            median, krum, own = map(float, run(build / "own_rule").splitlines())
            for value in (median, krum, own):
                self.assertTrue(1 < value < 1.1, value)
            self.assertEqual(run(build / "own_rule_from_c").splitlines(), [
                "coord-median, needs n >= 2f + 1, with f=1: 1.5", "least-but-f, needs n >= 2f + 1, with f=1: 1.25",
                "least-but-f needs n >= 2f + 1: n = 2, f = 1"])


if __name__ == "__main__":
    unittest.main()
