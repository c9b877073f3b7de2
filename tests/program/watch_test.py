"""The page of a run that goes on, as viewers and strangers meet it: by plain HTTP, and in Chromium where there is one."""

import gzip
import http.client
import json
import os
import pathlib
import select
import signal
import socket
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
from browser import CHROMIUM, Browser
from program import PATIENCE, ProgramTest, main, run, start, wait_for
from running import ENDLESS, keep_training

SMALL = ["--workers", 3, "--batch-size", 4, "--eval-freq", 5]


class Page:
    """A watch command, or the one of a train command, by what it printed."""

    def __init__(self, line):
        self.address = line.split()[1]
        self.host, _, port = self.address.removeprefix("http://").rstrip("/").rpartition(":")
        self.port = int(port)

    def ask(self, path="/", method="GET", headers=None, body=None):
        connection = http.client.HTTPConnection(self.host.strip("[]"), self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            answer.body = answer.read()
            return answer
        finally:
            connection.close()

    def data(self):
        return json.loads(self.ask("/data.json").body)

    def events(self):
        """The connection's file, behind the head of the answer."""
        connection = socket.create_connection((self.host.strip("[]"), self.port), timeout=PATIENCE)
        connection.sendall(f"GET /events HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n\r\n".encode())
        file = connection.makefile("rb")
        assert b" 200 " in file.readline()
        while file.readline().strip():
            pass
        return connection, file


def next_event(file):
    for line in iter(file.readline, b""):
        if line.startswith(b"data: "):
            return json.loads(line[6:])
    raise AssertionError("no more events")


class Watching(ProgramTest):
    def watch(self, *arguments):
        process = start("watch", *arguments, cwd=self.folder)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        page = Page(process.stdout.readline())
        page.process = process
        return page

    def wait_for_state(self, file, *states):
        """The first event that has one of them."""
        while True:
            event = next_event(file)
            if event["state"] in states:
                return event


class Watch(Watching):
    def test_follows_a_run_that_is_not_there_yet_goes_on_dies_and_is_resumed(self):
        page = self.watch("run", "--port", 0)
        self.assertIn(b"<!DOCTYPE html>", page.ask().body)
        self.assertEqual(page.data()["runs"], [])
        connection, file = page.events()
        self.addCleanup(connection.close)
        self.assertEqual(next_event(file)["state"], "absent")
        running = keep_training(self, "run", *SMALL)
        self.assertEqual(self.wait_for_state(file, "running")["resumed"], False)
        running.wait_for_steps(8)
        self.assertTrue(wait_for(lambda: page.data()["runs"] and page.data()["runs"][0]["step"] >= 8))
        running.process.send_signal(signal.SIGKILL)
        running.process.wait()
        event = self.wait_for_state(file, "killed")
        before = page.data()["runs"][0]
        self.assertEqual((before["status"], before["step"]), ("killed", running.steps()))
        self.run_ok("train", "--resume", "auto", "--train-dir", "run", "--max-steps", before["step"] + 3)
        ended = self.wait_for_state(file, "finished")
        self.assertGreater(ended["version"], event["version"])
        self.assertTrue(wait_for(lambda: page.data()["runs"][0]["step"] == before["step"] + 3))
        page.process.send_signal(signal.SIGINT)
        self.assertEqual(page.process.wait(PATIENCE), 130)

    def test_shows_the_same_to_fifty_viewers_and_only_shows(self):
        self.run_ok("train", *SMALL, "--max-steps", 6, "--train-dir", "run")
        page, seen = self.watch("run", "--port", 0), []

        def view():
            connection, file = page.events()
            while next_event(file)["state"] != "finished":
                pass
            seen.append((page.ask().body, page.ask("/data.json").body))
            connection.close()

        viewers = [threading.Thread(target=view) for _ in range(50)]
        for viewer in viewers:
            viewer.start()
        for viewer in viewers:
            viewer.join()
        self.assertEqual((len(seen), len(set(seen))), (50, 1))
        files = {path.name: path.read_bytes() for path in (self.folder / "run").iterdir()}
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
            answer = page.ask("/", method)
            self.assertEqual((answer.status, answer.getheader("Allow")), (405, "GET, HEAD"), method)
        for path in ("/run.json", "/../run/config.toml", "/%2e%2e/config.toml", "//etc/passwd", "/data.json/x"):
            self.assertEqual(page.ask(path).status, 404, path)
        head = page.ask("/", "HEAD")
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertEqual({path.name: path.read_bytes() for path in (self.folder / "run").iterdir()}, files)

    def test_is_packed_for_those_who_take_that_and_kept_by_nobody(self):
        self.run_ok("train", *SMALL, "--max-steps", 6, "--train-dir", "run")
        page = self.watch("run", "--port", 0)
        self.assertTrue(wait_for(lambda: page.data()["runs"]))
        packed = page.ask("/data.json", headers={"Accept-Encoding": "gzip, br"})
        self.assertEqual(packed.getheader("Content-Encoding"), "gzip")
        self.assertEqual(gzip.decompress(packed.body), page.ask("/data.json").body)
        for path in ("/", "/data.json"):
            answer = page.ask(path)
            self.assertEqual([answer.getheader(name) for name in ("Cache-Control", "X-Content-Type-Options", "X-Frame-Options")],
                             ["no-store", "nosniff", "DENY"])
            self.assertIsNone(answer.getheader("Access-Control-Allow-Origin"))

    def test_is_for_its_own_names_alone(self):
        page = self.watch("run", "--port", 0)
        for host in ("evil.example", f"evil.example:{page.port}", "127.0.0.1.evil.example", "", "localhost.evil.example"):
            for path in ("/", "/data.json", "/events"):
                self.assertEqual(page.ask(path, headers={"Host": host}).status, 403, host)
        for host in ("localhost", f"LOCALHOST:{page.port}", "127.0.0.1", f"[::1]:{page.port}", socket.gethostname(), "192.168.7.7"):
            self.assertEqual(page.ask(headers={"Host": host}).status, 200, host)

    def test_gives_all_of_a_text_and_nothing_behind_it_whatever_range_is_asked_for(self):
        page = self.watch("run", "--port", 0)
        whole = page.ask("/data.json").body
        for asked in ("0-99999999", "1-", "99999999-", "99999999-100000000", "-99999999", "0-0,99999999-99999999"):
            answer = page.ask("/data.json", headers={"Range": f"bytes={asked}"})
            self.assertEqual((answer.status, answer.body), (200, whole), asked)

    def test_drops_who_sends_without_an_end(self):
        page = self.watch("run", "--port", 0)
        connection = socket.create_connection(("127.0.0.1", page.port), timeout=PATIENCE)
        self.addCleanup(connection.close)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        is_there = True
        while is_there:
            has_answer, has_room, _ = select.select([connection], [connection], [], PATIENCE)
            try:
                if has_room:
                    connection.send(b"X: " + 4000 * b"a" + b"\r\n")
                is_there = not has_answer or connection.recv(1) != b""
            except ConnectionError:
                is_there = False
        self.assertEqual(page.ask().status, 200)

    def test_takes_the_next_port_where_one_is_taken_and_says_so(self):
        first = self.watch("run", "--port", 0)
        second = self.watch("run", "--port", first.port)
        self.assertGreater(second.port, first.port)
        self.assertEqual(second.ask().status, 200)
        self.assert_refused(run("watch", "run", "--host", "192.0.2.1", cwd=self.folder), 1, "cannot listen on 192.0.2.1")
        self.assert_refused(run("watch", "run", "--host", "no such host", cwd=self.folder), 1, "--host no such host: ")
        self.assert_refused(run("watch", "run", "--port", 65536, cwd=self.folder), 2, "--port")
        (self.folder / "file").write_text("")
        self.assert_refused(run("watch", "file", cwd=self.folder), 1, "file is no directory")

    def test_warns_where_others_can_see_it(self):
        page = self.watch("run", "--port", 0, "--host", "0.0.0.0")
        page.process.send_signal(signal.SIGTERM)
        _, err = page.process.communicate()
        self.assertIn("whoever reaches this machine", err)

    def test_tells_those_who_are_too_many_and_is_there_again_when_they_are_gone(self):
        page = self.watch("run", "--port", 0)
        crowd = [page.events() for _ in range(256)]
        answer = page.ask()
        self.assertEqual((answer.status, answer.getheader("Retry-After")), (503, "5"))
        self.assertIn(b"256 viewers", answer.body)
        for connection, file in crowd:
            file.close()
            connection.close()
        self.assertTrue(wait_for(lambda: page.ask().status == 200))

    def test_ends_at_once_whoever_is_connected(self):
        page = self.watch("run", "--port", 0)
        connections = [page.events()[0] for _ in range(3)]
        connections += [socket.create_connection(("127.0.0.1", page.port)) for _ in range(3)]  # that say nothing
        page.process.send_signal(signal.SIGINT)
        self.assertEqual(page.process.wait(PATIENCE), 130)
        for connection in connections:
            connection.close()

    def test_says_what_it_cannot_read_and_goes_on_when_it_can(self):
        self.run_ok("train", *SMALL, "--max-steps", 6, "--train-dir", "run")
        page = self.watch("run", "--port", 0)
        connection, file = page.events()
        self.addCleanup(connection.close)
        self.wait_for_state(file, "finished")
        whole = (self.folder / "run/metrics.jsonl").read_bytes()
        (self.folder / "run/metrics.jsonl").write_bytes(whole + b"[]\n")
        event = next_event(file)
        while not event["why"]:
            event = next_event(file)
        self.assertIn("metrics.jsonl:7: ", event["why"])
        (self.folder / "run/metrics.jsonl").write_bytes(whole)
        while event["why"]:
            event = next_event(file)


class TrainWatch(ProgramTest):
    def train(self, *arguments):
        process = start("train", *map(str, SMALL), "--train-dir", self.folder / "run", *arguments, cwd=self.folder)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        for line in process.stderr:
            if line.startswith("watch: "):
                return process, Page(line)
        self.fail("no page")

    @staticmethod
    def watcher(process):
        children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        return next(int(child) for child in children if b"watch" in pathlib.Path(f"/proc/{child}/cmdline").read_bytes())

    def test_shows_its_own_run_until_that_ends(self):
        process, page = self.train("--watch=0", *ENDLESS)
        self.assertTrue(wait_for(lambda: page.data()["runs"] and page.data()["runs"][0]["step"] > 5))
        connection, file = page.events()
        process.send_signal(signal.SIGINT)
        process.communicate()
        self.assertEqual(process.returncode, 130)
        event = next_event(file)
        while event["state"] == "running":
            event = next_event(file)
        self.assertEqual(event["state"], "interrupted")
        connection.close()
        self.assertTrue(self.no_process_left(str(self.folder)))
        with self.assertRaises(OSError):
            page.ask()

    def test_is_gone_with_a_run_that_is_killed_and_a_run_goes_on_without_it(self):
        process, page = self.train("--watch=0", *ENDLESS)
        watcher = self.watcher(process)
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.assertTrue(wait_for(lambda: not pathlib.Path(f"/proc/{watcher}").exists()))
        process, page = self.train("--watch=0", "--overwrite", *ENDLESS)
        os.kill(self.watcher(process), signal.SIGKILL)
        metrics = self.folder / "run/metrics.jsonl"
        self.assertTrue(wait_for(metrics.exists))
        size = metrics.stat().st_size
        self.assertTrue(wait_for(lambda: metrics.stat().st_size > size))
        process.send_signal(signal.SIGINT)
        process.communicate()
        self.assertEqual(process.returncode, 130)

    def test_of_a_job_is_one_page_on_the_machine_of_its_server(self):
        job = self.run_ok("launch", "-n", 4, "--", "train", "--batch-size", 4, "--max-steps", 5, "--train-dir", self.folder / "run",
                          "--watch=0")
        self.assertEqual((job.out + job.err).count("watch: http://127.0.0.1:"), 1)
        self.assertTrue(self.no_process_left(str(self.folder)))

    def test_refuses_a_port_that_is_none(self):
        self.assert_refused(run("train", *SMALL, "--watch", "high", cwd=self.folder), 2, "--watch", "high")
        self.assertFalse((self.folder / "output").exists())


@unittest.skipUnless(CHROMIUM, "needs chromium")
class InABrowser(Watching):
    def test_draws_what_is_new_by_itself(self):
        page = self.watch("run", "--port", 0)
        with Browser() as browser:
            browser.open(page.address)
            running = keep_training(self, "run", *SMALL)
            running.wait_for_steps(5)
            says = lambda: browser.evaluate("document.getElementById('served').textContent")  # noqa: E731
            self.assertTrue(wait_for(lambda: says().startswith("live")), says())
            self.assertTrue(wait_for(lambda: browser.evaluate("document.title.includes('run')")))
            running.process.send_signal(signal.SIGKILL)
            running.process.wait()
            self.assertTrue(wait_for(lambda: "killed" in says()), says())
            self.run_ok("train", "--resume", "auto", "--train-dir", "run", "--max-steps", running.steps() + 2)
            self.assertTrue(wait_for(lambda: "finished" in says()), says())
            page.process.send_signal(signal.SIGINT)
            page.process.wait()
            self.assertTrue(wait_for(lambda: "no connection" in says()), says())
            self.assertEqual([error for error in browser.errors if "ERR_CONNECTION_REFUSED" not in error
                              and "ERR_INCOMPLETE_CHUNKED" not in error], [])


if __name__ == "__main__":
    main()
