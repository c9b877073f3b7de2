"""The commands beside train, as a user meets them."""

import array
import fcntl
import gzip
import hashlib
import json
import os
import pathlib
import pty
import re
import shutil
import subprocess
import sys
import termios
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
from program import DATA, PATIENCE, PROGRAM, SMALL, ProgramTest, main, run, start
from running import keep_training

NUMPY = """
import json, sys
import numpy as np
rng = np.random.default_rng(1)
rows = rng.normal(size=(15, 1000)).astype(sys.argv[1])
rows[3] = np.nan; rows[7] = 1e6
np.save("rows.npy", rows)
"""


class Evaluate(ProgramTest):
    def test_follows_a_running_training_until_it_is_done(self):
        follower = start("evaluate", "--model-dir", "run", "--follow", "--json", cwd=self.folder)
        self.run_ok("train", *SMALL, "--train-dir", "run")
        out, err = follower.communicate(timeout=PATIENCE)
        self.assertEqual(follower.returncode, 0, err)
        self.assertEqual([json.loads(line)["step"] for line in out.splitlines()], [5, 10, 12])
        self.assertIn("finished at step 12", err)

    def test_of_a_directory_and_of_a_file_agree(self):
        self.run_ok("train", *SMALL, "--train-dir", "run")
        lines = self.run_ok("evaluate", "--model-dir", "run").out.splitlines()
        self.assertEqual(len(lines), 3)
        self.assertEqual(self.run_ok("evaluate", "--model-dir", "run/model_step_12").out.splitlines(), lines[-1:])
        other = self.run_ok("evaluate", "--model-dir", "run/model_step_12", "--eval-batch-size", 333, "--threads", 1, "--again")
        self.assertEqual(other.out.split()[:2], ["step", "12"])

    def test_leaves_its_scores_beside_the_checkpoints_and_scores_nothing_twice(self):
        self.run_ok("train", *SMALL, "--train-dir", "run")
        kept = self.folder / "run" / "evaluation.jsonl"
        first = self.run_ok("evaluate", "--model-dir", "run", "--json")
        scores = [json.loads(line) for line in kept.read_text().splitlines()]
        self.assertEqual([score["step"] for score in scores], [5, 10, 12])
        self.assertEqual([{name: score[name] for name in ("step", "loss", "prec1", "prec5")} for score in scores],
                         [json.loads(line) for line in first.out.splitlines()])
        model = (self.folder / "run" / "model_step_10").read_bytes()
        self.assertEqual((scores[1]["model"], scores[1]["samples"], scores[1]["network"]), (hashlib.sha256(model).hexdigest(), 10000, "LeNet"))
        # A module that is none could not score anything.
        second = self.run_ok("evaluate", "--model-dir", "run", "--json", env={"DETOX_LEARNER": "/nowhere.so"})
        self.assertEqual(second.out, first.out)
        self.assertIn("3 checkpoints were scored before (run/evaluation.jsonl); --again scores anew", second.err)
        self.assertEqual(len(kept.read_text().splitlines()), 3)
        (self.folder / "run" / "model_step_5").write_bytes(model)
        (self.folder / "run" / "model_step_10").write_bytes((self.folder / "run" / "model_step_12").read_bytes())
        third = self.run_ok("evaluate", "--model-dir", "run")
        self.assertIn("3 checkpoints were scored before", third.err)  # what they hold was, under other names
        self.assertEqual([json.loads(line)["step"] for line in kept.read_text().splitlines()], [5, 10, 12, 5, 10])
        self.run_ok("evaluate", "--model-dir", "run/model_step_12", "--again")
        self.assertEqual(len(kept.read_text().splitlines()), 6)
        kept.unlink()
        kept.mkdir()
        fourth = self.run_ok("evaluate", "--model-dir", "run/model_step_12")
        self.assertIn("scores are not kept there", fourth.err)
        self.assertEqual(fourth.out, third.out.splitlines(keepends=True)[-1])

    def test_keeps_no_scores_on_other_data_than_the_runs(self):
        self.run_ok("train", *SMALL, "--train-dir", "run")
        kept = self.folder / "run" / "evaluation.jsonl"
        own = self.run_ok("evaluate", "--model-dir", "run/model_step_12")
        lines = kept.read_text()
        shutil.copytree(DATA, self.folder / "moved")
        moved = self.run_ok("evaluate", "--model-dir", "run/model_step_12", "--data-dir", "moved")
        self.assertEqual((moved.out, kept.read_text()), (own.out, lines))
        self.assertIn("one checkpoint was scored before", moved.err)
        labels = self.folder / "moved" / "t10k-labels-idx1-ubyte.gz"
        content = bytearray(gzip.decompress(labels.read_bytes()))
        content[8:] = bytes((label + 1) % 10 for label in content[8:])
        labels.write_bytes(gzip.compress(content))
        other = self.run_ok("evaluate", "--model-dir", "run/model_step_12", "--data-dir", "moved")
        self.assertNotEqual(other.out, own.out)
        self.assertIn("other data than the run's: their scores are not kept", other.err)
        self.assertEqual(kept.read_text(), lines)

    def test_takes_the_score_that_the_run_has_left(self):
        trained = self.run_ok("train", *SMALL, "--train-dir", "run", "--no-evaluate", "off")
        self.assertIn("test accuracy", trained.err)
        self.assertEqual([json.loads(line)["step"] for line in (self.folder / "run" / "evaluation.jsonl").read_text().splitlines()], [12])
        self.assertIn("one checkpoint was scored before", self.run_ok("evaluate", "--model-dir", "run/model_step_12").err)
        # Somebody who follows the run may have been faster. The line survives as that of a step which is not taken again.
        kept = self.folder / "run" / "evaluation.jsonl"
        kept.write_text(kept.read_text().replace('"step":12', '"step":5'))
        again = self.run_ok("train", "--resume", "run/model_step_10", "--train-dir", "run", "--no-evaluate", "off")
        self.assertIn("scored before: evaluation.jsonl", again.err)
        self.assertEqual([json.loads(line)["step"] for line in kept.read_text().splitlines()], [5, 12])
        # Steps that a run takes again are scored again.
        self.run_ok("train", "--resume", "run/model_step_5", "--train-dir", "run", "--max-steps", 10)
        self.assertEqual([json.loads(line)["step"] for line in kept.read_text().splitlines()], [5])

    def test_gives_up_on_a_run_that_was_killed(self):
        killed = keep_training(self, "run", *SMALL, "--eval-freq", 50)
        follower = start("evaluate", "--model-dir", "run", "--follow", cwd=self.folder)
        self.assertTrue(follower.stdout.readline().startswith("step "))
        killed.process.kill()
        _, err = follower.communicate(timeout=PATIENCE)
        self.assertEqual(follower.returncode, 1)
        self.assertIn("the run was killed at step", err)

    def test_follows_a_run_that_keeps_only_its_newest_checkpoint(self):
        follower = start("evaluate", "--model-dir", "run", "--follow", cwd=self.folder)
        self.run_ok("train", *SMALL, "--eval-freq", 1, "--keep-checkpoints", 1, "--train-dir", "run")
        out, err = follower.communicate(timeout=PATIENCE)
        self.assertEqual(follower.returncode, 0, err)
        self.assertIn("step 12 ", out)

    def held(self, status, *options):
        """The run as another process has it that is at work in it, and another that has followed it for a while."""
        self.run_ok("train", *SMALL, "--train-dir", "run")
        lock = open(self.folder / "run" / ".lock")
        fcntl.flock(lock, fcntl.LOCK_EX)
        self.addCleanup(lock.close)
        self.write_status(status)
        follower = start("evaluate", "--model-dir", "run", "--follow", "--eval-freq", 10, *options, cwd=self.folder)
        self.assertTrue(follower.stdout.readline().startswith("step 10 "))
        time.sleep(1)  # likely it has seen step 12, which 10 does not divide
        return lock, follower

    def write_status(self, status):
        temporary = self.folder / "run" / "run.json.new"
        temporary.write_text(json.dumps({"message": "", "status": status, "step": 10 if status == "running" else 12}))
        temporary.rename(self.folder / "run" / "run.json")

    def test_has_patience_with_a_run_that_goes_on_and_scores_its_last_step_though_it_saw_it_before_the_end(self):
        _, follower = self.held("running", "--timeout", 0.2)
        self.write_status("finished")
        out, err = follower.communicate(timeout=PATIENCE)
        self.assertEqual(follower.returncode, 0, err)
        self.assertTrue(out.startswith("step 12 "), out)

    def test_scores_again_what_a_run_that_has_gone_back_writes_again(self):
        _, follower = self.held("running")
        run = self.folder / "run"
        (run / "model_step_12").unlink()
        (run / "new").write_bytes((run / "model_step_10").read_bytes())
        (run / "new").rename(run / "model_step_10")
        self.assertTrue(follower.stdout.readline().startswith("step 10 "))
        self.write_status("finished")
        out, err = follower.communicate(timeout=PATIENCE)
        self.assertEqual((follower.returncode, out), (0, ""), err)

    def test_says_at_which_step_a_run_was_killed(self):
        lock, follower = self.held("running")
        lock.close()
        out, err = follower.communicate(timeout=PATIENCE)
        self.assertEqual(follower.returncode, 1, err)
        self.assertTrue(out.startswith("step 12 "), out)
        self.assertIn("the run was killed at step 12", err)

    def test_of_models_without_a_state_and_of_every_so_many(self):
        self.run_ok("train", *SMALL, "--train-dir", "run")
        for path in (self.folder / "run").glob("state_step_*"):
            path.unlink()
        for options, steps in [([], [5, 10, 12]), (["--eval-freq", 10], [10, 12])]:
            lines = self.run_ok("evaluate", "--model-dir", "run", "--json", *options).out.splitlines()
            self.assertEqual([json.loads(line)["step"] for line in lines], steps)
        err = self.run_ok("evaluate", "--model-dir", "run/model_step_5", "--eval-freq", 10, "--timeout", 3).err
        self.assertIn("without effect: --eval-freq 10 (this is one checkpoint)", err)
        self.assertIn("without effect: --timeout 3 (there is no --follow)", err)

    def test_says_where_there_is_nothing(self):
        self.assert_refused(run("evaluate", "--model-dir", self.folder), 1, "holds no checkpoint")
        self.assert_refused(run("evaluate", "--model-dir", self.folder / "no"), 1, "no such file or directory")
        self.assert_refused(run("evaluate", "--model-dir", "no", "--follow", "--timeout", 0.2, cwd=self.folder), 1,
                            "no: nothing new for 0 s (--timeout)")
        for seconds in ["nan", "inf", "-1"]:
            self.assert_refused(run("evaluate", "--model-dir", "run", "--follow", "--timeout", seconds, cwd=self.folder), 2,
                                "--timeout")


class Aggregate(ProgramTest):
    def numpy(self, script, *arguments):
        return subprocess.run(["/usr/bin/python3", "-c", script, *arguments], cwd=self.folder, check=True,
                              capture_output=True, text=True).stdout

    def test_agrees_with_numpy_and_reports_on_the_rows(self):
        for dtype in ["float32", "float64"]:
            self.numpy(NUMPY, dtype)
            self.run_ok("aggregate", "--mode", "multi-krum", "--f", 2, "rows.npy", "-o", "out.npy", "--report", "r.json")
            report = json.loads((self.folder / "r.json").read_text())
            self.assertEqual(len(report["selected"]), 11)
            self.assertFalse({3, 7} & set(report["selected"]))
            self.assertEqual(len(report["scores"]), 15)
            self.assertEqual([row["row"] for row in report["not_selected"]],
                             [row for row in range(15) if row not in report["selected"]])
            self.assertEqual([row["row"] for row in report["suspect"]], [3, 7])
            self.assertIn(report["most_suspect"], [3, 7])
            self.numpy("import json, numpy as np; rows = np.load('rows.npy'); out = np.load('out.npy');"
                       "s = json.load(open('r.json'))['selected']; assert out.dtype == rows.dtype;"
                       "np.testing.assert_allclose(out, rows[s].astype('f8').mean(0), rtol=1e-5, atol=1e-6)")

    def test_does_steps_before_the_rule(self):
        self.numpy(NUMPY, "float64")
        self.run_ok("aggregate", "--f", 2, "--pre", "nnm,clipping:c=3", "rows.npy", "-o", "out.npy", "--report", "r.json")
        self.assertEqual(json.loads((self.folder / "r.json").read_text())["pre"], "nnm,clipping:c=3")
        self.numpy("import numpy as np; x = np.load('rows.npy'); out = np.load('out.npy'); n, f = len(x), 2;"
                   "ok = np.isfinite(x).all(1); "
                   "D = np.array([[((a - b) ** 2).sum() if p and q else np.inf for b, q in zip(x, ok)] for a, p in zip(x, ok)]);"
                   "mixed = np.array([x[np.argsort(D[i], kind='stable')[:n - f]].mean(0) if ok[i] else x[i] for i in range(n)]);"
                   "size = np.sqrt((mixed ** 2).sum(1));"
                   "mixed = np.array([y * min(1, 3 / s) if np.isfinite(s) else y for y, s in zip(mixed, size)]);"
                   "np.testing.assert_allclose(out, np.median(np.where(np.isnan(mixed), np.inf, mixed), axis=0), rtol=1e-9)")

    def test_weighs_rows(self):
        self.numpy(NUMPY, "float64")
        counts = [5, 1, 2, 9, 3, 3, 1, 900, 2, 2, 4, 1, 5, 3, 2]
        self.run_ok("aggregate", "--mode", "median", "--f", 2, "--weights", ",".join(map(str, counts)), "--weight-cap", 3,
                    "rows.npy", "-o", "out.npy")
        # Row 7 claims 900 of 943: at the cap it has 3/15 of all, a quarter of what the others have.
        self.numpy(f"import numpy as np; x = np.load('rows.npy'); out = np.load('out.npy'); w = np.array({counts}, 'f8');"
                   "w[7] = (w.sum() - w[7]) / 4; x = np.where(np.isnan(x), np.inf, x); order = np.argsort(x, axis=0);"
                   "sums = np.cumsum(w[order], axis=0); at = (sums > w.sum() / 2 + 1e-9).argmax(0);"
                   "meets = np.isclose(sums, w.sum() / 2).any(0); sorted = np.sort(x, axis=0); c = np.arange(x.shape[1]);"
                   "expected = np.where(meets, (sorted[at, c] + sorted[at - 1, c]) / 2, sorted[at, c]);"
                   "np.testing.assert_allclose(out, expected, rtol=1e-12)")
        for weights, reason in [("1,2", "--weights: 2 weights for 15 rows"), ("1,x", "weights 'x'"), ("", "weights ''"),
                                (",".join(["1"] * 14 + ["-1"]), "the weight of row 14 is -1"),
                                (",".join(["nan"] * 15), "the weight of row 0 is nan")]:
            self.assert_refused(run("aggregate", "--weights", weights, "rows.npy", "-o", "o.npy", cwd=self.folder), 2, reason)
        self.assert_refused(run("aggregate", "--mode", "krum", "--weights", ",".join(["1"] * 15), "rows.npy", "-o", "o.npy",
                                cwd=self.folder), 2, "krum takes no weights; valid: centered-clipping")

    def test_takes_the_definitions_of_others(self):
        self.numpy(NUMPY, "float64")
        self.run_ok("aggregate", "--mode", "multi-krum", "--f", 2, "--semantics", "byzfl", "rows.npy", "-o", "out.npy",
                    "--report", "r.json")
        report = json.loads((self.folder / "r.json").read_text())
        self.assertEqual((report["semantics"], len(report["selected"])), ("byzfl", 13))
        self.assertEqual(report["requirement"], "n >= 2f + 1")
        krum = ("aggregate", "--mode", "krum", "--f", 7, "rows.npy", "-o", "out.npy")
        self.assert_refused(run(*krum, cwd=self.folder), 2, "krum needs n >= 2f + 3: n = 15, f = 7")
        self.assertIn("warning: by the definition of byzfl this is no robust result: krum needs n >= 2f + 3: n = 15, f = 7\n",
                      self.run_ok(*krum, "--semantics", "byzfl").err)
        self.assertFalse({3, 7} & set(report["selected"]))
        self.assert_refused(run("aggregate", "--semantics", "bizfl", "rows.npy", "-o", "o.npy", cwd=self.folder), 2,
                            "did you mean byzfl?")

    def test_takes_the_options_of_rules_as_training_does(self):
        self.numpy(NUMPY, "float32")
        taken = [("tolerance", "0.999"), ("tolerance", "1e-300"), ("krum-select", "auto"), ("krum-select", "0"),
                 ("clip-rounds", "AUTO"), ("clip-rounds", "1000"), ("clip-radius", "5e-324"), ("weight-cap", "1"),
                 ("bulyan-variant", "DETOX"), ("semantics", "byz_fl"), ("pre", "none")]
        for name, value in taken:
            self.run_ok("aggregate", f"--{name}", value, "rows.npy", "-o", "out.npy")
        for name, value in [("tolerance", "0"), ("tolerance", "1"), ("tolerance", "nan"), ("krum-select", "-1"),
                            ("krum-select", "none"), ("clip-rounds", "0"), ("clip-rounds", "1001"), ("clip-radius", "0"),
                            ("clip-radius", "inf"), ("weight-cap", "0.999"), ("reference-row", "0.5"), ("bulyan-variant", "x"),
                            ("semantics", "byzfi"), ("pre", "nmn"), ("pre", "bucketing:s=0")]:
            refused = [run(*words, f"--{name}", value, cwd=self.folder)
                       for words in (["aggregate", "rows.npy", "-o", "o.npy"], ["train", "--max-steps", 1])]
            self.assertEqual([answer.code for answer in refused], [2, 2], (name, value))
            said = [answer.err.strip().removeprefix("detoxml: ") for answer in refused]
            self.assertEqual(said[0], said[1], (name, value))

    def test_refuses_what_it_cannot_do(self):
        self.numpy(NUMPY, "float32")
        self.assert_refused(run("aggregate", "--f", "-1", "rows.npy", "-o", "o.npy", cwd=self.folder), 2, "--f is '-1'; valid: a whole number from 0")
        self.assert_refused(run("aggregate", "--pre", "nmn", "rows.npy", "-o", "o.npy", cwd=self.folder), 2, "did you mean nnm?")
        self.assert_refused(run("aggregate", "--mode", "bulyan", "--f", 4, "rows.npy", "-o", "o.npy", cwd=self.folder), 2,
                            "bulyan needs n >= 4f + 3: n = 15, f = 4")
        self.assert_refused(run("aggregate", "--mode", "median", "no.npy", "-o", "o.npy", cwd=self.folder), 1, "no.npy")
        self.assertFalse((self.folder / "o.npy").exists())


class List(ProgramTest):
    def test_names_everything_with_its_requirement_and_paper(self):
        text = self.run_ok("list").out
        for word in ["bulyan", "n >= 4f + 3", "coord-median", "geometric-median", "krum", "multi-krum", "normal", "signSGD",
                     "trimmed-mean", "alie", "constant", "none", "random", "rev_grad", "LeNet", "FC", "Cifar10",
                     "Cifar100", "FashionMNIST", "MNIST", "SVHN", "synthetic-cifar10", "synthetic-cifar100", "sign", "arXiv"]:
            self.assertIn(word, text)


class Help(ProgramTest):
    def test_of_every_command_shows_defaults_and_examples(self):
        self.assertIn("--batch-size", self.run_ok("train", "--help").out)
        for command in ["train", "evaluate", "aggregate", "data", "launch", "doctor", "completion", "man"]:
            text = self.run_ok(command, "--help").out
            self.assertIn("Example", text)
            self.assertIn(f"detoxml {command}", text)
        self.assertRegex(self.run_ok("--version").out, r"^detoxml \d+\.\d+\.\d+")

    def test_of_training_shows_what_people_need_and_all_on_demand(self):
        short, whole = (self.run_ok("train", option).out for option in ["--help", "--help-all"])
        options = re.findall(r"^  --?[\w-]+", short, re.MULTILINE)
        self.assertEqual(len([o for o in options if "help" not in o and o != "  -h"]), 21, options)
        self.assertIn("options more: detoxml train --help-all", short)
        self.assertIn("--weight-cap", whole)
        self.assertNotIn("--weight-cap", short)
        for text in short, whole:
            self.assertIn("P workers", text)
            self.assertRegex(text, r"--workers N\|auto")
        # The value's kind is beside every option that takes one.
        bare = [line for line in whole.splitlines()
                if re.match(r"  --[\w-]+( {2,}|$)", line) and "--help-all" not in line]
        self.assertEqual(bare, [])
        self.assertIn("--sweep", self.run_ok("tune", "--help").out)

    def test_is_a_command_too(self):
        self.assertEqual(self.run_ok("help").out, self.run_ok("--help").out)
        self.assertEqual(self.run_ok("help", "train").out, self.run_ok("train", "--help").out)
        self.assertEqual(self.run_ok("help", "--all", "train").out, self.run_ok("train", "--help-all").out)
        self.assertEqual(self.run_ok("help", "cluster", "launch").out, self.run_ok("cluster", "launch", "--help").out)
        self.assert_refused(run("help", "trian"), 2, "unknown command 'trian'", "did you mean train?")

    def test_is_as_wide_as_the_terminal(self):
        for words in ("--help",), ("train", "--help"), ("help", "--all", "train"), ("aggregate", "--help"), ("help", "launch"):
            master, terminal = pty.openpty()
            termios.tcsetwinsize(terminal, (24, 80))
            help_on_terminal = subprocess.Popen([PROGRAM, *words], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=terminal)
            os.close(terminal)
            read = b""
            while part := self.read_terminal(master):
                read += part
            os.close(master)
            self.assertEqual(help_on_terminal.wait(PATIENCE), 0)
            text = read.decode()
            self.assertEqual(text.split(), self.run_ok(*words).out.split())
            self.assertEqual([line for line in text.splitlines() if len(line) > 80 and not line.startswith("  detoxml ")], [])

    @staticmethod
    def read_terminal(master):
        try:
            return os.read(master, 65536)
        except OSError:  # the program has ended
            return b""

    def test_ends_quietly_with_whoever_reads_it(self):
        # More than a pipe holds would have to be written; a closed pipe shows it with a line, too.
        for command in ["list", "help --all train", "train --help-all", "completion bash"]:
            ended = subprocess.run(["bash", "-c", f'"$1" {command} | true; echo "${{PIPESTATUS[0]}}"', "-", PROGRAM],
                                   capture_output=True, text=True, timeout=60, check=True)
            self.assertEqual(ended.stderr, "", command)
            self.assertIn(ended.stdout.strip(), ["0", "141"], command)
        full = subprocess.run(["bash", "-c", '"$1" list > /dev/full', "-", PROGRAM], capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual((full.returncode, full.stderr.count("detoxml: ")), (1, 1), full.stderr)


class Train(ProgramTest):
    def test_without_options_is_told_what_it_defends_against(self):
        err = self.run_ok("train", "--max-steps", 1).err
        self.assertIn("survives any 1 liar among 9 workers: 3 pieces × 3 workers, no piece can be corrupted", err)
        self.assertTrue((self.folder / "output" / "models" / "model_step_1").exists())

    def test_says_what_bucket_size_means(self):
        err = self.run_ok("train", "--max-steps", 1, "--workers", 45, "--bucket-size", 5, "--batch-size", 2).err
        self.assertEqual(err.count("is the number of buckets"), 1)

    def test_takes_what_the_scripts_of_the_original_say(self):
        err = self.run_ok("train", "--lr=0.01", "--momentum=0.9", "--network=LeNet", "--batch-size=4", "--comm-type=Bcast",
                          "--mode=maj_vote", "--approach=maj_vote", "--eval-freq=2000", "--err-mode=constant",
                          "--adversarial=-100", "--epochs=50", "--max-steps=2", "--worker-fail=1", "--group-size=3",
                          "--compress-grad=compress", "--bucket-size=5", "--checkpoint-step=0", "--lis-simulation=simulate",
                          "--train-dir=run/", "--no-cuda", "--test-batch-size", 100, "--log-interval=10").err
        for line in ["taken as --mode normal", "without effect: --bucket-size 5", "--checkpoint-step 0: from the start",
                     "--no-cuda is not needed: detoxml computes on CPUs only", "--test-batch-size is not needed",
                     "without effect: --err-mode constant, --adversarial -100 (the attack is alie)",
                     "without effect: --compress-grad compress (in one process nothing is sent)"]:
            self.assertEqual(err.count(line), 1, line)

    def test_has_one_attack_under_two_names(self):
        self.run_ok("train", *SMALL, "--train-dir", "one")
        other = [word for word in SMALL if word not in ("--lis-simulation", "simulate")]
        self.run_ok("train", *other, "--err-mode", "alie", "--train-dir", "two")
        self.assertEqual(self.checkpoint("one", 12), self.checkpoint("two", 12))
        configs = [re.sub('train-dir = .*', "", (self.folder / run / "config.toml").read_text()) for run in ("one", "two")]
        self.assertEqual(configs[0], configs[1])

    def test_may_take_the_place_of_the_run_before(self):
        command = ["train", "--max-steps", 2, "--batch-size", 4, "--train-dir", "run"]
        self.run_ok(*command)
        before = {path.name: path.read_bytes() for path in (self.folder / "run").iterdir()}
        self.assert_refused(run(*command, cwd=self.folder), 1, "--resume auto", "--overwrite")
        err = self.run_ok(*command, "--overwrite").err
        self.assertRegex(err, r"the run that was in run is in .*/run\.old-1 now")
        self.assertEqual({path.name: path.read_bytes() for path in (self.folder / "run.old-1").iterdir()}, before)
        self.assertEqual(self.checkpoint("run", 2), self.checkpoint("run.old-1", 2))
        self.assertIn('overwrite = "off"', (self.folder / "run" / "config.toml").read_text())
        self.assert_refused(run(*command, "--overwrite", "--resume", "auto", cwd=self.folder), 2, "give one of them")
        self.assert_refused(run("train", "--replay", "run", "--train-dir", "run", "--overwrite", cwd=self.folder), 2,
                            "the record would be lost")
        self.assertFalse((self.folder / "run.old-2").exists())

    def tensors(self, folder, name):
        content = (self.folder / folder / name).read_bytes()
        values = 8 + int.from_bytes(content[:8], "little")
        header = json.loads(content[8:values])
        return {key: content[values:][slice(*tensor["data_offsets"])] for key, tensor in sorted(header.items())
                if key != "__metadata__"}

    def momentum(self, folder, step):
        return array.array("f", b"".join(self.tensors(folder, f"state_step_{step}").values()))

    def test_begins_with_the_weights_and_the_momentum_of_another_one(self):
        small = ["--batch-size", 4, "--momentum", "0.5", "--eval-freq", 3]
        self.run_ok("train", *small, "--max-steps", 3, "--train-dir", "run")
        refused = run("train", "--resume", "auto", "--max-steps", 6, "--lr", "0.001", "--train-dir", "run", cwd=self.folder)
        self.assert_refused(refused, 2, "lr: 0.001 here, 0.01 there", "--pretrained run/model_step_3 --pretrained-momentum")
        begin = ["--pretrained", "run/model_step_3", "--lr", "1e-30", "--max-steps", 1]
        # The step is too small to move a weight; momentum is half of what it was, and the gradient.
        for options, folder in [(["--pretrained-momentum"], "with"), ([], "without")]:
            self.run_ok("train", *small, *begin, *options, "--train-dir", folder)
            self.assertEqual(self.tensors(folder, "model_step_1"), self.tensors("run", "model_step_3"))
        old, new, fresh = (self.momentum(*at) for at in [("run", 3), ("with", 1), ("without", 1)])
        self.assertTrue(any(old))
        for a, b, g in zip(old, new, fresh):
            self.assertAlmostEqual(b, 0.5 * a + g, delta=1e-6 + 1e-5 * abs(b))
        self.assert_refused(run("train", "--pretrained-momentum", cwd=self.folder), 2, "needs --pretrained")

    def test_writes_a_configuration_that_gives_the_same_run_again(self):
        self.run_ok("train", *SMALL, "--train-dir", "one", "--nesterov", "--weight-decay", "1e-4")
        self.run_ok("train", "--config", "one/config.toml", "--train-dir", "two")
        self.assertEqual(self.checkpoint("one", 12), self.checkpoint("two", 12))

    def test_from_an_older_checkpoint_computes_the_later_steps_again(self):
        self.run_ok("train", *SMALL, "--train-dir", "run")
        before = self.checkpoint("run", 12)
        self.run_ok("train", "--checkpoint-step", 5, "--keep-checkpoints", 1, "--train-dir", "run")
        self.assertEqual(self.checkpoint("run", 12), before)
        self.assertEqual([line["step"] for line in self.journal("run")], list(range(1, 13)))
        self.assertFalse((self.folder / "run" / "model_step_5").exists())

    def test_takes_the_directory_that_a_configuration_file_names(self):
        self.run_ok("train", *SMALL, "--train-dir", "one")
        (self.folder / "more.toml").write_text('resume = "one/model_step_5"\ntrain-dir = "two"\nmax-steps = 7\n')
        self.run_ok("train", "--config", "more.toml")
        self.assertTrue((self.folder / "two" / "model_step_7").exists())
        self.assertFalse((self.folder / "one" / "model_step_7").exists())
        # The file that a resumed run leaves is a whole run again.
        self.run_ok("train", "--config", "two/config.toml", "--train-dir", "three")
        self.assertEqual(self.checkpoint("three", 7), self.checkpoint("two", 7))

    def test_with_a_secret_placement_draws_another_placement(self):
        (self.folder / "key").write_bytes(bytes(range(32)))
        self.run_ok("train", *SMALL, "--train-dir", "open")
        self.run_ok("train", *SMALL, "--train-dir", "secret", "--placement-key", "key")
        self.assertNotEqual(self.journal("open", "rounds.jsonl"), self.journal("secret", "rounds.jsonl"))
        self.assert_refused(run("train", "--resume", "auto", "--train-dir", "secret", "--placement-key", "open/config.toml",
                                "--max-steps", 20, cwd=self.folder), 2, "placement key")


class Sign(ProgramTest):
    """Keys are those that openssl makes."""

    RUN = ["--train-dir", "run", "--max-steps", "4", "--eval-freq", "2", "--batch-size", "4"]

    def setUp(self):
        super().setUp()
        for name in ("mine", "other"):
            self.openssl("genpkey", "-algorithm", "ed25519", "-out", f"{name}.pem")
            self.openssl("pkey", "-in", f"{name}.pem", "-pubout", "-out", f"{name}.pub")

    def openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

    def refused(self, *arguments, says, code=1):
        self.assert_refused(run(*arguments, cwd=self.folder), code, *says)

    def test_a_run_that_is_signed_is_its_keys_and_nobody_elses(self):
        said = self.run_ok("train", *self.RUN, "--sign-key", "mine.pem").err
        der = subprocess.run(["openssl", "pkey", "-pubin", "-in", "mine.pub", "-outform", "DER"], cwd=self.folder,
                             check=True, capture_output=True).stdout
        key = hashlib.sha256(der).hexdigest()
        self.assertIn(f"commitments are signed by key {key}", said)
        self.assertEqual(self.run_ok("verify", "run", "--key", "mine.pub").out,
                         f"signed up to step 4 by key {key}\n4 steps agree with run's commitments\n")
        self.refused("verify", "run", "--key", "other.pub", says=["is signed by another key", key])
        self.refused("verify", "run", "--key", "mine.pem", says=["--key mine.pem: a private key"])
        self.refused("verify", "run", "--key", "nowhere", says=["--key nowhere: cannot open nowhere"])
        for file in (self.folder / "run").iterdir():
            self.assertNotIn(b"mine.pem", file.read_bytes(), file.name)
        self.refused("train", "--resume", "auto", "--train-dir", "run", "--max-steps", 5, "--sign-key", "other.pem",
                     says=["commitments.sig is of another key"], code=2)

    def test_steps_that_are_not_signed_are_named_and_end_with_5(self):
        self.run_ok("train", *self.RUN, "--sign-key", "mine.pem")
        goes_on = ("train", "--resume", "auto", "--train-dir", "run", "--max-steps")
        self.assertIn("signs steps 1 to 4; later ones are not signed without --sign-key", self.run_ok(*goes_on, 6).err)
        result = run("verify", "run", "--key", "mine.pub", cwd=self.folder)
        self.assertEqual(result.code, 5, result.err)
        self.assertIn("steps 5 to 6 are not signed; --steps A-4 leaves them out\n", result.out)
        self.run_ok("verify", "run", "--key", "mine.pub", "--steps", "3-4")
        self.run_ok(*goes_on, 7, "--sign-key", "mine.pem")
        self.assertIn("signed up to step 7 by", self.run_ok("verify", "run", "--key", "mine.pub").out)

    def test_a_key_that_cannot_be_used_is_refused_before_training_and_nobody_is_asked(self):
        self.openssl("pkey", "-in", "mine.pem", "-aes128", "-passout", "pass:secret", "-out", "encrypted.pem")
        self.openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024", "-out", "rsa.pem")
        for file, words in (("encrypted.pem", "it is encrypted"), ("rsa.pem", "a key of type RSA"),
                            ("mine.pub", "a public key"), ("nowhere", "cannot open nowhere"),
                            ("run", "is not a regular file")):
            (self.folder / "run").mkdir(exist_ok=True)
            # With a terminal, at which a program could ask.
            master, terminal = pty.openpty()
            asked = subprocess.run([PROGRAM, "train", *self.RUN, "--sign-key", file], cwd=self.folder,
                                   stdin=terminal, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   timeout=PATIENCE, start_new_session=True,
                                   preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
            os.close(terminal)
            os.close(master)
            self.assertEqual(asked.returncode, 1, asked.stderr)
            self.assertIn(f"detoxml: --sign-key {file}: ", asked.stderr)
            self.assertIn(words, asked.stderr)
            self.assertEqual(list((self.folder / "run").iterdir()), [])
        self.refused("train", *self.RUN, "--sign-key", "mine.pem", "--commit", "off", says=["--commit off"], code=2)


main()
