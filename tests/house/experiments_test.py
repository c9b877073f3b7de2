#!/usr/bin/python3
"""The table of tools/experiments, with a program that only pretends to train: its journals are the ones given here."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Accuracy is 80 % and, with another seed than the first, seed points less. `arguments` has the commands that were given.
FAKE = """#!/usr/bin/python3
import json, pathlib, shutil, sys, tomllib
words = sys.argv[1:]
here = pathlib.Path(sys.argv[0]).parent
with open(here / "arguments", "a") as file:
    file.write(json.dumps(words) + "\\n")
if words[0] == "evaluate":
    seed = int(json.loads((pathlib.Path(words[2]) / "run.json").read_text())["message"])
    print(json.dumps({"step": 1, "prec1": 1.0}))
    print(json.dumps({"step": 3, "prec1": 80.0 - (seed if seed != 428 else 0)}))
elif words[0] == "train":
    if (here / "fails").exists() and "2" in words:
        sys.exit(int((here / "fails").read_text()))
    directory = pathlib.Path(words[words.index("--train-dir") + 1])
    options = {"worker-fail": 5}
    for at, word in enumerate(words):
        if word == "--config":
            options |= tomllib.loads(pathlib.Path(words[at + 1]).read_text())
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.toml").write_text(f'worker-fail = "{options["worker-fail"]}"\\n')
    for name in ("metrics.jsonl", "rounds.jsonl"):
        shutil.copy(here / name, directory)
    seed = words[words.index("--seed") + 1] if "--seed" in words else "428"
    status = "killed" if (here / "dies").exists() and "--resume" not in words else "finished"
    (directory / "run.json").write_text(json.dumps({"status": status, "message": seed}))
"""


def step(number, seconds=1.0, **more):
    return {"step": number, "seconds": {"total": seconds}, "computed": 3, "resolved": 2, "skipped": False, **more}


def round_of(number, used=(True, True), **more):
    return {"step": number, "slices": [{"slice": at, "used": each} for at, each in enumerate(used)], **more}


class Experiments(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "detoxml").write_text(FAKE)
        (self.folder / "detoxml").chmod(0o755)
        self.journals([step(n, corrupted=1) for n in (1, 2, 3)], [round_of(n) for n in (1, 2, 3)])

    def journals(self, metrics, rounds):
        for name, lines in (("metrics.jsonl", metrics), ("rounds.jsonl", rounds)):
            (self.folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines))

    def experiments(self, *words, network="lenet-fashion-mnist", defence="audit-tenth", attack="sdc"):
        return subprocess.run([ROOT / "tools/experiments", "--program", self.folder / "detoxml", "--network", network,
                               "--defence", defence, "--attack", attack, "--out", self.folder / "out", *words],
                              capture_output=True, text=True, check=False)

    def row(self, *words, code=0, **which):
        answer = self.experiments(*words, **which)
        self.assertEqual(answer.returncode, code, answer.stderr)
        return [cell.strip() for cell in answer.stdout.splitlines()[-1].split("|")[1:-1]]

    def commands(self):
        return [json.loads(line) for line in (self.folder / "arguments").read_text().splitlines()]

    def test_a_row_is_what_its_run_left(self):
        self.assertEqual(self.row(), ["audit-tenth", "sdc", "80.0", "3.0", "1.50", "1.00", "–"])

    def test_several_seeds_are_a_mean_and_a_spread_and_runs_of_their_own(self):
        self.assertEqual(self.row("--seeds", "3")[2:4], ["79.0 ± 1.0", "3.0 ± 0.0"])
        seeds = [words[words.index("--seed") + 1] for words in self.commands() if words[0] == "train"]
        self.assertEqual(seeds, ["428", "1", "2"])
        self.assertEqual(len(list((self.folder / "out/lenet-fashion-mnist").iterdir())), 3)

    def test_what_is_there_is_not_taken_again(self):
        first = self.row("--seeds", "2")
        commands = self.commands()
        self.assertEqual(self.row("--seeds", "2"), first)
        self.assertEqual(self.commands(), commands)

    def test_a_run_that_was_interrupted_goes_on_and_is_scored_anew(self):
        (self.folder / "dies").touch()
        self.row()
        self.row()
        self.assertEqual([words[0] for words in self.commands()], ["train", "evaluate"] * 2)
        self.assertIn("--resume", self.commands()[2])

    def test_steps_that_are_taken_again_cost_but_count_once(self):
        """Worker 7 lied in step 2 and is found in step 3: the run goes back before step 2."""
        again = {"step": 1, "attempt": 2, "back_from": 3}
        self.journals([step(1), step(2, corrupted=1), step(3, 9.0, corrupted=1), again, step(2, corrupted=0, attempt=2),
                       step(3, corrupted=0, attempt=2)],
                      [round_of(1, put_out=0), round_of(2, put_out=0), round_of(3, put_out=0, convicted=[7]), again,
                       round_of(2, put_out=1, attempt=2), round_of(3, used=(True, False), put_out=1, attempt=2)])
        # 15 answers for 5 pieces; 5 steps, of 1 s most of them, for 3.
        self.assertEqual(self.row()[3:], ["0.0", "3.00", "1.67", "1.0 of 5 out"])

    def test_when_all_liars_are_out_it_is_said_since_when(self):
        self.journals([step(n) for n in (1, 2, 3, 4)],
                      [round_of(n, put_out=out) for n, out in ((1, 0), (2, 2), (3, 5), (4, 5))])
        self.assertEqual(self.row()[-1], "2")
        self.assertEqual(self.row("--seeds", "2")[-1], "2 ± 0")

    def test_a_run_that_fails_is_named_and_the_others_count(self):
        (self.folder / "fails").write_text("3")
        row = self.row("--seeds", "3", code=1)
        self.assertEqual([row[2], row[-1]], ["79.5 ± 0.7", "–, seed 2 failed, exit code 3"])

    def test_what_the_program_refuses_is_a_result(self):
        (self.folder / "fails").write_text("2")
        self.assertEqual(self.row("--seeds", "3")[2:], ["refused", "", "", "", ""])

    def test_fewer_steps_and_synthetic_data_are_options_of_the_run(self):
        self.row("--steps", "7", "--short", network="resnet18-cifar10", defence="median", attack="none")
        prepare, train, _ = self.commands()
        self.assertEqual(prepare[:3], ["data", "prepare", "synthetic-cifar10"])
        for option, value in (("--max-steps", "7"), ("--dataset", "synthetic-cifar10"), ("--data-dir", "data")):
            self.assertEqual(train[train.index(option) + 1], value)
        self.assertEqual([pathlib.Path(word).name for word in train if word.endswith(".toml")],
                         ["resnet18-cifar10.toml", "short.toml", "median.toml", "none.toml"])

    def test_what_it_does_not_know_is_refused(self):
        for words, says in ((("--short",), "--short is for CIFAR"), (("--seeds", "0"), "0 is not 1 or more"),
                            (("--defence", "krumm"), "krumm")):
            answer = self.experiments(*words)
            self.assertEqual((answer.returncode, answer.stdout), (2, ""))
            self.assertIn(says, answer.stderr)


if __name__ == "__main__":
    unittest.main()
