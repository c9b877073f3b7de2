"""What a run tells people: whom to suspect, who is missing, how well the network does, what to do next."""

import os
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
from program import DATA, ProgramTest, main, ranks
from running import keep_training

TINY = ["--batch-size", 2, "--train-dir", "run"]
FIXED = ["--worker-fail", 1, "--fail-schedule", "fixed"]
SCORED = ["--no-evaluate", "off"]


class TheEnd(ProgramTest):
    def last_lines(self, *options):
        return self.run_ok("train", *TINY, *options).err.splitlines()

    def test_names_a_liar_what_is_true_the_accuracy_and_the_next_command(self):
        lines = self.last_lines("--max-steps", 20, *FIXED, *SCORED)
        liar = self.journal("run", "attackers.jsonl")[0]["attackers"][0]
        self.assertIn(f"suspect worker {liar}: outvoted in 20 of 20 steps; nobody else", lines)
        self.assertIn("simulated lies (attackers.jsonl): accused rightly 20, missed 0 of 20; accused wrongly 0; "
                      "suspected rightly 1, missed 0 of 1 liars, wrongly 0", lines)
        self.assertIn("finished: step 20 in run", lines)
        self.assertEqual(lines[-1], "next: detoxml evaluate --model-dir run")
        scored = self.run_ok("evaluate", "--model-dir", "run").out.split()
        self.assertRegex(lines[-2], f"^test accuracy {scored[scored.index('Prec@1') + 1]} of 10000 images, "
                                    f"loss {scored[scored.index('loss') + 1]} ")

    def test_singles_nobody_out_where_simulated_liars_change(self):
        lines = self.last_lines("--max-steps", 10, "--worker-fail", 1)
        self.assertIn("nobody is singled out: other workers are made to lie in each step (--fail-schedule); 10 answers "
                      "were outvoted in 10 steps", lines)
        self.assertFalse([line for line in lines if line.startswith(("suspect", "test accuracy"))])

    def test_says_whom_a_rule_rejects_where_there_is_no_vote_and_that_this_proves_nothing(self):
        lines = self.last_lines("--max-steps", 20, "--approach", "baseline", "--mode", "multi-krum", "--workers", 11, *FIXED)
        liar = self.journal("run", "attackers.jsonl")[0]["attackers"][0]
        self.assertIn("nobody can be suspected: r = 1 gives each piece one worker, and no vote", lines)
        said = [line for line in lines if line.startswith("multi-krum rejected more often than by chance, which proves nothing: ")]
        self.assertEqual(len(said), 1, lines)
        self.assertIn(f": worker {liar} (20 of 20); of the others most often worker ", said[0])

    def test_says_that_nobody_is_suspect(self):
        result = self.run_ok("train", *TINY, "--workers", 3, "--max-steps", 2)
        self.assertIn("nobody is suspect: no worker was outvoted in 2 steps", result.err.splitlines())

    def test_does_not_fail_where_there_is_no_test_set(self):
        for file in ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"):
            os.symlink(DATA / file, self.folder / file)
        lines = self.last_lines("--max-steps", 1, "--data-dir", self.folder, *SCORED)
        self.assertEqual([line for line in lines if line.startswith("no test accuracy: ")], [lines[-2]])
        self.assertIn("t10k-images-idx3-ubyte", lines[-2])

    def test_truth_holds_each_step_once_however_often_the_run_is_resumed_and_in_its_replay(self):
        options = ["--workers", 9, *FIXED, "--eval-freq", 4]
        self.run_ok("train", *TINY, *options, "--max-steps", 6)
        (self.folder / "run" / "model_step_6").unlink()  # so that steps 5 and 6 are taken again
        self.run_ok("train", *TINY, "--resume", "auto", "--max-steps", 10)
        truth = self.journal("run", "attackers.jsonl")
        self.assertEqual([line["step"] for line in truth], list(range(1, 11)))
        self.run_ok("train", "--replay", "run", "--train-dir", "again")
        self.assertEqual(self.journal("again", "attackers.jsonl"), truth)


class WhileItRuns(ProgramTest):
    def wait_for_line(self, run, *words):
        run.wait_for(lambda: any(all(word in line for word in words) for line in run.said().splitlines()))

    def tell(self, rank, what):
        os.kill(ranks(self.folder / "run")[rank], what)

    def test_workers_that_die_or_stop_are_named_and_so_is_who_comes_back(self):
        run = keep_training(self, "run", "--batch-size", 4, "--step-timeout", 3, "--log-interval", 1, launch=10)
        self.wait_for_line(run, "step 3/")
        self.tell(5, signal.SIGKILL)
        self.wait_for_line(run, "worker 5 is silent since step ", "the run bears 0 more")
        self.tell(3, signal.SIGSTOP)
        self.wait_for_line(run, "worker 3 is silent since step ", "2 are out, and the run was built for q=1")
        self.tell(3, signal.SIGCONT)
        self.wait_for_line(run, "worker 3 is there again in step ", "answers are missing")
        run.interrupt()
        # On a busy machine others may have been too late for a step as well.
        self.assertRegex(run.said(), r"\nmissing: .*worker 3 \(\d+ of \d+ answers\).*, worker 5 silent since step \d+ \(")
        self.assertIn("nobody is suspect: no worker was outvoted in ", run.said())
        self.assertNotIn("PMIX ERROR", run.said())
        self.assertNotIn("mpirun", run.said())
        self.assertTrue(self.no_process_left(str(self.folder / "run")))


main()
