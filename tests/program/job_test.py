"""Jobs under MPI: how they start, and how they end with one message and nothing left behind."""

import gzip
import os
import pathlib
import shutil
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
from program import DATA, PROGRAM, ProgramTest, long_enough, main, ranks, run
from running import keep_running


class Job(ProgramTest):
    def unique(self):
        return str(self.folder / "run")

    def test_under_plain_mpirun_trains(self):
        result = run("-n", 4, "--oversubscribe", PROGRAM, "train", "--max-steps", 3, "--batch-size", 4,
                     "--train-dir", self.unique(), program=["mpirun"])
        self.assertEqual(result.code, 0, result.err)
        self.assertEqual(len(self.journal("run")), 3)
        self.assertIn("survives any 1 liar among 3 workers", result.err)

    def test_on_one_machine_says_its_own_lines_alone(self):
        train = ["train", "--max-steps", 3, "--batch-size", 4, "--train-dir"]
        for name, command in (("launch", [PROGRAM, "launch", "-n", 4, "--tag-output", "--"]),
                              ("mpirun", ["mpirun", "-n", 4, "--oversubscribe", PROGRAM])):
            result = run(*command[1:], *train, self.folder / name, program=command[:1])
            self.assertEqual(result.code, 0, result.err)
            self.assertIn("finished: step 3", result.out + result.err)
            for line in result.err.splitlines():  # Open MPI's begin with its brackets, rules, names and capitals
                self.assertRegex(line, r"^(rank \d+: )?(?!mpirun|prterun|orte|prte)[a-z]", result.err)

    def test_prints_a_usage_error_once_and_keeps_its_exit_code(self):
        result = run("launch", "-n", 3, "--", "train", "--group-size", 2, "--train-dir", "[a,b]")
        self.assert_refused(result, 2, "--group-size is 2", "odd")
        result = run("launch", "-n", 3, "--", "train", "--mode", "mediam")
        self.assert_refused(result, 2, "did you mean")

    def test_refuses_a_number_of_workers_that_mpirun_did_not_start(self):
        self.assert_refused(run("launch", "-n", 4, "--", "train", "--workers", 9), 2, "--workers is 9", "3 workers")

    def test_without_room_for_a_rank_that_fails_ends_with_its_message(self):
        # Rank 2 alone looks for its data in an empty folder.
        script = (f'if [ "$OMPI_COMM_WORLD_RANK" = 2 ]; then more="--data-dir {self.folder}"; fi; '
                  f'exec {PROGRAM} train --max-steps 3 --batch-size 4 --train-dir {self.unique()} $more')
        result = run("-n", 4, "--oversubscribe", "sh", "-c", script, program=["mpirun"])
        self.assertEqual(result.code, 1, result.err)
        self.assertRegex(result.err, "left out: rank 2: .*train-images-idx3-ubyte")
        self.assertIn("this run would be refused", result.err)
        self.assertIn("the workers that are left are too few: --group-size r = 3 needs P >= r workers: P = 2", result.err)
        self.assertTrue(self.no_process_left(self.unique()))

        # Nothing is left that the next attempt would stumble over.
        self.assertFalse((self.folder / "run").exists())

    def test_trains_without_a_rank_that_fails_at_the_start(self):
        script = (f'if [ "$OMPI_COMM_WORLD_RANK" = 2 ]; then more="--data-dir {self.folder}"; fi; '
                  f'exec {PROGRAM} train --max-steps 3 --batch-size 4 --train-dir {self.unique()} $more')
        result = run("-n", 5, "--oversubscribe", "sh", "-c", script, program=["mpirun"])
        self.assertEqual(result.code, 0, result.err)
        self.assertRegex(result.err, "left out: rank 2: .*train-images-idx3-ubyte")
        self.assertIn("worker 1 is rank 1, 2 is rank 3, 3 is rank 4", result.err)
        self.assertEqual(len(self.journal("run")), 3)
        # On a busy machine a worker may come too late for a step: seen, and no accusation.
        self.assertFalse([line for line in self.journal("run", "ledger.jsonl") if line["accusation"]])

    def test_needs_a_server_and_a_worker(self):
        self.assert_refused(run("-n", 1, PROGRAM, "train", program=["mpirun"]), 2, "mpirun started 1 process")
        self.assert_refused(run("launch", "-n", 3, "--", "train", "--engine", "local"), 2, "without --engine local")

    def test_takes_options_of_train_behind_the_dashes_alone(self):
        self.assert_refused(run("launch", "-n", 3, "train", "--max-steps", 1), 2,
                            "--max-steps is an option of train, which comes after --: detoxml launch ... -- train")
        self.assert_refused(run("launch", "-n", 3, "train", "--max-stepz", 1), 2, "unknown option of 'launch'")
        help_text = run("launch", "-n", 3, "--hostfile", "nowhere", "--", "train", "--max-steps", 1, "--help")
        self.assertEqual((help_text.code, help_text.out), (0, run("train", "--help").out))
        self.assertEqual(run("launch", "-n", 3, "--", "train", "--help-all").out, run("train", "--help-all").out)

    def test_that_has_finished_is_a_success_though_a_worker_hangs(self):
        def attempt(steps):
            run = keep_running(self, f"run-{steps}", "launch", "-n", 4, "--", "train", "--max-steps", steps, "--batch-size", 2,
                               "--step-timeout", 10, "--train-dir", self.folder / f"run-{steps}")
            run.wait_for(lambda: run.steps() > 3)
            hanging = ranks(run.directory).get(3)
            if hanging:
                os.kill(hanging, signal.SIGSTOP)
            said = run.end(0)
            self.assertIn(f"finished: step {steps}", said)
            self.assertTrue(self.no_process_left(str(run.directory)))
            missing = [line["worker"] for line in self.journal(run.directory, "ledger.jsonl") if line["kind"] == "missing"]
            return steps if 3 in missing else None

        long_enough(attempt, (150, 1500, 15000))

    def test_resumes_with_the_data_that_the_run_recorded(self):
        data = self.folder / "data"
        shutil.copytree(DATA, data)
        labels = data / "train-labels-idx1-ubyte.gz"
        plain = bytearray(gzip.decompress(labels.read_bytes()))
        plain[-1] ^= 1
        labels.write_bytes(gzip.compress(bytes(plain), 1))
        self.run_ok("train", "--workers", 3, "--max-steps", 2, "--batch-size", 4, "--train-dir", "run", "--data-dir", data)
        self.run_ok("launch", "-n", 4, "--", "train", "--resume", "auto", "--train-dir", "run", "--max-steps", 4)
        self.assertTrue((self.folder / "run" / "model_step_4").exists())

    def test_goes_on_with_the_workers_that_it_recorded_whoever_is_there(self):
        train = ["train", "--batch-size", 4, "--eval-freq", 2, "--train-dir", "run"]
        self.run_ok("launch", "-n", 4, "--", *train, "--max-steps", 2)
        more = ["train", "--resume", "auto", "--train-dir", "run"]
        fewer = self.run_ok("launch", "-n", 3, "--", *more, "--max-steps", 4)
        self.assertIn("the run has 3 workers, and 2 take part now: without worker 3, which leaves room for 0 that lie; "
                      "worker 1 is rank 1,", fewer.err)
        again = self.run_ok("launch", "-n", 5, "--", *more, "--max-steps", 6)
        self.assertIn("left out: rank 4: the run that goes on has 3 workers", again.err)
        self.assertFalse([line for line in self.journal("run", "ledger.jsonl") if line["accusation"]])
        self.run_ok(*train[:-1], "whole", "--workers", 3, "--max-steps", 6)
        self.assertEqual(self.checkpoint("run", 6), self.checkpoint("whole", 6))
        self.run_ok("train", "--replay", "run", "--train-dir", "again")
        self.assertEqual(self.checkpoint("again", 6), self.checkpoint("whole", 6))
        refused = run("launch", "-n", 2, "--", *more, "--max-steps", 8, cwd=self.folder)
        self.assert_refused(refused, 1, "1 of 1 workers can take part, P - q = 2 have to in this run of P = 3")

    def test_that_goes_on_is_refused_where_it_would_not_be_defended(self):
        train = ["train", "--approach", "baseline", "--workers", 3, "--assume-fail", 1, "--batch-size", 4]
        self.run_ok(*train, "--max-steps", 2, "--train-dir", "run")
        before = sorted((p.name, p.read_bytes()) for p in (self.folder / "run").iterdir())
        more = ["--resume", "auto", "--train-dir", "run", "--max-steps"]
        result = run("launch", "-n", 3, "--", "train", *more, 8, cwd=self.folder)
        self.assert_refused(result, 1, "without 1 of its 3 workers this run cannot go on", "n = 2, f = 1")
        self.assertEqual(sorted((p.name, p.read_bytes()) for p in (self.folder / "run").iterdir()), before)
        # A number that the run recorded, or that is left open, is no wish for another one.
        self.run_ok("launch", "-n", 4, "--", "train", *more, 3, "--workers", 3)
        (self.folder / "auto.toml").write_text('workers = "auto"\n')
        self.run_ok("launch", "-n", 4, "--", "train", "--config", "auto.toml", *more, 4)
        self.assert_refused(run("launch", "-n", 5, "--", "train", *more, 8, "--workers", 4, cwd=self.folder), 2, "workers")

    def test_does_not_wait_for_ever_for_a_rank_that_never_starts(self):
        script = (f'if [ "$OMPI_COMM_WORLD_RANK" = 3 ]; then exec sleep 3000; fi; '
                  f'exec {PROGRAM} train --start-timeout 4 --max-steps 3 --batch-size 4 --train-dir {self.unique()}')
        result = run("-n", 4, "--oversubscribe", "sh", "-c", script, program=["mpirun"])
        self.assertNotEqual(result.code, 0)
        self.assertIn("MPI did not start: not all processes came up in time", result.err)


main()
