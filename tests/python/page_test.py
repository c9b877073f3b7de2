"""What docs/python.md and the README show of Python runs, in order, and prints what they say."""
import contextlib
import doctest
import io
import pathlib
import re
import tempfile
import unittest

import numpy
import torch

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```output\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)


class Pages(unittest.TestCase):
    def test_of_the_documentation_do_what_they_show(self):
        names = {"gradients": numpy.random.default_rng(1).standard_normal((11, 1000)).astype("float32"), "torch": torch, "numpy": numpy}
        blocks = BLOCK.findall((ROOT / "docs/python.md").read_text(encoding="utf-8"))
        self.assertGreaterEqual(len(blocks), 8)
        self.enterContext(contextlib.chdir(self.enterContext(tempfile.TemporaryDirectory())))
        for code, output in blocks:
            with self.subTest(code=code):
                said = io.StringIO()
                with contextlib.redirect_stdout(said):
                    exec(compile(code, "docs/python.md", "exec"), names)
                self.assertEqual(said.getvalue(), output)

    def test_of_the_readme_do_what_they_show(self):
        (block,) = re.findall(r"^```pycon\n(.*?)^```$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        shown = doctest.DocTestParser().get_doctest(block, {}, "README.md", "README.md", 0)
        self.assertGreaterEqual(len(shown.examples), 3)
        self.assertEqual(doctest.DocTestRunner().run(shown).failed, 0)


if __name__ == "__main__":
    unittest.main()
