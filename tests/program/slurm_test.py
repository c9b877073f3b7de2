"""The batch script of examples/slurm in a Slurm cluster of two hosts on this machine. Without root or Slurm this is
skipped."""

import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
from hosts import SHARED, hosts_of_class
from program import ProgramTest, copy_program, main, wait_for
from running import ENDLESS
from slurm import start_slurm, why_no_slurm

ROOT = pathlib.Path(__file__).parents[2]
HOSTS, TASKS = 2, 2
OPTIONS = ["--max-steps", "30", "--eval-freq", "10", "--batch-size", "8", "--worker-fail", "1"]


class Slurm(ProgramTest):
    @classmethod
    def setUpClass(cls):
        reason = why_no_slurm()
        if reason:
            cls.skipTest(cls, reason)
        cls.hosts = hosts_of_class(cls, HOSTS)
        start_slurm(cls.hosts, memory_mb=4000)
        copy_program(cls.hosts.shared)
        shutil.copy(ROOT / "examples" / "slurm" / "train.sbatch", cls.hosts.shared)

    def submit(self, *options):
        words = " ".join(["sbatch", "--parsable", f"--nodes={HOSTS}", f"--ntasks-per-node={TASKS}", "--time=5", "train.sbatch",
                          *OPTIONS, *options])
        line = f"cd {SHARED}; PATH={SHARED}/bin:$PATH DETOX_TRAIN_DIR={SHARED}/{self.name()} exec {words}"
        return self.hosts.enter(1, "sh", "-c", line).stdout.strip()

    def name(self):
        return self.id().split(".")[-1]

    def state(self, job):
        shown = self.hosts.enter(1, "scontrol", "--oneliner", "show", "job", job).stdout.split()
        fields = dict(word.split("=", 1) for word in shown if "=" in word)
        return fields["JobState"], fields["ExitCode"]

    def log(self, job):
        file = self.hosts.shared / f"slurm-{job}.out"
        return file.read_text() if file.exists() else ""

    def wait_for_end(self, job):
        """State and exit code of a job whose processes are gone from all nodes."""
        self.assertTrue(wait_for(lambda: self.state(job)[0] not in ("PENDING", "CONFIGURING", "RUNNING", "COMPLETING")),
                        f"{self.state(job)}\n{self.log(job)}")
        for number in self.hosts.numbers:
            self.assertTrue(wait_for(lambda n=number: not self.hosts.processes(n, "detoxml|[op]rted|mpirun"), 60))
        return self.state(job)

    def assert_like_the_local_engine(self):
        self.run_ok("train", *OPTIONS, "--workers", HOSTS * TASKS - 1, "--train-dir", "local")
        for kind in ("model", "state"):
            name = f"{kind}_step_30"
            self.assertEqual((self.hosts.shared / self.name() / name).read_bytes(),
                             (self.folder / "local" / name).read_bytes())

    def test_trains_on_all_nodes_of_an_allocation(self):
        job = self.submit()
        self.assertEqual(self.wait_for_end(job), ("COMPLETED", "0:0"), self.log(job))
        self.assertIn(f"{HOSTS} hosts checked", self.log(job))
        self.assert_like_the_local_engine()

    def test_ends_with_a_checkpoint_when_the_time_is_over_and_goes_on_when_submitted_again(self):
        job = self.submit(*map(str, ENDLESS))
        metrics = self.hosts.shared / self.name() / "metrics.jsonl"
        self.assertTrue(wait_for(lambda: metrics.exists() and metrics.read_text().count("\n") > 3), self.log(job))
        self.hosts.enter(1, "scancel", "--batch", "--signal=TERM", job)  # as --signal has it
        self.assertEqual(self.wait_for_end(job), ("FAILED", "130:0"), self.log(job))
        last = max(int(file.name.split("_")[-1]) for file in metrics.parent.glob("model_step_*"))
        self.assertGreater(last, 3)
        job = self.submit("--max-steps", str(last + 5))
        self.assertEqual(self.wait_for_end(job), ("COMPLETED", "0:0"), self.log(job))
        self.assertTrue((metrics.parent / f"model_step_{last + 5}").exists())


main()
