"""Jobs over four hosts that share a directory and otherwise only a network: how they are checked, and how they end when a
link, a daemon or the user breaks off. The hosts are namespaces on this machine; without root this is skipped."""

import json
import pathlib
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
from hosts import OWN, SHARED, hosts_of_class, why_no_hosts
from program import DATA, PATIENCE, ProgramTest, copy_program, environment, main, wait_for
from running import ENDLESS, Running

ROOT = pathlib.Path(__file__).parents[2]
HOSTS, OPERATOR = 4, 5
OWN_PROGRAM = f"{OWN}/detoxml/bin/detoxml"
# The same address on every host, as docker makes it: MPI must not take it for a way between them.
DOCKER = """ip link add docker0 type bridge; ip link add veth0 type veth peer name veth1; ip link set veth0 master docker0 up
ip link set veth1 up; ip address add 172.17.0.1/16 dev docker0; ip link set docker0 up"""
TRAIN = [*ENDLESS, "--eval-freq", 20, "--batch-size", 8, "--step-timeout", 10]


class OverHosts(ProgramTest):
    @classmethod
    def setUpClass(cls):
        reason = why_no_hosts()
        if reason:
            cls.skipTest(cls, reason)
        cls.hosts = hosts_of_class(cls, HOSTS + 1)
        cls.numbers = range(1, HOSTS + 1)
        for number in cls.hosts.numbers:
            cls.hosts.enter(number, "sh", "-ec", DOCKER)
        cls.prepare()

    @classmethod
    def prepare(cls):
        """Somebody's own machine makes the four ready; from then on the first of them does the rest."""
        cls.hosts.trust(OPERATOR)
        installed = cls.hosts.own(OPERATOR) / "detoxml"  # as cmake --install lays it out
        copy_program(installed)
        (installed / "share/detoxml").mkdir(parents=True)
        shutil.copy(ROOT / "tools" / "install-deps", installed / "share/detoxml")
        (cls.hosts.shared / "hosts").write_text("".join(f"host{number}\n" for number in cls.numbers))
        cls.hosts.enter(OPERATOR, OWN_PROGRAM, "cluster", "prepare", "--hostfile", f"{SHARED}/hosts", "--skip", "packages",
                        "--skip", "data")

    def setUp(self):
        super().setUp()
        self.name = self.id().split(".")[-1]
        self.run_folder = self.hosts.shared / self.name

    def on_host(self, number, *words, folder=SHARED, **more):
        """A process on this host."""
        line = " ".join(f"'{word}'" for word in words)
        process = subprocess.Popen([*self.hosts.words(number), "sh", "-c", f"cd {folder}; exec {line}"],
                                   stdin=subprocess.DEVNULL, text=True, env=environment(), **more)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def launch(self):
        log = self.folder / "log"
        with open(log, "w", encoding="utf-8") as file:
            process = self.on_host(1, OWN_PROGRAM, "launch", "-n", HOSTS, "--hostfile", "hosts", "--tag-output", "--",
                                   "train", *TRAIN, "--train-dir", f"{SHARED}/{self.name}",
                                   stdout=file, stderr=subprocess.STDOUT)
        return Running(self, process, self.run_folder, log)

    def interrupt(self, run):
        """As Ctrl-C on the first host does; returns the run's last step."""
        self.hosts.signal(1, self.hosts.processes(1, "detoxml launch")[0], signal.SIGINT)
        run.end(130)
        return run.steps()

    def assert_nothing_left(self, numbers):
        for number in numbers:
            self.assertTrue(wait_for(lambda n=number: not self.hosts.processes(n, "detoxml|[op]rted|mpirun"), 60),
                            f"host{number}: {self.hosts.processes(number, 'detoxml|[op]rted|mpirun')}")

    def assert_replays(self, last):
        """What the local engine makes of the record is what the hosts wrote."""
        self.run_ok("train", "--replay", self.run_folder, "--train-dir", "again")
        for kind in ("model", "state"):
            name = f"{kind}_step_{last}"
            self.assertEqual((self.run_folder / name).read_bytes(), (self.folder / "again" / name).read_bytes())

    def goes_on_without(self, worker, run):
        """It is missed, steps go on, and the end is in order; returns the last step."""
        run.wait_for(lambda: worker in {line["worker"] for line in self.journal(self.run_folder, "ledger.jsonl")
                                        if line["kind"] == "missing"})
        run.wait_for_more_steps(10)
        return self.interrupt(run)

    def test_goes_on_when_a_link_is_cut_while_another_host_evaluates(self):
        evaluation = self.on_host(2, OWN_PROGRAM, "evaluate", "--model-dir", f"{SHARED}/{self.name}", "--follow",
                                  "--eval-freq", "20", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        run = self.launch()
        self.addCleanup(self.hosts.set_link, 4, "up")
        run.wait_for_steps(10)
        self.hosts.set_link(4, "down")
        last = self.goes_on_without(3, run)
        self.assert_nothing_left((1, 2, 3))
        self.assert_replays(last)
        output, _ = evaluation.communicate(timeout=PATIENCE)
        self.assertEqual(evaluation.returncode, 0, output)
        self.assertRegex(output, rf"step +{last}\b")
        # The lost host's worker ends by itself, at the latest when it has missed the server.
        self.hosts.set_link(4, "up")
        self.assert_nothing_left((4,))

    def test_goes_on_when_a_daemon_of_mpi_is_killed(self):
        run = self.launch()
        run.wait_for_steps(10)
        for pid in self.hosts.processes(3, "^[op]rted|/[op]rted"):
            self.hosts.signal(3, pid)
        last = self.goes_on_without(2, run)
        self.assert_nothing_left(self.numbers)
        self.assert_replays(last)

    def test_ends_on_all_hosts_with_a_checkpoint_after_ctrl_c(self):
        run = self.launch()
        run.wait_for_steps(5)
        for number in self.numbers:
            self.assertTrue(self.hosts.processes(number, "detoxml train"), f"host{number}")
        last = self.interrupt(run)
        self.assert_nothing_left(self.numbers)
        self.assertTrue((self.run_folder / f"model_step_{last}").exists())
        self.assertIn("rank 0: interrupted; go on with", run.said())

    def test_names_what_keeps_which_host_from_the_job(self):
        for number in self.numbers:
            data = self.hosts.own(number) / "data"
            data.mkdir()
            for file in DATA.iterdir():
                (data / file.name).symlink_to(file)
            if number != 4:
                copy_program(self.hosts.own(number) / "another")
        with open(self.hosts.own(2) / "another/bin/detoxml", "ab") as program:
            program.write(b"another build")
        labels = self.hosts.own(3) / "data" / "train-labels-idx1-ubyte.gz"
        labels.unlink()
        self.assertTrue(labels.parent.is_dir())
        (self.hosts.own(1) / "hosts").write_text("host1\nhost2\nhost3\nhost4\nhost9\n")
        process = self.on_host(1, "another/bin/detoxml", "launch", "-n", 5, "--hostfile", "hosts", "--", "train", "--data-dir",
                               "data", "--train-dir", f"{SHARED}/{self.name}", folder=OWN, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE)
        _, errors = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 1, errors)
        for expected in ("host2: detoxml there is another build than on host1", "host3: .*train-labels-idx1-ubyte",
                         f"host4: no program {OWN}/another/bin/detoxml there", "host9: not reached by ssh: .*host9",
                         "detoxml: nothing was started: 4 of 5 hosts cannot take part"):
            self.assertRegex(errors, rf"(?m)^{expected}")
        self.assertNotIn("host1:", errors)
        self.assertFalse(self.run_folder.exists())

    def test_an_experiment_has_its_runs_on_the_hosts_and_on_others_where_one_is_lost(self):
        folder = self.hosts.shared / self.name
        folder.mkdir()
        (folder / "mine.toml").write_text("seeds = 4\n[train]\nbatch-size = 4\nmax-steps = 150\neval-freq = 150\n")
        (folder / "hosts").write_text("host1\nhost2 slots=1\nhost9\n")
        words = [OWN_PROGRAM, "experiment", "mine.toml", "--hostfile", "hosts"]
        process = self.on_host(1, *words, folder=f"{SHARED}/{self.name}", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertTrue(wait_for(lambda: self.hosts.processes(2, "detoxml train") or process.poll() is not None))
        self.hosts.signal(1, self.hosts.processes(1, "detoxml experiment")[0], signal.SIGINT)
        output, _ = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 130, output)
        self.assertRegex(output, "host9: .*host9")
        self.assertIn("2 of 3 hosts take part", output)
        self.assertRegex(output, "seed [0-9]+: started on host2")
        self.assert_nothing_left((1, 2))

        (folder / "hosts").write_text("host1\nhost2\n")
        process = self.on_host(1, *words, folder=f"{SHARED}/{self.name}", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertTrue(wait_for(lambda: self.hosts.processes(2, "detoxml train") or process.poll() is not None))
        for pid in self.hosts.processes(2, "sshd: root@notty"):
            self.hosts.signal(2, pid)
        output, _ = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 0, output)
        self.assertIn("host2 is not reached any more, its runs go to the others", output)
        self.assert_nothing_left((1, 2))
        states = [json.loads(status.read_text())["status"] for status in folder.glob("output/mine/runs/*/run.json")]
        self.assertEqual(states, ["finished"] * 4)


main()
