"""What runs recorded, for other programs: event files of TensorBoard, live and afterwards, and CSV."""

import csv
import io
import json
import math
import pathlib
import signal
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
from event_files import events, points
from program import ProgramTest, SMALL, main, run, start, wait_for

TAGS = {"lr": "train/lr", "loss": "train/loss", "accuracy": "train/accuracy", "bytes_in": "train/bytes_in",
        "bytes_out": "train/bytes_out", "computed": "train/computed", "resolved": "train/resolved",
        "unresolved": "train/unresolved", "skipped": "train/skipped", "corrupted": "train/corrupted"}


def as_float(value):
    return struct.unpack("<f", struct.pack("<f", float(value)))[0]


def same(a, b):
    return a == b or math.isnan(a) and math.isnan(b)


class Exports(ProgramTest):
    def train(self, *arguments, **keywords):
        return self.run_ok("train", *SMALL, "--train-dir", "run", *arguments, **keywords)

    def assert_shows_the_run(self, folder, run_folder="run"):
        """Each step once, with the values of metrics.jsonl."""
        shown, steps = points(self.folder / folder), self.journal(run_folder)
        for field, tag in TAGS.items():
            expected = [(line["step"], as_float(line[field])) for line in steps if line[field] is not None]
            self.assertEqual(shown[tag], expected, tag)
        for phase in steps[0]["seconds"]:
            self.assertEqual(shown[f"seconds/{phase}"], [(line["step"], as_float(line["seconds"][phase])) for line in steps])
        accused, count, expected = set(), 0, []
        ledger = sorted(self.journal(run_folder, "ledger.jsonl"), key=lambda line: line["step"])
        for line in steps:
            while ledger and ledger[0]["step"] <= line["step"]:
                entry = ledger.pop(0)
                if entry["accusation"]:
                    accused.add(entry["worker"])
                    count += 1
            expected.append((line["step"], len(accused), count))
        self.assertEqual([(step, value) for step, value in shown["ledger/accused"]], [line[:2] for line in expected])
        self.assertEqual([value for _, value in shown["ledger/accusations"]], [line[2] for line in expected])

    def hand_made(self, name, metrics, **files):
        folder = self.folder / name
        folder.mkdir(parents=True)
        (folder / "config.toml").write_text("workers = 3\n")
        (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in metrics))
        for file, lines in files.items():
            (folder / f"{file}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    @staticmethod
    def step(number, **fields):
        return {"step": number, "lr": 0.1, "loss": 2.5, "accuracy": 0.25, "seconds": {"total": 0.5, "vote": 0.125}, "bytes_in": 0,
                "bytes_out": 0, "computed": 3, "resolved": 1, "unresolved": 0, "skipped": False, **fields}


class Tensorboard(Exports):
    def test_gets_each_step_of_a_run_as_it_was_recorded(self):
        self.train()
        self.run_ok("export", "tensorboard", "run", "-o", "events")
        self.assert_shows_the_run("events/run")
        before = {file.name: file.read_bytes() for file in (self.folder / "events/run").iterdir()}
        self.run_ok("export", "tensorboard", "run/", "--output-dir", "events")
        self.assertEqual(before, {file.name: file.read_bytes() for file in (self.folder / "events/run").iterdir()})

    def test_gets_the_steps_that_stand_what_is_not_finite_and_scores(self):
        self.hand_made("run", [self.step(1), self.step(2, loss="nan"), self.step(3), {"step": 1, "attempt": 1, "back_from": 3},
                               self.step(2, loss="inf", attempt=1), self.step(3, loss=None, resolved=0, accuracy=None, attempt=1)],
                       ledger=[{"step": 2, "slice": 0, "worker": 2, "kind": "convicted", "accusation": True},
                               {"step": 3, "slice": 0, "worker": 1, "kind": "missing", "accusation": False}],
                       evaluation=[{"step": 3, "model": "taken back", "loss": 9.5, "prec1": 5.0, "prec5": 7.0},
                                   {"step": 2, "attempt": 1, "loss": 1.5, "prec1": 50.0, "prec5": 75.0}])
        self.run_ok("export", "tensorboard", "run", "-o", "events")
        shown = points(self.folder / "events/run")
        self.assertEqual(shown["train/loss"], [(1, 2.5), (2, math.inf)])
        self.assertEqual(shown["seconds/vote"], [(1, 0.125), (2, 0.125), (3, 0.125)])
        self.assertEqual(shown["ledger/convicted"], [(1, 0), (2, 1), (3, 1)])
        self.assertEqual((shown["test/accuracy"], shown["test/top5_accuracy"], shown["test/loss"]), ([(2, 0.5)], [(2, 0.75)], [(2, 1.5)]))
        file, = (self.folder / "events/run").iterdir()
        self.assertEqual([time for time, _, _ in events(file)], [0, 0.5, 1.0, 1.0, 1.5])

    def test_gets_runs_of_one_name_by_their_paths(self):
        for name in ("a/run", "b/run", "c"):
            self.hand_made(name, [self.step(1)])
        self.run_ok("export", "tensorboard", "a/run", "c", "-o", "one")
        self.assertEqual(sorted(path.name for path in (self.folder / "one").iterdir()), ["c", "run"])
        self.run_ok("export", "tensorboard", "a/run", "../" + self.folder.name + "/b/run", "c", "-o", "two")
        self.assertEqual(len(list((self.folder / "two").rglob("*tfevents*"))), 3)
        self.assertTrue((self.folder / "two/a/run").is_dir())
        self.assert_refused(run("export", "tensorboard", "c", "./c", "-o", "three", cwd=self.folder), 2, "given twice")

    def test_is_refused_what_is_no_run_or_is_damaged(self):
        (self.folder / "empty").mkdir()
        for folder in ("empty", "nowhere"):
            self.assert_refused(run("export", "tensorboard", folder, "-o", "x", cwd=self.folder), 1, f"{folder} holds no run")
        self.hand_made("run", [self.step(1), {"loss": 1}, self.step(2)])
        self.assert_refused(run("export", "tensorboard", "run", "-o", "x", cwd=self.folder), 1, "metrics.jsonl:2: ")
        self.assertFalse((self.folder / "x").exists())

    def test_is_written_step_by_step_and_without_double_points_where_a_run_was_killed_and_resumed(self):
        process = start("train", *SMALL, "--max-steps", 100000, "--train-dir", "run", "--tensorboard", cwd=self.folder)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        folder = self.folder / "run"
        # Behind a checkpoint, so that steps are taken again.
        self.assertTrue(wait_for(lambda: points(folder).get("train/loss", [(0, 0)])[-1][0] > 7))
        process.send_signal(signal.SIGKILL)
        process.wait()
        logged = points(folder)["train/loss"][-1][0]
        self.assertGreaterEqual(len(self.journal("run")), logged)
        # That it is written is recorded, as other options are.
        self.run_ok("train", "--resume", "auto", "--train-dir", "run", "--max-steps", logged + 3)
        self.assertEqual(len(list(folder.glob("*tfevents*"))), 2)
        self.assert_shows_the_run("run")

    def test_is_moved_aside_with_the_run_that_it_is_of(self):
        self.train("--tensorboard")
        self.train("--tensorboard", "--overwrite", "--seed", 2)
        self.assert_shows_the_run("run")
        self.assert_shows_the_run("run.old-1", "run.old-1")


class Csv(Exports):
    def rows(self, *arguments):
        text = self.run_ok("export", "csv", *arguments).out
        return list(csv.DictReader(io.StringIO(text, newline="")))

    def test_has_a_row_a_step_with_what_was_recorded(self):
        self.train()
        rows, steps = self.rows("run"), self.journal("run")
        self.assertEqual([int(row["step"]) for row in rows], [line["step"] for line in steps])
        for row, line in zip(rows, steps):
            self.assertEqual(row["run"], "run")
            for field in ("lr", "loss", "accuracy", "bytes_in", "computed", "resolved", "unresolved", "corrupted"):
                self.assertEqual(float(row[field]), line[field])
            for phase, seconds in line["seconds"].items():
                self.assertEqual(float(row[f"seconds_{phase}"]), seconds)
            self.assertEqual(row["skipped"], str(line["skipped"]).lower())
        self.run_ok("export", "csv", "run", "-o", "metrics.csv")
        self.assertEqual((self.folder / "metrics.csv").read_bytes().count(b"\r\n"), len(steps) + 1)

    def test_of_what_is_not_finite_or_not_there_is_a_word_or_empty_and_text_is_quoted(self):
        self.hand_made("a,\"b", [self.step(1, loss="nan"), self.step(2, loss=None, resolved=0, accuracy=None, skipped=True,
                                                                    skipped_because='1 of 3, "n < 2f"')])
        first, second = self.rows("a,\"b")
        self.assertEqual((first["run"], first["loss"], first["corrupted"]), ('a,"b', "nan", ""))
        self.assertEqual((second["loss"], second["accuracy"], second["skipped_because"]), ("", "", '1 of 3, "n < 2f"'))

    def test_of_rounds_ledger_and_evaluations_have_their_rows(self):
        self.train()
        slices = [(line["step"], slice) for line in self.journal("run", "rounds.jsonl") for slice in line["slices"]]
        rows = self.rows("run", "--what", "rounds")
        self.assertEqual(len(rows), len(slices))
        for row, (step, slice) in zip(rows, slices):
            self.assertEqual((int(row["step"]), int(row["slice"]), row["used"]), (step, slice["slice"], str(slice["used"]).lower()))
            self.assertEqual([list(map(int, row[name].split())) for name in ("assigned", "counted")],
                             [slice["assigned"], slice["counted"]])
        ledger = self.journal("run", "ledger.jsonl")
        self.assertEqual([(int(row["step"]), int(row["worker"]), row["kind"]) for row in self.rows("run", "--what", "ledger")],
                         [(line["step"], line["worker"], line["kind"]) for line in ledger])
        self.assertTrue(ledger)
        (self.folder / "run/evaluation.jsonl").write_text('{"step": 5, "loss": 1.5, "prec1": 50.0, "prec5": 75.0}\n')
        self.assertEqual(self.rows("run", "--what", "evaluation"),
                         [{"run": "run", "step": "5", "loss": "1.5", "prec1": "50", "prec5": "75"}])

    def test_holds_several_runs_and_refuses_other_tables(self):
        for name in ("a", "b"):
            self.hand_made(name, [self.step(1), self.step(2)])
        self.assertEqual([row["run"] for row in self.rows("a", "b")], ["a", "a", "b", "b"])
        self.assert_refused(run("export", "csv", "a", "--what", "all", cwd=self.folder), 2, "--what", "ledger")


if __name__ == "__main__":
    main()
