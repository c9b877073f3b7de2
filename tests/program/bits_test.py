"""One configuration gives one sequence of bytes, on every engine, layout, instruction set and resume."""

import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
from program import LIBTORCH, SMALL, ProgramTest, main, run
from running import keep_training


class BitsTest(ProgramTest):
    learner = {}

    def train(self, directory, *more, env=None, launch=0):
        command = ["launch", "-n", launch, "--", "train"] if launch else ["train"]
        self.run_ok(*command, *SMALL, "--train-dir", directory, *more, env={**self.learner, **(env or {})})
        return self.checkpoint(directory, 12)


class GradientBits(BitsTest):
    learner = LIBTORCH

    def test_do_not_depend_on_the_number_of_threads(self):
        self.assertEqual(self.train("one", "--threads", 1), self.train("two", "--threads", 2))

    def test_are_the_same_where_every_replica_is_computed(self):
        self.assertEqual(self.train("once"), self.train("all", "--compute-every-replica"))

    def test_are_the_same_over_mpi_with_10_ranks(self):
        self.assertEqual(self.train("local"), self.train("mpi", launch=10))

    def test_do_not_depend_on_what_a_shell_exports(self):
        exported = {"OPENBLAS_CORETYPE": "Prescott", "ATEN_CPU_CAPABILITY": "default", "OMP_NUM_THREADS": "2"}
        self.assertEqual(self.train("plain"), self.train("exported", env=exported))


class Bits(BitsTest):
    def test_are_the_same_over_mpi_with_4_ranks(self):
        options = ["--assume-fail", 0, "--worker-fail", 1]
        self.assertEqual(self.train("local", "--workers", 3, *options), self.train("mpi", *options, launch=4))

    def test_are_the_same_over_mpi_with_signs_and_random_noise(self):
        options = ["--mode", "signSGD", "--lis-simulation", "none", "--err-mode", "random", "--worker-fail", 1]
        self.assertEqual(self.train("local", "--workers", 6, *options), self.train("mpi", *options, launch=7))

    def test_are_the_same_over_mpi_where_attackers_probe_the_defence(self):
        options = ["--lis-simulation", "none", "--err-mode", "alie_opt", "--worker-fail", 1, "--group-size", 1,
                   "--fail-schedule", "worst-case", "--pre", "nnm"]
        self.assertEqual(self.train("local", "--workers", 4, *options), self.train("mpi", *options, launch=5))

    def test_are_those_of_a_run_without_attack_where_one_of_three_crashes_over_mpi(self):
        options = ["--lis-simulation", "none", "--worker-fail", 1, "--assume-fail", 0, "--fail-schedule", "fixed"]
        crashed = self.train("mpi", *options, "--err-mode", "crash", launch=4)
        clean = self.train("local", "--workers", 3, *options, "--err-mode", "none")
        self.assertEqual(clean[0], crashed[0])  # the model; the state also holds the digest of the configuration
        ledger = self.journal("mpi", "ledger.jsonl")
        missing = [line["worker"] for line in ledger if line["kind"] == "missing"]
        self.assertIn(10, [missing.count(worker) for worker in missing])  # in the last two of 12 steps it may still answer
        self.assertFalse([line for line in ledger if line["accusation"]])

    def test_are_the_same_over_mpi_with_weights_and_others_with_the_definitions_of_others(self):
        baseline = ["--approach", "baseline", "--worker-fail", 1, "--mode", "geometric-median"]
        weights = [*baseline, "--global-batch", 18, "--weights", "samples"]
        weighted = self.train("weighted", "--workers", 4, *weights)
        self.assertEqual(weighted, self.train("weighted_mpi", *weights, launch=5))
        self.assertNotEqual(weighted, self.train("equal", "--workers", 4, *baseline, "--global-batch", 18))
        byzfl = [*baseline, "--semantics", "byzfl"]
        self.assertNotEqual(self.train("byzfl", "--workers", 4, *byzfl), self.train("ours", "--workers", 4, *baseline))
        self.assertIn('semantics = "byzfl"', (self.folder / "byzfl" / "config.toml").read_text())
        self.assert_refused(run("train", "--resume", "auto", "--train-dir", "byzfl", "--semantics", "byzpy", cwd=self.folder), 2,
                            "semantics: byzpy here, byzfl there")

    def test_do_not_depend_on_the_instruction_set_of_the_rules(self):
        expected = self.train("widest", "--mode", "multi-krum", "--assume-fail", 0)
        for target in ["avx2", "sse4", "scalar"]:
            self.assertEqual(self.train(target, "--mode", "multi-krum", "--assume-fail", 0,
                                        env={"DETOX_KERNEL_TARGET": target}), expected, target)

    def test_are_the_same_after_an_interruption_and_a_resume(self):
        options = [*SMALL, "--worker-fail", 1, "--assume-fail", 0, "--eval-freq", 50]
        runs = [keep_training(self, "local", *options, "--workers", 3), keep_training(self, "mpi", *options, launch=4)]
        for run in runs:
            run.wait_for_steps(4)
            run.interrupt()
            self.assertIn(f"detoxml train --resume auto --train-dir {run.directory}", run.said())
        last = max(run.steps() for run in runs) + 4
        self.run_ok("train", *options, "--workers", 3, "--max-steps", last, "--train-dir", "whole")
        for run in runs:
            self.run_ok("train", "--resume", "auto", "--train-dir", run.directory, "--max-steps", last)
            self.assertEqual(self.checkpoint(run.directory, last), self.checkpoint("whole", last), run.directory.name)
            self.assertEqual([line["step"] for line in self.journal(run.directory)], list(range(1, last + 1)))

    def test_differ_with_the_seed(self):
        self.assertNotEqual(self.train("a"), self.train("b", "--seed", 1))

    def test_hold_nothing_of_engine_host_path_or_time(self):
        model, state = self.train("somewhere", "--threads", 2)
        for word in [b"somewhere", b"local", b"threads", os.uname().nodename.encode(), time.strftime("%Y").encode()]:
            self.assertNotIn(word, model[:2000] + state[:3000])


main()
