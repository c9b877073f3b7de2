"""What the program opens only when it needs it: the module that computes gradients, MPI, and the libraries that bring data."""

import os
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
from program import PROGRAM, ProgramTest, copy_program, main, run

TOY = os.environ["TOY_LEARNER"]
S = ["--workers", 3, "--batch-size", 8, "--max-steps", 2]
# Modules and what needs them: a command, and a file that it finds (no such file is whole, and no server answers).
DATA = {"archive": (["data", "info", "Cifar10", "--data-dir", "."], "cifar-10-binary.tar"),
        "curl": (["data", "prepare", "MNIST", "--data-dir", ".", "--url", "http://127.0.0.1:1"], None),
        "matio": (["data", "info", "SVHN", "--data-dir", "."], "train_32x32.mat"),
        "protobuf-lite": (["export", "tensorboard", ".", "-o", "events"], "config.toml"),
        "cpp-httplib": (["watch", ".", "--host", "192.0.2.1"], None)}


class Doors(ProgramTest):
    def loaded(self, *arguments):
        """Names of the libraries that a command has loaded, as the dynamic linker tells them."""
        told = self.folder / "linker"
        run(*arguments, cwd=self.folder, env={"LD_DEBUG": "files", "LD_DEBUG_OUTPUT": str(told)})
        lines = "".join(file.read_text(errors="replace") for file in self.folder.glob("linker.*"))
        for file in self.folder.glob("linker.*"):
            file.unlink()
        return {pathlib.Path(line.split("calling init: ")[1].strip()).name
                for line in lines.splitlines() if "calling init: " in line}

    def test_stay_shut_for_what_trains_nothing(self):
        commands = [["--help"], ["help", "train"], ["list"], ["train", "--mode", "krumm"], ["completion", "bash"],
                    ["aggregate", "--mode", "krum", "rows.csv"]]
        for command in commands:
            names = self.loaded(*command)
            self.assertTrue(names, command)
            self.assertFalse([name for name in names if name.startswith(("libtorch", "libmpi", "libopenblas", "libhdf5"))], command)
            self.assertLess(len(names), 20, names)

    def test_open_for_a_run_and_mpi_only_for_a_job(self):
        names = self.loaded("train", *S)
        self.assertTrue([name for name in names if name.startswith("libtorch")])
        self.assertFalse([name for name in names if name.startswith("libmpi")])

    def test_open_for_the_data_that_need_them_one_by_one(self):
        for module, (command, file) in DATA.items():
            if file:
                (self.folder / file).write_text("x")
            names = self.loaded(*command)
            self.assertEqual({other for other in DATA if f"{other}.so" in names}, {module}, command)
            self.assertTrue([name for name in names if name.startswith(f"lib{module}")], command)

    def test_refuse_a_module_of_another_build(self):
        program = copy_program(self.folder)
        mpi, = self.folder.glob("lib/**/mpi.so")
        # Of other sources of the same version, and no module at all.
        older = re.sub(rb"(?<=, headers )[0-9a-f]{8}(?=, g)", b"01234567", mpi.read_bytes())
        self.assertNotEqual(older, mpi.read_bytes())
        for module in (older, pathlib.Path(TOY).read_bytes()):
            mpi.write_bytes(module)
            self.assertRegex(run("--version", program=[str(program)]).out,
                             r"MPI +.*/mpi\.so: not of this program's build; reinstall detoxml")


class ALearner(ProgramTest):
    def test_of_ones_own_trains_and_is_named_by_an_option_or_by_the_environment(self):
        self.run_ok("train", *S, "--learner", TOY, "--train-dir", "run")
        self.run_ok("train", *S, "--train-dir", "again", env={"DETOX_LEARNER": TOY})
        self.assertEqual((self.folder / "run" / "model_step_2").read_bytes(),
                         (self.folder / "again" / "model_step_2").read_bytes())
        self.assertIn("toy 0.1, " + TOY, self.run_ok("--version", env={"DETOX_LEARNER": TOY}).out)
        other = run("train", "--resume", "auto", "--train-dir", "run", "--max-steps", 4, cwd=self.folder)
        self.assertEqual(other.code, 1, other.err)
        self.assertIn("a checkpoint of another network", other.err)

    def test_that_is_none_is_refused_in_one_line_before_anything_is_written(self):
        for learner, why in [("/nowhere.so", "no such file"), (PROGRAM, "no learner of detoxml")]:
            self.assert_refused(run("train", *S, "--learner", learner, cwd=self.folder), 1, learner, why, "DETOX_LEARNER")
            self.assertFalse((self.folder / "output").exists())
            self.assertIn(why, self.run_ok("--version", env={"DETOX_LEARNER": learner}).out)

    def test_refuses_what_it_cannot_do_in_its_own_words(self):
        self.assert_refused(run("train", *S, "--learner", TOY, "--dataset", "synthetic-cifar10", "--data-dir",
                                self.coloured(), cwd=self.folder), 2, "the toy takes grey images")

    def coloured(self):
        self.run_ok("data", "prepare", "synthetic-cifar10", "--samples", 50, "--data-dir", "data")
        return self.folder / "data"


class AnInstallationWithout(ProgramTest):
    def test_mpi_trains_here_and_says_what_a_job_lacks(self):
        program = [str(copy_program(self.folder, without=["mpi"]))]
        run_here = run("train", *S, program=program, cwd=self.folder)
        self.assertEqual(run_here.code, 0, run_here.err)
        self.assertRegex(run("--version", program=program).out, r"MPI +MPI is not there: .*mpi\.so: cannot be loaded")
        job = run("train", *S, program=program, cwd=self.folder,
                  env={"OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "0"})
        self.assert_refused(job, 1, "MPI is not there")

    def test_a_learner_lists_and_aggregates_and_says_what_training_lacks(self):
        program = [str(copy_program(self.folder, without=["learner-torch"]))]
        self.assertEqual(run("list", program=program).code, 0)
        self.assert_refused(run("train", *S, program=program, cwd=self.folder), 1, "learner-torch.so: no such file")
        examined = run("doctor", program=program, cwd=self.folder)
        self.assertRegex(examined.out, r"(?m)^error +learner: .*no such file.*mend: ")

    def test_what_brings_data_says_which_library_it_lacks(self):
        program = [str(copy_program(self.folder, without=DATA))]
        self.assertEqual(run("train", *S, program=program, cwd=self.folder).code, 0)
        for module, (command, file) in DATA.items():
            if file:
                (self.folder / file).write_text("x")
            self.assert_refused(run(*command, program=program, cwd=self.folder), 1, f"lib{module} is not there: ",
                                f"{module}.so: cannot be loaded")


if __name__ == "__main__":
    main()
