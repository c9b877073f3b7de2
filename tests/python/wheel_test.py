"""The wheel: built from the library as it is, put into a fresh environment without a compiler, and tested there."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

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

    def test_leaves_pythons_own_ssl_alone(self):
        self.in_environment("-c", "import detoxml, ssl, hashlib; ssl.create_default_context(); hashlib.sha256(b'').hexdigest()")

    def test_passes_the_tests_of_the_package(self):
        for name in ("aggregate", "arrays", "voting", "wrong_use"):
            with self.subTest(name=name):
                self.in_environment(ROOT / f"tests/python/{name}_test.py", DETOXML_LIBRARY=str(self.library))

    def test_is_typed(self):
        self.assertTrue((self.library.parents[1] / "py.typed").exists())


if __name__ == "__main__":
    unittest.main()
