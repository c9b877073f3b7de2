"""`detoxml tune` as users see it: what it finds, how it is interrupted and goes on, and what it refuses."""

import csv
import fcntl
import json
import os
import pathlib
import signal
import subprocess
import sys
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
from program import PATIENCE, PROGRAM, ProgramTest, environment, long_enough, main, run, wait_for

# With an attacker and momentum.
LONG = ["--sweep", "lr=0.0005,0.001", "--eval-freq", "20", "--batch-size", "2", "--workers", "6", "--worker-fail", "1"]
SHORT = ["--max-steps", "6", "--batch-size", "4", "--workers", "5", "--group-size", "1"]


def tree(directory):
    """What a search leaves that may not depend on interruptions, jobs or place: files by name."""
    files = {}
    for path in sorted(directory.rglob("*")):
        name = path.relative_to(directory).as_posix()
        if path.name in ("results.json", "results.csv", "best.toml", "tune.json", "plot.svg", "rounds.jsonl"):
            files[name] = path.read_bytes()
        elif path.name.startswith(("model_step_", "state_step_")):
            files[name] = path.read_bytes()
        elif path.name == "metrics.jsonl":
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            files[name] = [(line["step"], line["loss"], line["accuracy"], line["lr"]) for line in lines]
    return files


class TuneTest(ProgramTest):
    def assert_same_tree(self, one, other):
        """By names alone: a difference between weights is long to print."""
        one, other = tree(one), tree(other)
        self.assertEqual(list(one), list(other))
        self.assertEqual([name for name in one if one[name] != other[name]], [])

    def results(self, directory="output/tune"):
        return json.loads((self.folder / directory / "results.json").read_text())

    def runs(self, directory="output/tune"):
        """State and the rest of each run, by its values, options in the order of their names."""
        return {" ".join(run["values"][name] for name in sorted(run["values"])): run
                for run in self.results(directory)["runs"]}


class Searches(TuneTest):
    def test_finds_the_least_loss_however_many_run_at_a_time(self):
        sweep = ["tune", "--sweep", "pre=none,[nnm,bucketing:s=2]", "--sweep", "lr=0.03,1e9", *SHORT]
        result = self.run_ok(*sweep, "--jobs", "1", "--tune-dir", "one")
        self.run_ok(*sweep, "--jobs", "4", "--threads", "2", "--tune-dir", "four")
        self.assert_same_tree(self.folder / "one", self.folder / "four")

        runs = self.results("one")["runs"]
        self.assertEqual([run["rank"] for run in runs], [1, 2, None, None])
        self.assertLess(runs[0]["loss"], runs[1]["loss"])
        for run in runs[:2]:
            lines = self.journal(f"one/runs/{run['run']}")
            self.assertAlmostEqual(run["loss"], sum(line["loss"] for line in lines[1:]) / 5, places=12)
        for run in runs[2:]:
            self.assertEqual((run["state"], run["values"]["lr"]), ("diverged", "1000000000"))
        with open(self.folder / "one/results.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([row["pre"] for row in rows], [run["values"]["pre"] for run in runs])
        self.assertEqual(float(rows[0]["loss"]), runs[0]["loss"])
        best = [line for line in result.out.splitlines() if line.startswith("*")]
        self.assertEqual([line.split()[1] for line in best], [runs[0]["values"]["pre"]])

        self.look_at_pictures(self.folder / "one")
        # The best configuration is a file that trains to the same bytes.
        self.run_ok("train", "--config", "one/best.toml", "--train-dir", "again")
        self.assertEqual(self.checkpoint("again", 6) == self.checkpoint(f"one/runs/{runs[0]['run']}", 6), True)
        self.assertIn('keep-checkpoints = "all"', (self.folder / "one/best.toml").read_text())

    def look_at_pictures(self, directory):
        svg = xml.etree.ElementTree.parse(directory / "plot.svg").getroot()
        self.assertTrue(svg.tag.endswith("svg"))
        self.assertGreater(len(list(svg.iter())), 200)
        from PIL import Image
        with Image.open(directory / "plot.png") as image:
            image.load()
            self.assertGreater(image.width, 800)
            self.assertGreater(len(set(image.convert("RGB").getdata())), 50)
        self.assertFalse(list(directory.glob(".plot*")))

    def test_keeps_runs_when_more_is_swept_and_refuses_other_options(self):
        self.run_ok("tune", "--sweep", "lr=0.03", "--momentum", "0.5", *SHORT)
        before = {path: path.stat().st_mtime_ns for path in (self.folder / "output/tune/runs").rglob("model_step_6")}
        self.assertEqual(len(before), 1)
        result = self.run_ok("tune", "--sweep", "momentum=0.5,0.7", "--sweep", "lr=0.03", *SHORT)
        self.assertEqual(result.err.count("was there already"), 1, result.err)
        self.assertEqual({path: path.stat().st_mtime_ns for path in before}, before)
        self.assertEqual(set(self.runs()), {"0.03 0.5", "0.03 0.7"})
        self.assertEqual(len(list((self.folder / "output/tune/runs").iterdir())), 2)

        before = tree(self.folder)
        changed = ["tune", "--sweep", "lr=0.03", *SHORT, "--seed", "3"]
        self.assert_refused(run(*changed, cwd=self.folder), 2, "seed: 3 here, 428 there", "another --tune-dir")
        self.assert_refused(run(*changed, "--dry-run", cwd=self.folder), 2, "seed: 3 here, 428 there")
        self.assertEqual(tree(self.folder) == before, True)

    def test_reports_what_fails_and_goes_on(self):
        # Bulyan needs 4f + 3 rows and 5 workers are 5 rows.
        sweep = ["--sweep", "mode=bulyan,coord-median", "--worker-fail", "1", *SHORT]
        listed = self.run_ok("tune", "--dry-run", *sweep)
        self.assertIn("mode=bulyan: would fail: this defence cannot hold: bulyan needs n >= 4f + 3", listed.out)
        self.assertFalse((self.folder / "output").exists())
        result = self.run_ok("tune", *sweep)
        self.assertEqual(self.runs()["bulyan"]["state"], "failed")
        self.assertIn("bulyan needs n >= 4f + 3", self.runs()["bulyan"]["message"])
        self.assertIn("mode=bulyan failed: ", result.out)
        self.assertEqual(self.runs()["coord-median"]["rank"], 1)

    def test_has_no_best_where_all_fail(self):
        result = run("tune", "--sweep", "mode=bulyan,krum", "--worker-fail", "2", *SHORT, cwd=self.folder)
        self.assert_refused(result, 1, "no run can be chosen")
        self.assertFalse((self.folder / "output/tune/best.toml").exists())
        self.assertEqual({run["state"] for run in self.results()["runs"]}, {"failed"})

    def test_can_choose_by_what_evaluate_says_and_keeps_that_where_nothing_can_draw(self):
        (self.folder / "python").mkdir()
        (self.folder / "python/matplotlib.py").write_text("raise ImportError('none here')\n")
        result = self.run_ok("tune", "--sweep", "lr=0.05", "--metric", "test-accuracy", *SHORT,
                             env={"PYTHONPATH": str(self.folder / "python")})
        self.assertIn("warning: no plot: Debian's package python3-matplotlib is not installed", result.err)
        self.assertFalse((self.folder / "output/tune/plot.svg").exists())
        self.assertTrue((self.folder / "output/tune/best.toml").exists())
        best = self.results()["runs"][0]
        scored = self.run_ok("evaluate", "--json", "--model-dir", f"output/tune/runs/{best['run']}/model_step_6")
        self.assertAlmostEqual(best["test_accuracy"], json.loads(scored.out)["prec1"] / 100, places=12)

    def test_takes_the_original_grid_where_nobody_says_and_no_length_of_a_file(self):
        (self.folder / "paper.toml").write_text("max-steps = 3\nepochs = 9\ntrain-dir = \"elsewhere\"\n")
        result = self.run_ok("tune", "--dry-run", "--config", "paper.toml")
        self.assertEqual([line.split(":") for line in result.out.splitlines()[:8]],
                         [[f"lr={2.0 ** e!r}", " to be done"] for e in range(-10, -2)])

    def test_refuses_what_is_no_search(self):
        for words, said in ((["--sweep", "lr=2^-3..\x1b[2J\n" + 10000 * "x"], "--sweep lr=2^-3..?[2J?"),
                            (["--sweep", "lr=0.1", "--lr", "0.2"], "--lr is given and swept"),
                            (["--train-dir", "x"], "its own folder below --tune-dir"),
                            (["--metric", "los"], "did you mean loss?")):
            self.assert_refused(run("tune", *words, cwd=self.folder), 2, said)
        self.assertEqual(list(self.folder.iterdir()), [])
        (self.folder / "thesis.tex").write_text("text")
        self.assert_refused(run("tune", "--tune-dir", ".", cwd=self.folder), 1, "holds files that are no search")


class Interruptions(TuneTest):
    def search(self, steps):
        """The words of a search of two runs of so many steps, and its directory."""
        folder = self.folder / f"tune-{steps}"
        return ["tune", *LONG, "--max-steps", str(steps), "--tune-dir", str(folder)], folder

    def begin(self, steps):
        """A search that takes a run further than it was."""
        words, folder = self.search(steps)
        before = self.steps_in(folder)
        process = subprocess.Popen([PROGRAM, *words, "--jobs", "2"], cwd=self.folder, env=environment(),
                                   stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                   start_new_session=True)
        self.addCleanup(lambda: process.poll() is None and os.killpg(process.pid, signal.SIGKILL))
        self.assertTrue(wait_for(lambda: self.steps_in(folder) > before or process.poll() is not None))
        return process

    def steps_in(self, folder):
        """The latest checkpoint of each run, together."""
        runs = {}
        for path in (folder / "runs").glob("*/model_step_*"):
            runs[path.parent] = max(runs.get(path.parent, 0), int(path.name.removeprefix("model_step_")))
        return sum(runs.values())

    def ends_in_order(self, process, folder):
        """Whether it was interrupted, and not over before."""
        _, err = process.communicate(timeout=PATIENCE)
        self.assertTrue(self.no_process_left(str(self.folder)))
        if process.returncode == 0:
            return False
        self.assertEqual(process.returncode, 130, err)
        self.assertIn("the same command goes on", err)
        self.assertFalse((folder / "best.toml").exists())
        for status in (folder / "runs").glob("*/run.json"):
            self.assertIn(json.loads(status.read_text())["status"], ("interrupted", "finished"))
        return True

    def interrupted_three_times(self, steps):
        """The number of steps, if it was; None if the search was over before."""
        words, folder = self.search(steps)
        process = self.begin(steps)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)  # a terminal signals the whole group
        if not self.ends_in_order(process, folder):
            return None

        with open(folder / ".lock", "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.assert_refused(run(*words, cwd=self.folder), 1, "another process is tuning")

        process = self.begin(steps)
        process.send_signal(signal.SIGTERM)  # it alone, which has to pass it on
        if not self.ends_in_order(process, folder):
            return None

        process = self.begin(steps)
        process.kill()
        process.communicate(timeout=PATIENCE)
        return steps if process.returncode == -signal.SIGKILL else None

    def test_cost_nothing_but_time(self):
        steps = long_enough(self.interrupted_three_times, (300, 3000, 30000))
        words, folder = self.search(steps)
        # At once, while what was left over still ends.
        self.run_ok(*words)
        self.assertTrue(self.no_process_left(str(self.folder)))
        self.run_ok(*words[:-1], "uninterrupted")
        self.assert_same_tree(folder, self.folder / "uninterrupted")


main()
