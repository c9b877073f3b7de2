"""What holds for every module of the package: its examples run, Python 3.9 reads it, and it needs nothing but Python."""
import ast
import doctest
import importlib
import pathlib
import pkgutil
import subprocess
import sys
import unittest

import detoxml

FOLDER = pathlib.Path(detoxml.__file__).parent
# These are for users of another package, and need it.
NEED_OTHERS = {"detoxml.flower": "flwr"}
NAMES = ["detoxml", *(module.name for module in pkgutil.walk_packages([str(FOLDER)], "detoxml."))]


class Modules(unittest.TestCase):
    def test_have_examples_that_run(self):
        tried = 0
        for name in NAMES:
            try:
                module = importlib.import_module(name)
            except detoxml.InputError as error:
                self.assertIn(NEED_OTHERS.get(name, "no other package"), str(error))
                continue
            with self.subTest(name=name):
                self.assertTrue(module.__doc__)
                failed, run = doctest.testmod(module)
                self.assertEqual(failed, 0)
                tried += run
        self.assertGreater(tried, 15)

    def test_are_read_by_python_3_9(self):
        for path in FOLDER.rglob("*.py"):
            source = path.read_text(encoding="utf-8")
            ast.parse(source, str(path), feature_version=(3, 9))
            if " -> " in source:
                self.assertIn("\nfrom __future__ import annotations\n", source, path)  # X | Y in a signature is a text then

    @unittest.skipIf(sys.version_info < (3, 10), "Python 3.9 does not list its modules")
    def test_need_nothing_that_python_lacks(self):
        names = [name for name in NAMES if name not in NEED_OTHERS and not name.startswith("detoxml.torch")]
        script = ("import importlib, sys\nbefore = set(sys.modules)\nfor name in sys.argv[1:]: importlib.import_module(name)\n"
                  "print(*sorted({name.split('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)))")
        said = subprocess.run([sys.executable, "-c", script, *names], capture_output=True, text=True, check=True, timeout=60).stdout
        self.assertEqual(said.split(), ["detoxml"])

    def test_of_runs_are_imported_when_they_are_asked_for_and_all_at_once(self):
        script = ("import sys, detoxml\nbefore = {'inspect', 'subprocess', 'socket'} & set(sys.modules)\nkept = dict(sys.modules)\n"
                  "detoxml.rule\nsys.modules.clear(); sys.modules.update(kept)\n"
                  "print(sorted(before), set(detoxml.__all__) <= set(dir(detoxml)), detoxml.training.OwnAttack is detoxml.OwnAttack)")
        said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60).stdout
        self.assertEqual(said, "[] True True\n")
        self.assertFalse(hasattr(detoxml, "nonsense"))

    def test_that_need_another_package_say_so_in_one_line(self):
        for name, other in NEED_OTHERS.items():
            script = f"import sys\nsys.modules[{other!r}] = None\ntry: import {name}\nexcept Exception as error: print(type(error).__name__, error)"
            said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60).stdout
            self.assertRegex(said, rf"^InputError {name} needs {other} .*; valid: .*\n$")


if __name__ == "__main__":
    unittest.main()
