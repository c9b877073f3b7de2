"""A run is repeated from its record, byte for byte, whatever disturbed it; what cannot be repeated is refused."""

import json
import os
import pathlib
import shutil
import signal
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
from program import SMALL, ProgramTest, main, ranks, run
from running import keep_training


class Replay(ProgramTest):
    @classmethod
    def setUpClass(cls):
        """A run with attackers, lost slices and three checkpoints, for all that do not need one of their own."""
        cls.recorded = pathlib.Path(tempfile.mkdtemp(prefix="detox-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.recorded, ignore_errors=True)
        finished = run("train", *SMALL, "--assume-fail", 1, "--absent", "3:2-9,4:3-9", "--lr", 0.05, "--seed", 9,
                       "--train-dir", "run", cwd=cls.recorded)
        assert finished.code == 0, finished.err

    def setUp(self):
        super().setUp()
        shutil.copytree(self.recorded, self.folder, dirs_exist_ok=True)

    def replay(self, *more, to="again", of="run"):
        return self.run_ok("train", "--replay", of, "--train-dir", to, *more)

    def refused(self, code, *words, more=()):
        self.assert_refused(run("train", "--replay", "run", "--train-dir", "never", *more, cwd=self.folder), code, *words)

    def assert_same(self, there="run", here="again"):
        steps = sorted(path.name for path in (self.folder / there).glob("*_step_*"))
        self.assertTrue(steps)
        self.assertEqual(steps, sorted(path.name for path in (self.folder / here).glob("*_step_*")))
        for name in [*steps, "rounds.jsonl"]:
            self.assertEqual((self.folder / there / name).read_bytes(), (self.folder / here / name).read_bytes(), name)

    def rounds(self, change):
        """Rewrites the record as `change` leaves its lines."""
        lines = self.journal("run", "rounds.jsonl")
        change(lines)
        (self.folder / "run" / "rounds.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    def test_of_a_record_with_a_hole_says_which_steps_are_missing_and_goes_up_to_there(self):
        # As after a power failure: lines before a checkpoint are lost, and the run was resumed from it.
        for name in ("model_step_12", "state_step_12"):
            (self.folder / "run" / name).unlink()
        self.rounds(lambda lines: lines.__delitem__(slice(7, 12)))
        resumed = self.run_ok("train", "--resume", "auto", "--train-dir", "run")
        self.assertIn("run/rounds.jsonl lacks steps 8-10: ", resumed.err)
        self.assertNotIn("metrics.jsonl", resumed.err)
        self.refused(1, "rounds.jsonl: line 8 is of step 11", "it lacks steps 8 to 10", "valid: up to step 7, with --max-steps")
        self.assertIn("checkpoints of 1 steps, byte for byte the same", self.replay("--max-steps", 7).err)

    def test_over_mpi_is_refused(self):
        result = run("launch", "-n", 4, "--", "train", "--replay", "run", "--train-dir", "never", cwd=self.folder)
        self.assert_refused(result, 2, "--replay repeats a run in one process", "without MPI")

    def test_of_a_run_over_mpi_that_went_on_with_the_first_slices_gives_its_bytes(self):
        self.run_ok("launch", "-n", 6, "--", "train", *SMALL, "--approach", "baseline", "--assume-fail", 1,
                    "--num-aggregate", 3, "--absent", "3:2-9,5:8", "--train-dir", "mpi")
        for line in self.journal("mpi", "rounds.jsonl"):
            self.assertEqual(sum(slice["used"] for slice in line["slices"]), 3)
        self.assertIn("replayed mpi: checkpoints of 3 steps, byte for byte the same", self.replay(of="mpi").err)
        self.assert_same("mpi")

    def test_of_a_run_over_mpi_whose_worker_was_stopped_for_a_while_gives_its_bytes(self):
        stopped = keep_training(self, "stopped", "--batch-size", 4, "--step-timeout", 10, launch=4)
        stopped.wait_for_steps(4)
        worker = ranks(stopped.directory)[2]
        os.kill(worker, signal.SIGSTOP)
        stopped.wait_for(lambda: any((line["worker"], line["kind"]) == (2, "missing")
                                     for line in self.journal("stopped", "ledger.jsonl")))
        os.kill(worker, signal.SIGCONT)
        stopped.wait_for_more_steps(10)
        stopped.interrupt()
        self.replay(of="stopped")
        self.assert_same("stopped")

    def test_ends_where_the_record_does(self):
        for path in (self.folder / "run").glob("*_step_12"):
            path.unlink()
        self.rounds(lambda lines: lines.pop())
        self.refused(2, "--max-steps is 12", "11 steps to replay", more=["--max-steps", 12])
        result = self.replay()
        self.assertIn("run has recorded no more of 12", result.err)
        self.assertIn("checkpoints of 2 steps", result.err)
        self.assertEqual(len(self.journal("again")), 11)
        # Without its record a run goes on as it likes.
        self.run_ok("train", "--resume", "auto", "--train-dir", "again", "--replay", "none", "--max-steps", 12)
        self.assertEqual(len(self.journal("again")), 12)

    def test_can_be_resumed(self):
        self.replay("--max-steps", 7)
        self.run_ok("train", "--resume", "auto", "--train-dir", "again", "--max-steps", 12)
        for name in ["model_step_7", "state_step_7"]:
            (self.folder / "again" / name).unlink()
        self.assert_same()

    def test_takes_the_options_of_the_run_and_refuses_others(self):
        self.replay("--threads", 1, "--compute-every-replica", "--step-timeout", 3, "--max-skipped", 1, "--absent", "1:1-3")
        self.assert_same()
        recorded = (self.folder / "again" / "config.toml").read_text()
        for line in ['lr = "0.05"', 'replay = "run"', 'seed = "9"']:
            self.assertIn(line, recorded)
        self.refused(2, "seed: 8 here, 9 there", more=["--seed", 8])
        self.refused(2, "run is the --train-dir", more=["--train-dir", "run"])
        self.assertFalse((self.folder / "never").exists())

    def test_is_refused_where_nothing_or_nonsense_is_recorded(self):
        whole = (self.folder / "run" / "rounds.jsonl").read_text()
        for change, words in [(lambda lines: lines[4]["slices"][1].pop("used"), ["line 5 (step 5, slice 1)", "used"]),
                              (lambda lines: lines.pop(4), ["line 5 is of step 6, not of step 5"]),
                              (lambda lines: lines.pop(0), ["begins at step 2"])]:
            (self.folder / "run" / "rounds.jsonl").write_text(whole)
            self.rounds(change)
            self.refused(1, *words)
        (self.folder / "run" / "rounds.jsonl").unlink()
        self.refused(1, "rounds.jsonl")
        (self.folder / "run" / "config.toml").unlink()
        self.refused(1, "--replay run", "no run is recorded there")
        self.assertFalse((self.folder / "never").exists())

    def test_ends_with_an_error_where_it_comes_out_otherwise(self):
        whole = (self.folder / "run" / "rounds.jsonl").read_text()

        def all_agree(lines):
            line, number = next((line, slice["slice"]) for line in lines for slice in line["slices"]
                                if len(slice["counted"]) == 2 and line["step"] == 1)
            line["slices"][number]["counted"] = line["slices"][number]["assigned"]
            self.where = f"step {line['step']}, slice {number}"

        self.rounds(all_agree)
        self.refused(1, self.where, "this is another computation")
        shutil.rmtree(self.folder / "never")
        (self.folder / "run" / "rounds.jsonl").write_text(whole)
        self.rounds(lambda lines: lines[0]["slices"][2].update(used=False))
        self.refused(1, "never/model_step_5 is not what run/model_step_5 holds")


main()
