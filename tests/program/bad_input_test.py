"""Bad input of every kind: one clear line, exit code 2 or 1, nothing trained and nothing half-written."""

import gzip
import pathlib
import shutil
import signal
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
from program import DATA, SMALL, ProgramTest, main, run
from running import keep_training


class BadOptions(ProgramTest):
    def refused(self, *options, says, code=2):
        result = run("train", *options, cwd=self.folder)
        self.assert_refused(result, code, *says)
        self.assertFalse((self.folder / "output").exists(), "something was written")

    def test_unknown_names_list_the_valid_ones_and_the_nearest(self):
        self.refused("--mode", "krumm", says=["unknown rule 'krumm'", "did you mean krum?", "geometric-median"])
        self.refused("--network", "lenett", says=["unknown network 'lenett'", "did you mean LeNet?", "FC"])
        self.refused("--dataset", "mnits", says=["unknown data set 'mnits'", "did you mean MNIST?"])
        self.refused("--err-mode", "constnt", says=["unknown attack", "did you mean constant?", "rev_grad"])
        self.refused("--approach", "detux", says=["unknown approach", "did you mean detox?", "baseline"])
        self.refused("--lerning-rate", "1", says=["unknown option 'lerning-rate' (if learning-rate is meant: write --lr)"])
        self.assert_refused(run("trian"), 2, "unknown command 'trian'", "did you mean train?")

    def test_what_is_not_built_is_refused_and_not_in_the_help(self):
        self.refused("--vote", "hash", says=["digest", "bytes"])
        for command in ["serve", "federate"]:
            self.assert_refused(run(command), 2, f"unknown command '{command}'")

    def test_impossible_combinations_name_the_inequality_and_the_values(self):
        # A few: tests/config has them all.
        self.refused("--group-size", "4", says=["--group-size is 4", "odd"])
        self.refused("--mode", "krum", "--assume-fail", "2", says=["krum needs n >= 2f + 3: n = 3, f = 1"])
        self.refused("--mode", "bulyan", "--approach", "baseline", "--workers", "10", "--assume-fail", "2",
                     says=["bulyan needs n >= 4f + 3: n = 10, f = 2"])
        self.refused("--global-batch", "2", says=["--global-batch 2", "k = 3"])
        self.refused("--batch-size", "100000", says=["60000"])
        self.refused("--engine", "mpi", says=["mpirun"])

    def test_values_that_are_no_values(self):
        # A few: tests/config has them all.
        for option, value in [("--lr", "nan"), ("--batch-size", "-3"), ("--max-steps", "ten"), ("--absent", "77:1-2"),
                              ("--nesterov", "perhaps")]:
            self.refused(option, value, says=[option])

    def test_all_that_is_wrong_is_told_at_once_by_other_commands_too(self):
        result = run("evaluate", "--eval-batch-size=0", "--foo", 3, "--model-dir=", "--bar=2", "--timeout", "x", cwd=self.folder)
        self.assertEqual(result.code, 2)
        for words, told in zip(["--model-dir= has no value", "--eval-batch-size", "--timeout", "'--foo'", "'--bar'"],
                               result.errors(), strict=True):
            self.assertIn(words, told)

    def test_all_that_is_wrong_is_told_at_once(self):
        (self.folder / "bad.toml").write_text('cuda = true\nbatch-size = "many"\npre = ["nnm"]\n')
        result = run("train", "--config", "bad.toml", "--learning-rate", "0.1", "--lr", "-1", "--momentum=x", "--gpu", "stray",
                     "--network", "lenett", "--approach", "detx", "--num-wrokers=3", "--device", "cuda:0", cwd=self.folder)
        self.assertEqual(result.code, 2)
        told = "\n".join(result.errors())
        for words in ["bad.toml:1: no option 'cuda' here: detoxml computes on CPUs only", "bad.toml: --batch-size is 'many'",
                      "no option 'learning-rate' here: write --lr", "--lr is -1", "--momentum is 'x'",
                      "no option 'gpu' here: detoxml computes on CPUs only", "no option 'device' here", "unknown network 'lenett'",
                      "unknown approach 'detx'", "unknown option 'num-wrokers' (if num-workers is meant: write --workers"]:
            self.assertEqual(told.count(words), 1, told)
        self.assertEqual(len(result.errors()), 10, told)
        self.assertFalse((self.folder / "output").exists())

    def test_underscores_and_capitals_are_as_good_as_dashes(self):
        self.refused("--Batch_Size", "0", says=["--batch-size is 0"])
        self.refused("--max_steps=0", says=["--max-steps is 0"])

    def test_options_without_a_value_are_not_given_the_next_word(self):
        self.refused("--lr=", "--max-steps", "1", says=["--lr= has no value"])
        self.refused("--mode", "maj_vote", says=["write --approach maj_vote"])
        self.refused("--approach", "cyclic", "--mode", "maj_vote", says=["DRACO's cyclic code is not here"])
        self.refused("--err-mode", "alie", "--lis-simulation", "none", says=["--lis-simulation is none"])
        self.refused("--workers", "45", "--buckets", "3", "--bucket-size", "5", says=["one option, given as 3 and 5"])

    def test_configuration_files(self):
        bad = self.folder / "bad.toml"
        for text, words in [("lr = ", ["bad.toml:1", "TOML"]), ("lerning-rate = 1", ["bad.toml", "unknown option"]),
                            ("lr = [1]", ["bad.toml:1", "the value of lr"]), ("lr = \"fast\"", ["bad.toml", "--lr is 'fast'"])]:
            bad.write_text(text)
            result = run("train", "--config", bad, cwd=self.folder)
            self.assertIn(result.code, (1, 2))
            self.assert_refused(result, result.code, *words)
        self.refused("--config", ".", says=["."], code=1)
        self.refused("--config", "missing.toml", says=["missing.toml"], code=1)

    def test_a_train_directory_that_cannot_be_written(self):
        (self.folder / "file").write_text("")
        self.refused("--train-dir", "file/run", says=["file/run"], code=1)
        self.refused("--train-dir", "/proc/run", says=["/proc/run"], code=1)

    def test_a_placement_key_that_cannot_be_read(self):
        self.refused("--placement-key", "nowhere", says=["--placement-key nowhere"], code=1)


class BadData(ProgramTest):
    def setUp(self):
        super().setUp()
        self.data = self.folder / "data"
        shutil.copytree(DATA, self.data)

    def refused(self, *words):
        self.assert_refused(run("train", "--data-dir", self.data, "--train-dir", "run", cwd=self.folder), 1, *words)
        self.assertFalse((self.folder / "run").exists())

    def change(self, name, change):
        file = self.data / name
        file.write_bytes(change(file.read_bytes()))

    def test_missing_files(self):
        (self.data / "train-labels-idx1-ubyte.gz").unlink()
        self.refused("train-labels-idx1-ubyte")
        shutil.rmtree(self.data)
        self.refused(str(self.data))

    def test_truncated_files(self):
        self.change("train-images-idx3-ubyte.gz", lambda content: content[:len(content) // 2])
        self.refused("train-images-idx3-ubyte.gz")

    def test_gzip_damage(self):
        self.change("train-images-idx3-ubyte.gz", lambda c: c[:1000] + bytes([c[1000] ^ 1]) + c[1001:])
        self.refused("train-images-idx3-ubyte.gz")
        self.data.joinpath("train-images-idx3-ubyte.gz").write_bytes(b"no gzip at all")
        self.refused("train-images-idx3-ubyte.gz")

    def test_labels_out_of_range(self):
        def spoil(content):
            plain = bytearray(gzip.decompress(content))
            plain[8 + 77] = 10
            return gzip.compress(bytes(plain), 1)

        self.change("train-labels-idx1-ubyte.gz", spoil)
        self.refused("train-labels-idx1-ubyte.gz", "10")


class BadCheckpoints(ProgramTest):
    @classmethod
    def setUpClass(cls):
        cls.good = pathlib.Path(tempfile.mkdtemp(prefix="detox-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.good, ignore_errors=True)
        finished = run("train", "--max-steps", 4, "--eval-freq", 2, "--batch-size", 4, "--train-dir", "run", cwd=cls.good)
        assert finished.code == 0, finished.err

    def setUp(self):
        super().setUp()
        shutil.copytree(self.good, self.folder, dirs_exist_ok=True)

    def resume(self, *options):
        return run("train", *options, cwd=self.folder)

    def test_of_another_network_are_refused(self):
        self.assert_refused(self.resume("--resume", "run/model_step_2", "--network", "FC"), 1, "a checkpoint of another network")
        self.assert_refused(run("evaluate", "--model-dir", "run", "--network", "FC", cwd=self.folder), 2, "LeNet")

    def test_of_another_configuration_are_refused_with_what_differs(self):
        self.assert_refused(self.resume("--resume", "auto", "--train-dir", "run", "--lr", "0.5", "--max-steps", 9), 2,
                            "lr: 0.5 here, 0.01 there")

    def test_that_are_damaged_are_refused_or_passed_over(self):
        file = self.folder / "run" / "model_step_4"
        content = bytearray(file.read_bytes())
        content[-100] ^= 1
        file.write_bytes(content)
        self.assert_refused(self.resume("--resume", "run/model_step_4", "--max-steps", 6), 1, "model_step_4")
        result = self.resume("--resume", "auto", "--train-dir", "run", "--max-steps", 6)
        self.assertEqual(result.code, 0, result.err)
        self.assertIn("resumed from run/model_step_2", result.err)

    def contents(self):
        return {path.name: path.read_bytes() for path in (self.folder / "run").iterdir()}

    def assert_auto_changes_nothing(self, code, *words, options=()):
        before = self.contents()
        result = self.resume("--resume", "auto", "--train-dir", "run", "--max-steps", "9", *options)
        self.assert_refused(result, code, *words)
        self.assertEqual(self.contents(), before)

    def test_of_which_none_is_accepted_stay_as_they_are(self):
        self.assert_auto_changes_nothing(1, "another network", options=["--network", "FC"])
        for path in (self.folder / "run").glob("model_step_*"):
            path.write_bytes(path.read_bytes()[:-1])
        self.assert_auto_changes_nothing(1, "no checkpoint can be resumed from", "model_step_2", "model_step_4")
        for path in (self.folder / "run").glob("state_step_*"):
            path.unlink()
        self.assert_auto_changes_nothing(1, "state_step_4 is missing", "state_step_2 is missing")

    def test_of_a_run_that_was_killed_before_its_first_are_begun_again(self):
        for path in (self.folder / "run").glob("*_step_*"):
            path.unlink()
        self.assert_auto_changes_nothing(2, "run: of a run that differs: lr: 0.5 here, 0.01 there", options=["--lr", "0.5"])
        config = self.folder / "run" / "config.toml"
        text = config.read_text()
        config.unlink()
        self.assert_auto_changes_nothing(1, "without its config.toml")
        config.write_text(text)
        result = self.resume("--resume", "auto", "--train-dir", "run")
        self.assertEqual(result.code, 0, result.err)
        self.run_ok("train", "--max-steps", 4, "--eval-freq", 2, "--batch-size", 4, "--train-dir", "again")
        self.assertEqual(self.checkpoint("run", 4), self.checkpoint("again", 4))
        self.assertEqual(len(self.journal("run")), 4)

    def test_of_a_new_directory_begin_a_run(self):
        result = self.resume("--resume", "auto", "--max-steps", "1", "--batch-size", "4", "--train-dir", "new")
        self.assertEqual(result.code, 0, result.err)

    def test_that_do_not_exist_are_refused(self):
        self.assert_refused(self.resume("--resume", "run/model_step_3"), 1, "run/model_step_3")
        self.assert_refused(self.resume("--checkpoint-step", "3", "--train-dir", "run"), 1, "model_step_3")

    def test_a_directory_with_another_run_is_refused(self):
        before = sorted(p.name for p in (self.folder / "run").iterdir())
        result = self.resume("--train-dir", "run")
        self.assert_refused(result, 1, "--resume auto", "--train-dir")
        self.assertEqual(sorted(p.name for p in (self.folder / "run").iterdir()), before)

    def test_a_finished_run_can_be_prolonged(self):
        result = self.resume("--resume", "auto", "--train-dir", "run", "--max-steps", 6)
        self.assertEqual(result.code, 0, result.err)
        self.run_ok("train", "--max-steps", 6, "--eval-freq", 2, "--batch-size", 4, "--train-dir", "whole")
        self.assertEqual(self.checkpoint("run", 6), self.checkpoint("whole", 6))


class Signals(ProgramTest):
    def test_the_directory_of_a_run_is_its_own_until_sigterm_leaves_a_usable_checkpoint(self):
        training = keep_training(self, "run", *SMALL)
        training.wait_for_steps(4)
        # Another one cannot have its directory.
        self.assert_refused(run("train", "--resume", "auto", "--train-dir", "run", cwd=self.folder), 1, "run")
        step = training.interrupt(signal.SIGTERM)
        self.assertIn(f"detoxml train --resume auto --train-dir {training.directory}", training.said())
        self.assertIn(f"step {step} ", self.run_ok("evaluate", "--model-dir", "run").out)


main()
