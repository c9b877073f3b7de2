"""The wheel: built from the library as it is, put into a fresh environment without a compiler, and tested there."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        raise AssertionError(f"{command}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


class Wheel(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        build = (ROOT / "tools/build-wheel", "--library", os.environ["DETOXML_LIBRARY"], "-o")
        cls.wheel = pathlib.Path(run(*build, cls.folder / "first").splitlines()[-1])
        cls.again = pathlib.Path(run(*build, cls.folder / "second").splitlines()[-1])
        # NumPy and torch are the system's; nothing else of this process comes along.
        cls.python = cls.folder / "venv/bin/python3"
        run(sys.executable, "-m", "venv", "--without-pip", "--system-site-packages", cls.folder / "venv")
        run(sys.executable, "-m", "pip", "--python", cls.python, "install", "--no-index", "--no-deps", "--no-compile", cls.wheel)
        cls.library = next((cls.folder / "venv").rglob("detoxml/lib/libdetoxml.so"))

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def in_environment(self, *words, **more):
        return run(self.python, *words, cwd=self.folder, env={"PATH": str(self.python.parent), "PYTHONDONTWRITEBYTECODE": "1", **more})

    def test_is_for_every_python_and_the_same_bytes_when_built_again(self):
        self.assertRegex(self.wheel.name, r"^detoxml-[\d.]+-py3-none-manylinux_2_\d+_\w+\.whl$")
        self.assertEqual(self.wheel.read_bytes(), self.again.read_bytes())
        self.assertLess(self.wheel.stat().st_size, 4e6)

    def test_runs_with_its_own_library_alone(self):
        said = self.in_environment("-c", "import detoxml; print(detoxml.__version__); print(open('/proc/self/maps').read())")
        self.assertEqual(said.splitlines()[0], re.search(r"detoxml-([\d.]+)-", self.wheel.name)[1])
        mapped = set(re.findall(r"/\S*/lib(?:detoxml|fmt|hwy)\.so\S*", said))
        self.assertEqual(len(mapped), 3)
        for path in mapped:
            self.assertEqual(pathlib.Path(path).parent, self.library.parent.resolve())

    def test_has_every_library_that_one_in_it_needs_and_linux_with_python_lacks(self):
        needed, there = set(), set()
        for path in self.library.parent.iterdir():
            said = run("readelf", "--dynamic", "--wide", path)
            needed.update(re.findall(r"\(NEEDED\)\s+Shared library: \[(.*)\]", said))
            there.update(re.findall(r"\(SONAME\)\s+Library soname: \[(.*)\]", said))
        # PEP 600: what manylinux promises.
        system = {"libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libstdc++.so.6", "libgcc_s.so.1",
                  "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
        self.assertTrue(any(name.startswith("libfmt.so") for name in needed))
        self.assertLessEqual(needed - system, there)

    def test_leaves_pythons_own_ssl_alone(self):
        self.in_environment("-c", "import detoxml, ssl, hashlib; ssl.create_default_context(); hashlib.sha256(b'').hexdigest()")

    def test_passes_the_tests_of_the_package(self):
        for name in ("aggregate", "arrays", "attack", "compat", "engine", "federated", "modules", "own_rule", "run_directory", "voting", "wrong_use"):
            with self.subTest(name=name):
                self.in_environment(ROOT / f"tests/python/{name}_test.py", DETOXML_LIBRARY=str(self.library))

    def test_has_every_file_of_the_package_and_says_what_it_is(self):
        with zipfile.ZipFile(self.wheel) as archive:
            names = set(archive.namelist())
            (metadata,) = [archive.read(name).decode() for name in names if name.endswith("/METADATA")]
        sources = ROOT / "python"
        self.assertLessEqual({path.relative_to(sources).as_posix() for path in sources.rglob("*.py")} | {"detoxml/py.typed"}, names)
        self.assertFalse(any("__pycache__" in name for name in names))
        for line in ("Name: detoxml", "Requires-Python: >=3.9", "Provides-Extra: flower", "Requires-Dist: flwr>=1.21; extra == 'flower'"):
            self.assertIn(line, metadata.splitlines())


if __name__ == "__main__":
    unittest.main()
