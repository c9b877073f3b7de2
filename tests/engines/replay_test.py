"""A run is repeated from its record, byte for byte, whatever disturbed it; what cannot be repeated is refused."""

import json
import os
import pathlib
import shutil
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
from program import SMALL, ProgramTest, main, ranks, run, start, wait_for


class Replay(ProgramTest):
    def train(self, directory, *more, launch=0):
        command = ["launch", "-n", launch, "--", "train"] if launch else ["train"]
        return self.run_ok(*command, *SMALL, "--assume-fail", 1, "--train-dir", directory, *more)

    def replay(self, *more, to="again"):
        return self.run_ok("train", "--replay", "run", "--train-dir", to, *more)

    def refused(self, code, *words, more=()):
        result = run("train", "--replay", "run", "--train-dir", "never", *more, cwd=self.folder)
        self.assert_refused(result, code, *words)
        return result

    def assert_same(self, there="run", here="again"):
        steps = sorted(path.name for path in (self.folder / there).glob("*_step_*"))
        self.assertTrue(steps)
        self.assertEqual(steps, sorted(path.name for path in (self.folder / here).glob("*_step_*")))
        for name in [*steps, "rounds.jsonl"]:
            self.assertEqual((self.folder / there / name).read_bytes(), (self.folder / here / name).read_bytes(), name)

    def rounds(self, change):
        """Rewrites the record, after `change` of its lines."""
        lines = self.journal("run", "rounds.jsonl")
        change(lines)
        (self.folder / "run" / "rounds.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    def test_of_a_run_over_mpi_without_some_workers_gives_its_bytes(self):
        self.train("run", "--absent", "3:2-9,5:8,2:4,6:5-6", launch=7)
        self.assertIn("replayed run: checkpoints of 3 steps, byte for byte the same", self.replay().err)
        self.assert_same()
        self.assertNotIn("missing", {line["kind"] for line in self.journal("again", "ledger.jsonl")})

    def test_of_a_run_over_mpi_with_late_workers_gives_its_bytes(self):
        self.train("run", "--lis-simulation", "none", "--err-mode", "straggler", "--adversarial", 2, "--step-timeout", 1,
                   "--start-timeout", 20, "--max-skipped", 100, launch=7)
        self.assertIn("missing", {line["kind"] for line in self.journal("run", "ledger.jsonl")})
        self.replay()
        self.assert_same()

    def test_of_a_run_over_mpi_that_went_on_with_the_first_slices_gives_its_bytes(self):
        self.train("run", "--group-size", 1, "--num-aggregate", 4, launch=7)
        for line in self.journal("run", "rounds.jsonl"):
            self.assertEqual(sum(slice["used"] for slice in line["slices"]), 4)
        self.replay()
        self.assert_same()

    def test_of_a_run_over_mpi_whose_worker_was_stopped_for_a_while_gives_its_bytes(self):
        directory = self.folder / "run"
        process = start("launch", "-n", 7, "--", "train", "--max-steps", 80, "--batch-size", 4, "--step-timeout", 1,
                        "--start-timeout", 20, "--train-dir", directory)
        metrics = directory / "metrics.jsonl"
        self.assertTrue(wait_for(lambda: metrics.exists() and metrics.read_text().count("\n") > 3))
        stopped = ranks(directory)[2]
        os.kill(stopped, signal.SIGSTOP)
        ledger = directory / "ledger.jsonl"
        self.assertTrue(wait_for(lambda: "missing" in ledger.read_text()))
        os.kill(stopped, signal.SIGCONT)
        _, err = process.communicate(timeout=90)
        self.assertEqual(process.returncode, 0, err)
        self.replay()
        self.assert_same()

    def test_of_a_run_that_was_interrupted_ends_where_it_did(self):
        self.train("run", "--absent", "3:2-9")
        for path in (self.folder / "run").glob("*_step_12"):
            path.unlink()
        self.rounds(lambda lines: lines.pop())
        self.refused(2, "--max-steps is 12", "11 steps to replay", more=["--max-steps", 12])
        self.assertFalse((self.folder / "never").exists())
        self.assertIn("run has recorded no more of 12", self.replay().err)
        self.assertEqual(len(self.journal("again")), 11)
        self.assertIn("checkpoints of 2 steps", self.replay("--max-steps", 10, to="ten").err)
        # Without its record a run goes on as it likes.
        self.run_ok("train", "--resume", "auto", "--train-dir", "again", "--replay", "none", "--max-steps", 12)
        self.assertEqual(len(self.journal("again")), 12)

    def test_can_be_resumed(self):
        self.train("run", "--absent", "3:2-9,4:3-9")
        self.replay("--max-steps", 7)
        self.run_ok("train", "--resume", "auto", "--train-dir", "again", "--max-steps", 12)
        for name in ["model_step_7", "state_step_7"]:
            (self.folder / "again" / name).unlink()
        self.assert_same()

    def test_takes_the_options_of_the_run_and_refuses_others(self):
        self.train("run", "--lr", 0.05, "--seed", 9)
        self.replay("--threads", 1, "--compute-every-replica", "--step-timeout", 3, "--vote", "bytes", "--absent", "1:1-3")
        self.assert_same()
        recorded = (self.folder / "again" / "config.toml").read_text()
        for line in ['lr = "0.05"', 'replay = "run"', 'seed = "9"']:
            self.assertIn(line, recorded)
        self.refused(2, "seed: 8 here, 9 there", more=["--seed", 8])
        self.refused(2, "num-aggregate: 2 here, all there", more=["--num-aggregate", 2, "--assume-fail", 1])
        self.refused(2, "--train-dir", more=["--train-dir", "run"])
        self.assertFalse((self.folder / "never").exists())

    def test_is_refused_where_there_is_nothing_to_repeat(self):
        self.refused(1, "--replay run", "no run is recorded there")
        self.train("run")
        (self.folder / "run" / "rounds.jsonl").unlink()
        self.refused(1, "rounds.jsonl")

    def test_is_refused_where_the_record_is_damaged(self):
        self.train("run")
        whole = (self.folder / "run" / "rounds.jsonl").read_text()
        for change, words in [(lambda lines: lines[4]["slices"][1].pop("used"), ["line 5 (step 5, slice 1)", "used"]),
                              (lambda lines: lines.pop(4), ["line 5 is of step 6, not of step 5"]),
                              (lambda lines: lines[4]["slices"][1]["counted"].append(77), ["step 5, slice 1", "1 to 9"]),
                              (lambda lines: lines.pop(0), ["begins at step 2"])]:
            (self.folder / "run" / "rounds.jsonl").write_text(whole)
            self.rounds(change)
            self.refused(1, *words)
            self.assertFalse((self.folder / "never").exists())

    def test_ends_with_an_error_where_it_comes_out_otherwise(self):
        self.train("run")
        whole = (self.folder / "run" / "rounds.jsonl").read_text()

        def all_agree(lines):
            line, number = next((line, slice["slice"]) for line in lines for slice in line["slices"]
                                if len(slice["counted"]) == 2)
            line["slices"][number]["counted"] = line["slices"][number]["assigned"]
            self.where = f"step {line['step']}, slice {number}"

        self.rounds(all_agree)
        self.refused(1, self.where, "this is another computation")
        shutil.rmtree(self.folder / "never")

        def without_a_slice(lines):
            lines[2]["slices"][2]["used"] = False

        (self.folder / "run" / "rounds.jsonl").write_text(whole)
        self.rounds(without_a_slice)
        self.refused(1, "never/model_step_5 is not what run/model_step_5 holds")

    def test_is_refused_under_mpi(self):
        self.train("run", launch=7)
        result = run("launch", "-n", 7, "--", "train", "--replay", "run", "--train-dir", "never", cwd=self.folder)
        self.assert_refused(result, 2, "--replay repeats a run in one process", "without MPI")


main()
