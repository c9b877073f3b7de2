"""detoxml cluster prepare, run and copy, from outside: real sshds on loopback addresses of this machine."""

import os
import pathlib
import shutil
import socket
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
from loopback_hosts import SSHD, LoopbackHosts, make_key
from program import DATA, PROGRAM, ProgramTest, long_enough, main, run


@unittest.skipUnless(os.path.exists(SSHD), f"no {SSHD}: tools/install-deps --test")
class HostsTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.hosts = LoopbackHosts(self.folder / "hosts", 3)
        self.hosts.__enter__()
        self.addCleanup(self.hosts.__exit__)
        self.describe()
        self.hostfile(*self.hosts.addresses)

    def describe(self, **more):
        (self.folder / "cluster.toml").write_text(self.hosts.configuration(**more))

    def hostfile(self, *addresses):
        (self.folder / "hosts_address").write_text("".join(f"{address}\n" for address in addresses))

    def cluster(self, command, *words, patience=60):
        result = run("cluster", command, "--hostfile", "hosts_address", "--cluster", "cluster.toml",
                     "--connect-timeout", patience, *words, cwd=self.folder,
                     env={"HOME": str(self.folder), "XDG_STATE_HOME": ""})
        private = self.hosts.client.read_text().splitlines()[1]
        self.assertNotIn(private, result.out + result.err)
        return result

    def ok(self, result):
        self.assertEqual(result.code, 0, result.out + result.err)
        return result

    def row(self, result, host):
        return next(line.split()[1:] for line in result.out.splitlines() if line.startswith(host + " "))


class Prepare(HostsTest):
    def test_makes_hosts_ready_and_does_nothing_the_second_time(self):
        data = self.folder / "given" / "FashionMNIST"
        data.mkdir(parents=True)
        for file in DATA.glob("*.gz"):
            shutil.copy(file, data)
        self.describe(nfs_ip_address="10.9.8.7", nfs_mount_point=str(self.folder / "shared"))
        server, worker, _ = self.hosts.addresses
        self.hostfile(server, worker)
        words = ["--dataset", "fashion-mnist", "--data-from", "given"]
        result = self.ok(self.cluster("prepare", *words))
        self.assertEqual(result.out.splitlines()[0].split(),
                         ["host", "reach", "keys", "packages", "program", "mount", "data"])
        self.assertEqual(self.row(result, server), ["ok"] * 6)
        self.assertEqual(self.row(result, worker), ["ok"] * 5 + ["-"], "one host writes what all share")
        installed = self.folder / "hosts" / "opt"
        self.assertEqual((installed / "bin/detoxml").read_bytes(), pathlib.Path(PROGRAM).read_bytes())
        self.assertEqual(sorted(file.stem for file in installed.glob("lib/**/detoxml/*.so")),
                         ["archive", "cpp-httplib", "curl", "learner-torch", "matio", "mpi", "protobuf-lite"])
        self.assertTrue(os.access(installed / "share/detoxml/install-deps", os.X_OK))
        self.assertEqual(list((installed / "bin").glob(".*")), [])
        for address in (server, worker):
            home = self.hosts.home(address)
            self.assertIn("nfs-common", (home / "apt-get").read_text())
            self.assertEqual((home / "mount").read_text(),
                             f"-t nfs4 -o hard,timeo=600,retrans=2 10.9.8.7:/ {self.folder}/shared\n")
        self.assertEqual(len(list((self.folder / "shared/data/FashionMNIST").iterdir())), 4)

        def state():
            files = [p for p in self.hosts.folder.rglob("*") if p.is_file() and p.name != "apt-get"]
            return {p: p.read_bytes() for p in files}, (installed / "bin/detoxml").stat().st_ino

        before = state()
        again = self.ok(self.cluster("prepare", *words))
        self.assertEqual(again.out, result.out)
        self.assertEqual(state(), before)

    def test_says_which_host_failed_at_what_and_goes_on_with_the_others(self):
        silent = socket.create_server(("127.0.0.8", self.hosts.port))
        self.addCleanup(silent.close)
        stubborn = self.hosts.addresses[2]
        (self.hosts.home(stubborn) / ".ssh/authorized_keys").write_text("")
        self.hostfile(*self.hosts.addresses, "127.0.0.8", "127.0.0.9")
        result = self.cluster("prepare", "--skip", "packages", patience=10)
        self.assert_refused(result, 1, "not all hosts are prepared")
        for address in self.hosts.addresses[:2]:
            self.assertEqual(self.row(result, address), ["ok"] * 3)
        for address, why in ((stubborn, "Permission denied"), ("127.0.0.8", "timed out"),
                             ("127.0.0.9", "Connection refused")):
            self.assertEqual(self.row(result, address), ["FAILED", "-", "-"])
            self.assertRegex(result.out, f"(?m)^{address}: reach failed: .*{why}")

    def test_leaves_alone_what_is_where_it_would_mount(self):
        shared = self.folder / "shared"
        shared.mkdir()
        (shared / "precious").write_text("kept")
        self.describe(nfs_ip_address="10.9.8.7", nfs_mount_point=str(shared))
        first, second, _ = self.hosts.addresses
        (self.hosts.home(first) / "mounted").write_text("10.9.8.7:/\n")
        (self.hosts.home(second) / "mounted").write_text("10.1.1.1:/other\n")
        result = self.cluster("prepare", "--skip", "keys", "--skip", "packages", "--skip", "program")
        self.assert_refused(result, 1)
        self.assertEqual(self.row(result, first), ["ok", "ok"])
        self.assertIn(f"{second}: mount failed: {shared} is left alone: 10.1.1.1:/other is mounted there", result.out)
        self.assertIn(f"{shared} is left alone: it is not empty", result.out)
        self.assertEqual([p.name for p in shared.iterdir()], ["precious"])

    def test_refuses_a_host_whose_key_has_changed(self):
        self.ok(self.cluster("run", "--", "true"))
        changed = self.hosts.addresses[1]
        known = self.folder / ".local/state/detoxml/clusters/loopback.known_hosts"
        make_key(self.folder / "other")
        other = " ".join((self.folder / "other.pub").read_text().split()[:2])
        known.write_text("".join(f"[{changed}]:{self.hosts.port} {other}\n" if changed in line else line
                                 for line in known.read_text().splitlines(keepends=True)))
        result = self.cluster("prepare", "--skip", "packages", "--skip", "program")
        self.assertRegex(result.out, f"{changed}: reach failed: Host key verification failed")
        self.assertEqual(self.row(result, self.hosts.addresses[2]), ["ok", "ok"])

    def test_needs_no_description_for_a_hostfile(self):
        own = self.folder / "ssh_config"
        own.write_text(f"Port {self.hosts.port}\nIdentityFile {self.hosts.client}\n")
        result = run("cluster", "run", "--hostfile", "hosts_address", "--ssh-config", own, "--on", "server", "--",
                     "echo $PATH", cwd=self.folder, env={"HOME": str(self.folder), "XDG_STATE_HOME": ""})
        self.ok(result)
        self.assertTrue(result.out.startswith(f"{self.hosts.addresses[0]}: /opt/detoxml/bin:"), result.out)


class RunAndCopy(HostsTest):
    def test_run_says_who_says_what(self):
        server, *workers = self.hosts.addresses
        result = self.ok(self.cluster("run", "--", "printf", "%s\\n", "a b", "$HOME; it's"))
        for address in self.hosts.addresses:
            self.assertIn(f"{address}: a b\n{address}: $HOME; it's\n".splitlines()[1], result.out.splitlines())
        self.assertEqual(len(result.out.splitlines()), 6)
        self.assertEqual(self.ok(self.cluster("run", "--on", "server", "--", "echo $((1 + 1))")).out, f"{server}: 2\n")
        words = ["-n", "3", "--hostfile", "[a,b]", "--", "--on", "it"]
        self.assertEqual(self.ok(self.cluster("run", "--on", "server", "--", "echo", "x", *words)).out,
                         f"{server}: x {' '.join(words)}\n")
        result = self.ok(self.cluster("run", "--on", workers[0], "--on", "workers", "--", "echo", "x"))
        self.assertEqual(sorted(result.out.splitlines()), [f"{worker}: x" for worker in workers])
        self.assertEqual(self.cluster("run", "--on", server, "--", "printf '\\033[2J'; exit 7").out, f"{server}: ?[2J\n")
        self.assertEqual(self.cluster("run", "--on", server, "--", "exit 7").code, 7)
        home = self.hosts.home(workers[0])
        result = self.cluster("run", "--", f"[ $HOME != {home} ]")
        self.assert_refused(result, 1, "run failed on 1 of 3 hosts")
        self.assertIn(f"{workers[0]}: exit code 1", result.err)
        self.assert_refused(self.cluster("run", "--on", "worker", "--", "true"), 2, "'worker'", "workers")

    def test_run_ends_when_its_time_is_over(self):
        def attempt(seconds):
            result = self.cluster("run", "--on", "server", "--timeout", seconds, "--", f"echo begun; sleep 3127; : {self.folder}")
            self.assertTrue(self.no_process_left(f"sleep 3127; : {self.folder}"))
            if "begun" not in result.out:
                return None
            self.assertIn("not done within the time limit", result.err)
            return result.code

        self.assertEqual(long_enough(attempt, (1.5, 15, 60)), 1)

    def test_copy_there_and_back(self):
        (self.folder / "box" / "in ner").mkdir(parents=True)
        (self.folder / "box" / "in ner" / "file").write_text("content")
        self.ok(self.cluster("copy", "box", str(self.folder / "landed"), "--on", "server"))
        self.assertEqual((self.folder / "landed" / "in ner" / "file").read_text(), "content")
        self.ok(self.cluster("copy", "--from-server", str(self.folder / "landed"), "back"))
        self.assertEqual((self.folder / "back" / "in ner" / "file").read_text(), "content")
        self.assert_refused(self.cluster("copy", "nothing", "x"), 2, "there is no nothing")
        result = self.cluster("copy", "box", "/nowhere/at/all", "--on", "server")
        self.assert_refused(result, 1, "copy failed on 1 of 1 hosts")
        self.assertIn("No such file", result.err)


if __name__ == "__main__":
    main()
