"""`detoxml experiment` and `compare` as users see them: what they run, what they keep, how they are killed and go on."""

import csv
import json
import os
import pathlib
import signal
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
from program import PATIENCE, PROGRAM, ProgramTest, environment, long_enough, main, run, wait_for

SHARED = """[train]
workers = 6
batch-size = 4
max-steps = 6
eval-freq = 3
fail-schedule = "fixed"
"""
TABLE = SHARED + """
[axes.defence]
"the mean" = { approach = "baseline", mode = "normal" }
"DETOX + median" = { approach = "detox", group-size = 3, mode = "coord-median" }
"bulyan" = { approach = "baseline", mode = "bulyan" }

[axes.attack]
"none" = { worker-fail = 0, assume-fail = 1 }
"reversed" = { worker-fail = 1, err-mode = "rev_grad", adversarial = -2 }

[[exclude]]
defence = "bulyan"
attack = "none"

[[replicate]]
defence = "DETOX + median"
seeds = [428, 7]
"""


class ExperimentTest(ProgramTest):
    def write(self, text, name="mine.toml"):
        (self.folder / name).write_text(text)

    def experiment(self, *words, code=0, **keywords):
        result = run("experiment", "mine.toml", *words, cwd=self.folder, **keywords)
        self.assertEqual(result.code, code, result.out + result.err)
        return result

    def rows(self, folder="output/mine"):
        with open(self.folder / folder / "results.csv", newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def runs(self, folder="output/mine"):
        return sorted((self.folder / folder / "runs").iterdir())

    def trained(self, folder="output/mine"):
        """Which runs have been begun, and when their newest checkpoints were written."""
        return {path: path.stat().st_mtime_ns for path in (self.folder / folder / "runs").glob("*/model_step_*")}


class Experiments(ExperimentTest):
    def test_ends_a_run_that_was_killed_or_failed_behind_its_last_checkpoint(self):
        self.write(SHARED + "epochs = 1\n")
        self.experiment()
        (run_folder,), before = self.runs(), self.rows()
        status = run_folder / "run.json"
        for state in ("running", "failed", "interrupted"):
            status.write_text(status.read_text().replace('"finished"', f'"{state}"'))
            self.experiment()
            after = self.rows()
            self.assertIn('"finished"', status.read_text())
            for name in ("state", "test_prec1", "test_loss", "loss", "steps", "key"):
                self.assertEqual(after[0][name], before[0][name], (state, name))

    def test_runs_each_combination_with_its_seeds_and_takes_a_refusal_for_a_result(self):
        self.write(TABLE)
        plan = self.experiment("--plan").out
        self.assertEqual(plan.count(": new\n"), 6, plan)
        self.assertIn("bulyan, reversed, seed 428: refused: this defence cannot hold: bulyan needs n >= 4f + 3", plan)
        self.assertIn("mine: 7 runs in output/mine; 6 to be done", plan)
        self.assertIn("not known before the first run is done", plan)
        self.assertFalse((self.folder / "output").exists())

        said = self.experiment("--jobs", "2")
        rows = self.rows()
        self.assertEqual([(row["defence"], row["attack"], row["seed"], row["state"]) for row in rows],
                         [("the mean", "none", "428", "finished"), ("the mean", "reversed", "428", "finished"),
                          ("DETOX + median", "none", "428", "finished"), ("DETOX + median", "none", "7", "finished"),
                          ("DETOX + median", "reversed", "428", "finished"), ("DETOX + median", "reversed", "7", "finished"),
                          ("bulyan", "reversed", "428", "refused")])
        for row in rows[:-1]:
            folder = self.folder / "output/mine" / row["folder"]
            scores = [json.loads(line) for line in (folder / "evaluation.jsonl").read_text().splitlines()]
            self.assertEqual([score["step"] for score in scores], [3, 6])
            self.assertEqual([path.name for path in folder.glob("model_step_*")], ["model_step_6"])
            again = self.run_ok("train", "--config", folder / "train.toml", "--train-dir", "again", "--overwrite")
            self.assertEqual((folder / "model_step_6").read_bytes(), (self.folder / "again/model_step_6").read_bytes(), again.err)
        for name in ("results.json", "table.md", "table.tex"):
            self.assertTrue((self.folder / "output/mine" / name).exists(), name)
        self.assertIn("DETOX + median", said.out)

        before = self.trained()
        again = self.experiment()
        self.assertEqual(self.trained(), before)
        self.assertEqual(self.rows(), rows)
        self.assertEqual(again.err.count("was there already"), 6, again.err)
        self.assertIn("0 to be done", self.experiment("--plan").out)

    def test_a_changed_value_runs_its_own_runs_again_and_no_other(self):
        self.write(TABLE)
        self.experiment()
        before = self.trained()
        self.write(TABLE.replace("adversarial = -2", "adversarial = -3"))
        plan = self.experiment("--plan").out
        self.assertIn("the mean, reversed, seed 428: adversarial -3, was -2\n", plan)
        self.assertIn("the mean, none, seed 428: done\n", plan)
        self.assertIn("; 3 to be done", plan)
        self.assertRegex(plan, r"about \d+:\d\d, from the 0\.\d+ s a step")
        stale = [line.rpartition("/")[2] for line in plan.splitlines() if "left alone" in line]
        self.assertEqual(len(stale), 3)  # the refused one left no folder
        said = self.experiment()
        self.assertIn("3 folders of no run that was asked for, left alone", said.err)
        after = self.trained()
        self.assertEqual({path: after[path] for path in before}, before)
        self.assertEqual(len(after), len(before) + 3)
        self.assertFalse({row["folder"].rpartition("/")[2] for row in self.rows()} & set(stale))
        # Back again: everything is there.
        self.write(TABLE)
        self.assertIn("; 0 to be done", self.experiment("--plan").out)

    def test_two_cells_that_are_one_run_share_it(self):
        self.write(SHARED + """[axes.defence]
"without a word" = { group-size = 3 }
"in words" = { approach = "draco-lite", mode = "Coord_Median", assume-fail = 1, adversarial = -5 }
""")
        plan = self.experiment("--plan").out
        self.assertIn('one run: "without a word, seed 428" and "in words, seed 428"', plan)
        self.experiment()
        self.assertEqual(len(self.runs()), 1)
        one, other = self.rows()
        self.assertEqual(one["folder"], other["folder"])

    def test_a_run_that_fails_is_named_and_the_rest_goes_on(self):
        (self.folder / "bad.safetensors").write_text("no weights")
        self.write(SHARED + "[axes.start]\nfresh = {}\nbad = { pretrained = \"bad.safetensors\" }\n")
        said = self.experiment(code=1)
        self.assertRegex(said.err, r"failed: runs/bad_seed_428-\w+: --pretrained bad.safetensors: ")
        self.assertEqual([row["state"] for row in self.rows()], ["finished", "failed"])
        self.assertIn("bad, seed 428: failed before", self.experiment("--plan").out)
        # Named by what it holds: another file is another run.
        run_folder = self.folder / "output/mine" / self.rows()[0]["folder"]
        (self.folder / "bad.safetensors").write_bytes((run_folder / "model_step_6").read_bytes())
        self.experiment()
        self.assertEqual([row["state"] for row in self.rows()], ["finished", "finished"])

    def test_what_the_program_has_no_more_of_is_run_again(self):
        self.write(SHARED)
        self.experiment()
        (folder,) = self.runs()
        note = json.loads((folder / "key.json").read_text())
        self.assertRegex(note["program"], r"^\d+\.\d+\.\d+ \(sources [0-9a-f]{8}\), ")
        note["program"] = "0.0.1 (sources 00000000), libtorch 1.0, avx512"
        (folder / "key.json").write_text(json.dumps(note))
        folder.rename(folder.with_name("seed_428-000000000000"))
        self.assertRegex(self.experiment("--plan").out,
                         r"seed 428: the program changed: .*, was 0\.0\.1 \(sources 00000000\), libtorch 1\.0, avx512\n")

    def test_what_is_damaged_is_told_in_a_line(self):
        self.write(SHARED)
        self.experiment()
        (folder,) = self.runs()
        kept = (folder / "run.json").read_text()
        for name, text, said in (("metrics.jsonl", "\x1b[2J\n", "metrics.jsonl:1: "), ("key.json", "[" * 9999, "key.json is damaged")):
            before = (folder / name).read_text()
            (folder / name).write_text(text)
            told = self.experiment(code=1)
            self.assertIn(said, told.err)
            self.assertNotIn("\x1b[2J", told.err + told.out)
            (folder / name).write_text(before)
        self.assertEqual((folder / "run.json").read_text(), kept)
        self.experiment()

    def test_options_on_the_command_line_hold_for_all_runs_but_for_those_of_axes(self):
        self.write(TABLE)
        self.experiment("--max-steps", "3", "--only", "defence=the mean,bulyan", "--only", "attack=reversed", "--seeds", "2",
                        "--dir", "output/mine")
        self.assertEqual([(row["defence"], row["seed"], row["state"]) for row in self.rows()],
                         [("the mean", "428", "finished"), ("the mean", "1", "finished"),
                          ("bulyan", "428", "refused"), ("bulyan", "1", "refused")])
        self.assertEqual(len(self.journal(self.folder / "output/mine" / self.rows()[0]["folder"])), 3)
        command = json.loads((self.folder / "output/mine/results.json").read_text())["command"]
        self.assertEqual(command, "detoxml experiment mine.toml --dir output/mine --only 'defence=the mean,bulyan' "
                                  "--only attack=reversed --seeds 2 --max-steps 3")

    def test_that_examples_bring_can_be_run_but_for_what_a_defence_refuses(self):
        for name, runs, refused in (("demo", 17, ""), ("demo-quick", 3, ""), ("grid", 1045, ""), ("results", 540, ""),
                                    ("audits", 165, "5 refused")):
            result = run("experiment", ROOT / "examples" / f"{name}.toml", "--plan", cwd=self.folder)
            self.assertEqual(result.code, 0, result.err)
            self.assertRegex(result.out + result.err, rf"{name}: {runs} runs in .*{refused}\n")
        self.assertEqual([*self.folder.iterdir()], [])

    def test_refuses_what_is_no_experiment_in_a_line(self):
        for text, said in (("[train]\nmax-step = 3", "mine.toml:2: unknown option 'max-step'"),
                           ("[train]\nresume = \"auto\"", "mine.toml:2: resume is no option here"),
                           ("[axes]\n", "mine.toml:1: [axes] is empty"),
                           ("[axes]\nseed = [1, 2]", "seed is no axis: seeds are replicates"),
                           ("[axes]\nlr = [0.1, 0.10]", "mine.toml:2: axis lr has the value 0.1 twice"),
                           ("[axes]\ndefenc = [1]", "defenc is no option of train"),
                           ("[axes]\nlr = \"2^-10..x\"", "mine.toml:2: '2^-10..x'"),
                           ("[axes]\nlr=[1]\n[axes.d]\na={lr=2}", "mine.toml:3: lr is set by axis lr and by axis d"),
                           ("[axes.d]\na={mode=\"krumm\"}", "krumm"),
                           ("[axes.d]\na=\"none.toml\"", "none.toml"),
                           ("[axes]\nlr=[1]\n[[exclude]]\nlr=2", "mine.toml:4: unknown value of axis lr '2'"),
                           ("[axes]\nlr=[1]\n[[exclude]]\nlr=1", "leaves out all of its runs"),
                           ("seeds = 0", "mine.toml:1: seeds are a number"), ("seeds = [1, 1]", "mine.toml:1: seeds are a number"),
                           ("lr = 0.1", "options of train stand in [train]"), ("a" + ".a" * 9999 + "=1", "more than 4096 dots"),
                           ("name = \"\x7f\"", "mine.toml"), ("= = =", "mine.toml:1: not TOML")):
            self.write(text)
            result = run("experiment", "mine.toml", cwd=self.folder)
            self.assertIn(result.code, (1, 2), text)
            self.assert_refused(result, result.code, said)
        self.write("[axes]\nseed=[1]\nlr=\"1..5000\"")
        for words, told in zip(["mine.toml:2: seed is no axis", "mine.toml:3: '1..5000' has too many values"],
                               run("experiment", "mine.toml", cwd=self.folder).errors(), strict=True):
            self.assertIn(words, told)
        (self.folder / "mine.toml").write_bytes(os.urandom(2000))
        self.assertEqual(len(run("experiment", "mine.toml", cwd=self.folder).errors()), 1)
        self.write(TABLE)
        for words, said in ((["--lr", "x"], "--lr"), (["--mode", "krum"], "--mode is set by axis defence"),
                            (["--only", "defence=krum"], "unknown value of axis defence"), (["--train-dir", "x"], "its own folder"),
                            (["--jobs", "2", "--hostfile", "hosts"], "--jobs is for this machine"), (["--dir", "."], "no experiment")):
            result = run("experiment", "mine.toml", *words, cwd=self.folder)
            self.assert_refused(result, result.code, said)
        self.assert_refused(run("experiment", "unknown", cwd=self.folder), 1, "cannot open unknown: it is neither here nor an example")
        self.assertEqual([path.name for path in self.folder.iterdir()], ["mine.toml"])


class Comparisons(ExperimentTest):
    def test_lists_of_values_are_axes_and_seeds_are_replicates(self):
        words = ["compare", "--mode", "normal,coord-median", "--lr", "0.01,0.02", "--approach", "baseline", "--workers", "5",
                 "--batch-size", "4", "--max-steps", "3", "--seeds", "2"]
        said = self.run_ok(*words)
        self.assertIn("coord-median", said.out)
        self.assertIn("±", said.out)
        rows = self.rows("output/compare")
        self.assertEqual([(row["mode"], row["lr"], row["seed"]) for row in rows],
                         [(mode, lr, seed) for mode in ("normal", "coord-median") for lr in ("0.01", "0.02") for seed in ("428", "1")])
        self.assertEqual(self.run_ok(*words).err.count("was there already"), 8)
        self.assert_refused(run("tune", "--sweep", "seed=1..3", cwd=self.folder), 2, "replicates", "compare --seeds")
        self.assert_refused(run("compare", "--seed", "1,2", cwd=self.folder), 2, "--seeds N")


class Interruptions(ExperimentTest):
    FILE = """seeds = 2
[train]
batch-size = 2
workers = 6
worker-fail = 1
eval-freq = 20
keep-checkpoints = 1
max-steps = {}
[axes]
momentum = [0.5, 0.9]
"""

    def begin(self, words):
        """The experiment, until one of its runs has gone further than it was."""
        before = self.steps()
        process = subprocess.Popen([PROGRAM, *words], cwd=self.folder, env=environment(), stdin=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
        self.addCleanup(lambda: process.poll() is None and os.killpg(process.pid, signal.SIGKILL))
        self.assertTrue(wait_for(lambda: self.steps() > before or process.poll() is not None))
        return process

    def steps(self):
        """The latest checkpoint of each run, together."""
        latest = {}
        for path in self.folder.glob("output/*/runs/*/model_step_*"):
            latest[path.parent] = max(latest.get(path.parent, 0), int(path.name.removeprefix("model_step_")))
        return sum(latest.values())

    def killed_twice(self, steps):
        """The words of the command, if it was interrupted; None if it was over before."""
        self.write(self.FILE.format(steps))
        words = ["experiment", "mine.toml", "--dir", f"output/{steps}", "--jobs", "2"]
        process = self.begin(words)
        process.kill()
        process.communicate(timeout=PATIENCE)
        if process.returncode != -signal.SIGKILL:
            return None
        process = self.begin(words)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)  # a terminal signals the whole group
        _, err = process.communicate(timeout=PATIENCE)
        if process.returncode == 0:
            return None
        self.assertEqual(process.returncode, 130, err)
        self.assertIn("the same command goes on", err)
        self.assertRegex(self.run_ok(*words, "--plan").out, rf"interrupted at step \d+ of {steps}\n")
        return words

    def test_cost_nothing_but_time(self):
        words = long_enough(self.killed_twice, (300, 3000, 30000))
        self.run_ok(*words)
        self.assertTrue(self.no_process_left(str(self.folder)))
        self.run_ok(*words[:3], "output/uninterrupted")
        whole = {path.name: path for path in self.runs("output/uninterrupted")}
        self.assertEqual(len(whole), 4)
        for path in self.runs(words[3]):
            for file in path.glob("*_step_*"):
                self.assertEqual(file.read_bytes() == (whole[path.name] / file.name).read_bytes(), True, file)
        rows, others = self.rows(words[3]), self.rows("output/uninterrupted")
        for name in ("key", "seed", "state", "test_prec1", "loss", "corrupted"):
            self.assertEqual([row[name] for row in rows], [row[name] for row in others], name)
        self.assertEqual([row["state"] for row in rows], ["finished"] * 4)


main()
