"""What a run and a job meet where they start: other environments, other starters, machines on which MPI cannot start,
file systems without locks; and runs whose weights do not stay finite."""

import errno
import json
import os
import pathlib
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
from program import PROGRAM, ProgramTest, main, run, start, wait_for

S = ["--workers", "3", "--batch-size", "8", "--max-steps", "3"]
FLOCKLESS = os.environ.get("FLOCKLESS", "")


class Home(ProgramTest):
    def test_is_what_a_tilde_means_everywhere(self):
        (self.folder / "run.toml").write_text('train-dir = "~/from a file"\n')
        home = {"HOME": str(self.folder)}
        self.run_ok("train", *S, "--config=~/run.toml", env=home)
        self.run_ok("evaluate", "--model-dir=~/from a file", "--json", env=home)
        self.assertFalse((self.folder / "~").exists())


class Environment(ProgramTest):
    def test_of_a_job_that_is_none_is_no_job(self):
        for rank in "01":
            result = run("train", *S, cwd=self.folder,
                         env={"OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": rank})
            self.assertEqual(result.code, 1, result.err)
            self.assertIn("unset OMPI_COMM_WORLD_SIZE OMPI_COMM_WORLD_RANK", result.err)
            self.assertNotIn("18446744", result.err)
        self.assertFalse((self.folder / "output").exists())

    def test_of_another_starter_is_refused_by_its_first_process(self):
        for size, rank in [("PMI_SIZE", "PMI_RANK"), ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID")]:
            for command in [["train", *S], ["launch", "-n", 4, "--", "train"]]:
                self.assert_refused(run(*command, cwd=self.folder, env={size: "4", rank: "0"}), 2, f"{size}=4 says",
                                    "detoxml launch -n 4")
        other = run("train", *S, cwd=self.folder, env={"SLURM_NTASKS": "4", "SLURM_PROCID": "2"})
        self.assertEqual((other.code, other.err), (2, ""))
        self.assertFalse((self.folder / "output").exists())

    def test_of_a_batch_script_is_one_process(self):
        self.run_ok("train", *S, env={"SLURM_NTASKS": "4", "SLURM_PROCID": "0"})
        # A search by hand, a run in each process.
        self.run_ok("train", *S, "--engine", "local", "--train-dir", "run1", env={"PMI_SIZE": "4", "PMI_RANK": "1"})
        for command in ["compare", "--mode", "normal"], ["tune", "--sweep", "lr=1"]:
            self.assert_refused(run(*command, *S, cwd=self.folder, env={"PMI_SIZE": "4", "PMI_RANK": "0"}), 2,
                                "PMI_SIZE=4 says", "each would start all runs")


class JobsThatCannotStart(ProgramTest):
    LAUNCH = ["launch", "-n", "4", "--", "train", "--batch-size", "8", "--max-steps", "3"]

    def failed(self, *before, env=None, launch=()):
        result = run(*(launch or self.LAUNCH), "--train-dir", "run", cwd=self.folder, env=env,
                     program=[*map(str, before), PROGRAM])
        self.assertEqual(result.code, 1, result.err)
        self.assertNotIn("--resume auto", result.err)
        self.assertFalse((self.folder / "run").exists())
        return result.err.splitlines()[-1]

    def test_for_a_parameter_name_it(self):
        last = self.failed(env={"OMPI_MCA_pml": "ucx"})
        self.assertIn("before MPI had started: it may be OMPI_MCA_pml", last)
        self.assertIn("unset OMPI_MCA_pml", last)

    def test_for_another_mpirun_name_it(self):
        (self.folder / "mpirun").write_text('#!/bin/sh\n[ "$1" = --version ] && echo "HYDRA build details:" && exit\n'
                                            "echo 'unrecognized argument map-by' >&2\nexit 255\n")
        (self.folder / "mpirun").chmod(0o755)
        last = self.failed(env={"PATH": f"{self.folder}:{os.environ['PATH']}"})
        self.assertIn("(mpirun exit code 255) before MPI had started", last)
        self.assertIn("not Open MPI's, but says 'HYDRA build details:'", last)

    @unittest.skipIf(os.geteuid() != 0, "only root gives a machine another name")
    def test_for_a_long_host_name_say_so(self):
        name = "a" * 57
        last = self.failed("unshare", "-u", "sh", "-c", f'hostname {name} && exec "$@"', "sh")
        self.assertIn(f"{name} has 57 characters", last)
        self.assertIn("crashes above 56", last)

    @unittest.skipIf(os.geteuid() != 0, "only root mounts")
    def test_for_want_of_room_say_where(self):
        (self.folder / "small").mkdir()
        mount = f'mount -t tmpfs -o size=64k tmpfs {self.folder}/small && exec "$@"'
        last = self.failed("unshare", "-m", "sh", "-c", mount, "sh", env={"TMPDIR": f"{self.folder}/small"})
        self.assertIn(f"free in {self.folder}/small, where Open MPI keeps", last)
        self.assertIn("export TMPDIR=", last)

    @unittest.skipIf(os.geteuid() != 0, "only root becomes nobody in particular")
    def test_for_a_user_without_a_home_start_all_the_same(self):
        user = ["setpriv", "--reuid", "12345", "--clear-groups", "env", "-u", "HOME"]
        if subprocess.run([*user, "test", "-x", PROGRAM]).returncode != 0:
            self.skipTest(f"{PROGRAM} is not everybody's")
        self.folder.chmod(0o777)
        result = run(*self.LAUNCH, "--train-dir", "run", cwd=self.folder, program=[*user, PROGRAM])
        self.assertEqual(result.code, 0, result.err)
        refused = run("train", *S, "--train-dir=~/x", cwd=self.folder, program=[*user, PROGRAM])
        self.assert_refused(refused, 2, "~/x: HOME is not set, and user 12345 has no entry in passwd")


class Divergence(ProgramTest):
    DIVERGING = ["--batch-size", "8", "--lr", "1e10", "--max-steps", "60", "--eval-freq", "1", "--keep-checkpoints", "1"]

    def test_ends_a_run_at_the_same_step_on_every_engine(self):
        ends = []
        for command in [["train", "--workers", 3], ["launch", "-n", 4, "--", "train"]]:
            result = run(*command, *self.DIVERGING, "--train-dir", "run", cwd=self.folder)
            self.assertEqual(result.code, 5, result.err)
            last = result.errors()[-1]
            self.assertIn("the weights are not finite after step ", last)
            self.assertIn("--on-divergence continue", last)
            ends.append(json.loads((self.folder / "run/run.json").read_text()))
            self.assertEqual(ends[-1]["status"], "diverged")
            self.assertEqual(["detoxml: " + ends[-1]["message"]], [last])
            # The newest checkpoint is the one before, and is what a resumed run begins with.
            resumed = run("train", "--resume", "auto", "--train-dir", "run", cwd=self.folder)
            self.assertEqual(resumed.code, 5, resumed.err)
            self.assertIn(f"(step {ends[-1]['step'] - 1})", resumed.err)
            followed = run("evaluate", "--model-dir", "run", "--follow", "--json", cwd=self.folder)
            self.assertEqual(followed.code, 5, followed.err)
            self.assertEqual(json.loads(followed.out)["step"], ends[-1]["step"] - 1)
            (self.folder / "run").rename(self.folder / f"run{len(ends)}")
        self.assertEqual(ends[0]["step"], ends[1]["step"])

    def test_is_trained_through_where_that_is_wanted(self):
        result = self.run_ok("train", "--workers", 3, *self.DIVERGING, "--on-divergence", "continue", "--train-dir", "run")
        self.assertIn("the run goes on (--on-divergence continue)", result.err)
        self.assertIn(self.journal("run")[-1]["loss"], ("nan", "inf"))
        kept = sorted(int(path.name.split("_")[-1]) for path in (self.folder / "run").glob("model_step_*"))
        self.assertEqual(kept[1:], [60])
        self.assertNotIn("diverged", self.journal("run")[kept[0] - 1])
        scores = self.run_ok("evaluate", "--model-dir", "run", "--json").out.splitlines()
        self.assertEqual([json.loads(line)["step"] for line in scores], kept)
        self.assertIn(json.loads(scores[1])["loss"], ("nan", "inf"))


@unittest.skipUnless(FLOCKLESS, "needs the library that is preloaded")
class FileSystemsWithoutLocks(ProgramTest):
    def without(self, error):
        return {"LD_PRELOAD": FLOCKLESS, "FLOCK_ERROR": str(error), "HOME": str(self.folder)}

    def test_show_who_uses_a_run_and_that_it_was_killed(self):
        env = self.without(errno.ENOLCK)
        process = start("train", *S[:4], "--max-steps", 1000000, "--eval-freq", 5, "--keep-checkpoints", 1,
                        "--train-dir", "run", cwd=self.folder, env=env)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        metrics = self.folder / "run" / "metrics.jsonl"
        self.assertTrue(wait_for(lambda: metrics.exists() and metrics.read_text().count("\n") > 5))
        for environment in (env, {}):  # from a machine that sees locks, too
            self.assert_refused(run("train", "--resume", "auto", "--train-dir", "run", cwd=self.folder, env=environment),
                                1, "another process is using the train directory run", f"(process {process.pid} on ")
        follower = start("evaluate", "--model-dir", "run", "--follow", "--json", cwd=self.folder, env=env)
        self.addCleanup(follower.kill)
        self.assertIn('"step"', follower.stdout.readline())
        process.send_signal(signal.SIGKILL)
        process.wait()
        _, err = follower.communicate(timeout=100)
        self.assertEqual(follower.returncode, 1, err)
        self.assertIn("run: the run was killed at step", err)
        result = run("train", "--resume", "auto", "--train-dir", "run", "--max-steps",
                     len(self.journal("run")) + 1, cwd=self.folder, env=env)
        self.assertEqual(result.code, 0, result.err)
        self.assertEqual(result.err.count("run/.lock cannot be locked (No locks available)"), 1, result.err)

    def test_take_data_sets_searches_and_jobs(self):
        env = self.without(errno.ENOSYS)
        self.run_ok("data", "prepare", "synthetic-cifar10", "--samples", 50, "--data-dir", "data", env=env)
        self.assertFalse((self.folder / "data/.detoxml.lock").exists())
        self.run_ok("tune", "--sweep", "lr=0.1", *S, "--tune-dir", "tune", env=env)
        result = run("launch", "-n", 4, "--", "train", *S[2:], "--train-dir", "run", cwd=self.folder, env=env)
        self.assertEqual(result.code, 0, result.err)


if __name__ == "__main__":
    main()
