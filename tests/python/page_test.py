"""What docs/python.md, docs/coming-from.md and the README show of Python runs, in order, and prints what they say. What trains
needs the program, by DETOXML_PROGRAM."""
import contextlib
import doctest
import io
import os
import pathlib
import re
import sys
import tempfile
import unittest
from unittest import mock

import detoxml
import numpy
import torch

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```output\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)
OF_RUNS = ("## Train\n", "## Read what a run left\n", "## Your own rule\n")


class Pages(unittest.TestCase):
    def do_what_they_show(self, sections, least=5):
        names = {"gradients": numpy.random.default_rng(1).standard_normal((11, 1000)).astype("float32"), "torch": torch, "numpy": numpy,
                 "detox": detoxml}
        blocks = BLOCK.findall("".join(sections))
        self.assertGreaterEqual(len(blocks), least)
        self.enterContext(contextlib.chdir(self.enterContext(tempfile.TemporaryDirectory())))
        for code, output in blocks:
            with self.subTest(code=code):
                said = io.StringIO()
                with contextlib.redirect_stdout(said):
                    exec(compile(code, "docs/python.md", "exec"), names)
                self.assertEqual(said.getvalue(), output)

    def sections(self):
        return re.split("^(?=## )", (ROOT / "docs/python.md").read_text(encoding="utf-8"), flags=re.MULTILINE)

    def test_of_the_documentation_do_what_they_show(self):
        self.do_what_they_show(section for section in self.sections() if not section.startswith(OF_RUNS))

    def test_for_those_who_come_from_elsewhere_do_what_they_show(self):
        self.do_what_they_show([(ROOT / "docs/coming-from.md").read_text(encoding="utf-8")], least=3)

    @unittest.skipUnless("DETOXML_PROGRAM" in os.environ, "no program here")
    def test_of_runs_do_what_they_show(self):
        import matplotlib

        matplotlib.use("Agg")
        mlflow = mock.MagicMock()
        with mock.patch.dict(sys.modules, {"mlflow": mlflow}):
            self.do_what_they_show(section for section in self.sections() if section.startswith(OF_RUNS))
        self.assertEqual(mlflow.log_metrics.call_count, 40)

    def test_of_the_readme_do_what_they_show(self):
        (block,) = re.findall(r"^```pycon\n(.*?)^```$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        shown = doctest.DocTestParser().get_doctest(block, {}, "README.md", "README.md", 0)
        self.assertGreaterEqual(len(shown.examples), 3)
        self.assertEqual(doctest.DocTestRunner().run(shown).failed, 0)


if __name__ == "__main__":
    unittest.main()
