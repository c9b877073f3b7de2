#!/usr/bin/python3
"""The demo's table, files and failures, with a program that only pretends to train (fake_detoxml)."""
import csv
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
TOOLS = HERE.parents[1] / "tools"
sys.path.insert(0, str(TOOLS))
import demo_plot  # noqa: E402
import demo_runs  # noqa: E402


def demo(out, *options, fails=""):
    return subprocess.run(
        [sys.executable, TOOLS / "demo.py", "--program", HERE / "fake_detoxml", "--steps", "9", "--out", out, *options],
        env=os.environ | {"FAKE_DETOXML_FAILS": fails}, capture_output=True, text=True, check=False)


def rows_of(out):
    with open(out / "table.csv", newline="", encoding="utf-8") as file:
        return {row["run"]: row for row in csv.DictReader(file)}


class OneDemo(unittest.TestCase):
    """What one demo leaves."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.out = pathlib.Path(folder.name, "demo")
        cls.answer = demo(cls.out, "--lr", "0.02")

    def arguments(self, name):
        return json.loads((self.out / name / "arguments.json").read_text())

    def test_the_table_shows_what_the_runs_left(self):
        answer = self.answer
        self.assertEqual(answer.returncode, 0, answer.stderr)
        rows = rows_of(self.out)
        self.assertEqual(len(rows), 13)
        self.assertEqual(float(rows["normal-rev-grad"]["prec1_percent"]), 10)
        self.assertEqual(float(rows["bulyan-alie"]["prec1_percent"]), 60)
        detox = rows["detox-coord-median-alie"]
        self.assertEqual(float(detox["prec1_percent"]), 80)
        self.assertAlmostEqual(float(detox["ms_per_step_median"]), 5)
        self.assertEqual([detox["slices_corrupted"], detox["slices"]], ["5", "135"])
        self.assertEqual([detox["slices_unresolved"], detox["steps_skipped"]], ["9", "1"])
        line = "| DETOX + bulyan | a little is enough (z = 1.0) | 80.0 | 5 | 5 of 135 (3.7 %) | 3.00 |"
        self.assertIn(line, (self.out / "table.md").read_text())
        self.assertRegex(answer.stdout, r"\nmean \(no defence\) +reversed gradients +10\.0 +5 +9 of 405 \(2\.2 %\) +1\.00\n")
        self.assertIn("run 13 of 13: ", answer.stdout)

    def test_what_a_healing_run_took_back_is_computed_but_not_in_its_result(self):
        healed = rows_of(self.out)["audit-coord-median-rev-grad"]
        self.assertEqual([healed["slices_corrupted"], healed["slices"], healed["answers_computed"]], ["0", "405", "600"])
        line = "| audits + coord-median, healing | reversed gradients | 80.0 | 4 | 0 of 405 (0.0 %) | 1.48 |"
        self.assertIn(line, (self.out / "table.md").read_text())
        self.assertIn("--audit-rate 0.1 --heal", " ".join(self.arguments("audit-coord-median-alie")))

    def test_a_plot_is_left_in_both_formats(self):
        self.assertIn(b"<svg", (self.out / "plot.svg").read_bytes())
        self.assertEqual((self.out / "plot.png").read_bytes()[:8], b"\x89PNG\r\n\x1a\n")

    def test_every_run_has_the_same_batch_steps_and_learning_rate(self):
        for run in demo_runs.RUNS:
            options = self.arguments(run.name)
            for option, value in (("--global-batch", "360"), ("--max-steps", "9"), ("--lr", "0.02"),
                                  ("--workers", "45"), ("--momentum", "0.9")):
                self.assertEqual(options[options.index(option) + 1], value, options)

    def test_the_published_median_has_five_buckets_and_the_attack_its_z(self):
        text = " ".join(self.arguments("detox-coord-median-alie"))
        for part in ("--approach detox --mode coord-median --group-size 3 --buckets 5", "--worker-fail 5",
                     "--lis-simulation simulate --alie-z 1.0"):
            self.assertIn(part, text)


class MoreDemos(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.out = pathlib.Path(folder.name, "demo")

    def test_earlier_results_are_moved_aside(self):
        for name in ("demo", "demo-1"):
            self.out.with_name(name).mkdir()
            (self.out.with_name(name) / "precious").write_text(name)
        self.assertEqual(demo(self.out).returncode, 0)
        self.assertEqual((self.out.with_name("demo-1") / "precious").read_text(), "demo-1")
        self.assertEqual((self.out.with_name("demo-2") / "precious").read_text(), "demo")
        self.assertTrue((self.out / "table.md").exists())

    def test_a_run_that_fails_is_named_and_the_others_go_on(self):
        answer = demo(self.out, fails="multi-krum-alie")
        self.assertEqual(answer.returncode, 1)
        self.assertIn("multi-krum-alie failed: train, exit code 3", answer.stderr)
        self.assertIn("1 of 13 runs failed", answer.stderr)
        self.assertIn("| multi-krum | a little is enough (z = 1.0) | failed: train, exit code 3 |",
                      (self.out / "table.md").read_text())
        self.assertEqual(float(rows_of(self.out)["detox-bulyan-alie"]["prec1_percent"]), 80)


    def test_quick_is_three_runs_and_a_panel(self):
        answer = demo(self.out, "--quick", "--seed", "7")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertEqual(list(rows_of(self.out)), ["normal-none", "normal-rev-grad", "detox-coord-median-rev-grad"])
        self.assertIn("run 3 of 3: ", answer.stdout)
        self.assertIn("seed 7.", answer.stdout)
        self.assertIn(b"<svg", (self.out / "plot.svg").read_bytes())
        for name, is_attacked in (("normal-none", False), ("normal-rev-grad", True)):
            options = json.loads((self.out / name / "arguments.json").read_text())
            self.assertEqual(options[options.index("--seed") + 1], "7")
            self.assertEqual("--fail-schedule fixed" in " ".join(options), is_attacked)


class Arithmetic(unittest.TestCase):
    def test_the_expected_number_of_corrupted_slices_is_the_papers(self):
        self.assertAlmostEqual(demo_runs.expected_corrupted_slices(), 0.433, places=3)

    def test_labels_of_the_plot_do_not_overlap(self):
        heights = demo_plot.spread([97, 97, 96, 10], 5, 2, 98)
        self.assertEqual(heights[3], 10)
        ordered = sorted(heights)
        self.assertTrue(all(b - a >= 5 for a, b in zip(ordered, ordered[1:])), heights)
        self.assertLessEqual(max(heights), 98)


if __name__ == "__main__":
    unittest.main()
